// SPDX-License-Identifier: MIT

/* A file appears whole or not at all. */

#include "heapsnap/snapshot.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[64];
static char path[128];

static void make_directory(void)
{
    strcpy(directory, "/tmp/heapsnap-save-XXXXXX");
    cr_assert(mkdtemp(directory) != NULL);
    snprintf(path, sizeof(path), "%s/a.heapsnapshot", directory);
}

static int count_files(void)
{
    DIR *folder = opendir(directory);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

static void remove_directory(void)
{
    unlink(path);
    rmdir(directory);
}

static struct hs_snapshot *some_snapshot(uint32_t nodes)
{
    struct hs_snapshot_builder *builder;
    struct hs_snapshot *snapshot;
    cr_assert(eq(int, hs_snapshot_builder_create(&builder, NULL), 0));
    uint32_t name = hs_snapshot_builder_string(builder, "quote \" slash \\ tab \t é");
    for (uint32_t i = 0; i < nodes; i++)
        hs_snapshot_builder_node(builder, HS_NODE_NATIVE, name, 2 * i + 1, UINT32_MAX, 2);
    hs_snapshot_builder_edge(builder, 0, HS_EDGE_PROPERTY, name, nodes - 1);
    cr_assert(eq(int,
                 hs_snapshot_builder_finish(builder, json_pack("{s:i}", "pid", 42),
                                            &snapshot, NULL),
                 0));
    return snapshot;
}

Test(save, what_is_saved_can_be_loaded_again, .init = make_directory,
     .fini = remove_directory)
{
    struct hs_snapshot *snapshot = some_snapshot(3), *copy = NULL;
    struct hs_error err = {0};

    cr_assert(eq(int, hs_snapshot_save(snapshot, path, &err), 0), "%s", err.text);
    cr_assert(eq(int, hs_snapshot_load(path, &copy, &err), 0), "%s", err.text);

    cr_expect(eq(u32, copy->node_count, 3));
    cr_expect(eq(u32, copy->node_size[2], UINT32_MAX));
    cr_expect(eq(u32, copy->node_id[2], 5));
    cr_expect(eq(u32, copy->edge_to[0], 2));
    cr_expect(
        eq(str, (char *)copy->strings[copy->node_name[0]], "quote \" slash \\ tab \t é"));
    json_t *ours = json_object_get(copy->metadata, "heapsnap");
    cr_expect(eq(int, (int)json_integer_value(json_object_get(ours, "pid")), 42));
    hs_snapshot_destroy(snapshot);
    hs_snapshot_destroy(copy);
}

Test(save, the_file_starts_as_v8_starts_it_and_is_private, .init = make_directory,
     .fini = remove_directory)
{
    struct hs_snapshot *snapshot = some_snapshot(1);
    cr_assert(eq(int, hs_snapshot_save(snapshot, path, NULL), 0));

    struct stat status;
    char start[64] = "";
    FILE *file = fopen(path, "re");
    cr_expect(fgets(start, 34, file) != NULL);
    fclose(file);
    cr_expect(eq(int, stat(path, &status), 0));

    cr_expect(eq(str, start, "{\"snapshot\":{\"meta\":{\"node_fields"));
    cr_expect(eq(int, (int)(status.st_mode & 07777), 0600));
    cr_expect(eq(int, count_files(), 1));
    hs_snapshot_destroy(snapshot);
}

Test(save, a_full_disk_leaves_nothing_and_keeps_the_older_file, .init = make_directory,
     .fini = remove_directory)
{
    struct hs_snapshot *small = some_snapshot(1), *big = some_snapshot(100000);
    struct hs_error err = {0};
    struct stat before, after;
    cr_assert(eq(int, hs_snapshot_save(small, path, NULL), 0));
    stat(path, &before);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = {.rlim_cur = 100000, .rlim_max = 100000};
    setrlimit(RLIMIT_FSIZE, &limit);

    int result = hs_snapshot_save(big, path, &err);

    cr_expect(eq(int, result, -EFBIG));
    cr_expect(strstr(err.text, path) != NULL, "%s", err.text);
    cr_expect(eq(int, count_files(), 1));
    cr_expect(eq(int, stat(path, &after), 0));
    cr_expect(before.st_ino == after.st_ino && before.st_size == after.st_size);
    hs_snapshot_destroy(small);
    hs_snapshot_destroy(big);
}

Test(save, a_file_that_is_to_be_new_replaces_none, .init = make_directory,
     .fini = remove_directory)
{
    struct hs_snapshot *one = some_snapshot(1), *two = some_snapshot(2), *copy = NULL;

    cr_assert(eq(int, hs_snapshot_save_new(one, path, NULL), 0));
    cr_assert(eq(int, hs_snapshot_save_new(two, path, NULL), -EEXIST));

    cr_assert(eq(int, hs_snapshot_load(path, &copy, NULL), 0));
    cr_expect(eq(u32, copy->node_count, 1));
    cr_expect(eq(int, count_files(), 1));
    hs_snapshot_destroy(one);
    hs_snapshot_destroy(two);
    hs_snapshot_destroy(copy);
}

Test(save, an_older_snapshot_is_replaced, .init = make_directory,
     .fini = remove_directory)
{
    struct hs_snapshot *one = some_snapshot(1), *two = some_snapshot(2), *copy = NULL;

    cr_assert(eq(int, hs_snapshot_save(one, path, NULL), 0));
    cr_assert(eq(int, hs_snapshot_save(two, path, NULL), 0));

    cr_assert(eq(int, hs_snapshot_load(path, &copy, NULL), 0));
    cr_expect(eq(u32, copy->node_count, 2));
    cr_expect(eq(int, count_files(), 1));
    hs_snapshot_destroy(one);
    hs_snapshot_destroy(two);
    hs_snapshot_destroy(copy);
}

Test(save, a_symbolic_link_is_never_followed, .init = make_directory,
     .fini = remove_directory)
{
    struct hs_snapshot *snapshot = some_snapshot(1);
    cr_assert(eq(int, symlink("/tmp/heapsnap-must-not-appear", path), 0));

    cr_expect(eq(int, hs_snapshot_save(snapshot, path, NULL), -ELOOP));

    cr_expect(ne(int, access("/tmp/heapsnap-must-not-appear", F_OK), 0));
    cr_expect(eq(int, count_files(), 1));
    hs_snapshot_destroy(snapshot);
}

Test(save, devices_and_directories_are_not_replaced, .init = make_directory,
     .fini = remove_directory)
{
    struct hs_snapshot *snapshot = some_snapshot(1);
    struct hs_error err = {0};

    cr_expect(eq(int, hs_snapshot_save(snapshot, "/dev/null", NULL), -EEXIST));
    cr_expect(eq(int, hs_snapshot_save(snapshot, directory, &err), -EISDIR));

    cr_expect(strstr(err.text, directory) != NULL);
    cr_expect(eq(int, count_files(), 0));
    hs_snapshot_destroy(snapshot);
}

Test(save, a_directory_that_is_not_there_is_named, .init = make_directory,
     .fini = remove_directory)
{
    struct hs_snapshot *snapshot = some_snapshot(1);
    struct hs_error err = {0};

    int result = hs_snapshot_save(snapshot, "/nowhere/a.heapsnapshot", &err);

    cr_expect(eq(int, result, -ENOENT));
    cr_expect(eq(str, err.text,
                 "cannot write /nowhere/a.heapsnapshot: No such file or directory"));
    hs_snapshot_destroy(snapshot);
}

Test(save, a_name_of_the_greatest_length_is_written, .init = make_directory,
     .fini = remove_directory)
{
    char longest[64 + NAME_MAX + 2];
    struct hs_snapshot *snapshot = some_snapshot(2);
    struct hs_error err = {0};
    size_t length = strlen(directory);
    strcpy(longest, directory);
    longest[length++] = '/';
    memset(longest + length, 'n', NAME_MAX + 1);

    longest[length + NAME_MAX] = '\0';
    cr_expect(eq(int, hs_snapshot_save_check(longest, NULL), 0));
    cr_expect(eq(int, hs_snapshot_save(snapshot, longest, &err), 0), "%s", err.text);
    cr_expect(eq(int, unlink(longest), 0));
    longest[length + NAME_MAX] = 'n';
    longest[length + NAME_MAX + 1] = '\0';
    cr_expect(eq(int, hs_snapshot_save(snapshot, longest, &err), -ENAMETOOLONG));

    cr_expect(strstr(err.text, "name too long") != NULL);
    cr_expect(eq(int, count_files(), 0));
    hs_snapshot_destroy(snapshot);
}

Test(save, what_could_not_be_written_is_known_before, .init = make_directory,
     .fini = remove_directory)
{
    struct hs_error err = {0};
    char below[160];

    cr_expect(eq(int, hs_snapshot_save_check(path, &err), 0));
    snprintf(below, sizeof(below), "%s/nothing/x", directory);
    cr_expect(eq(int, hs_snapshot_save_check(below, &err), -ENOENT));
    snprintf(below, sizeof(below), "%s/", directory);
    cr_expect(eq(int, hs_snapshot_save_check(below, &err), -EISDIR));
    cr_expect(eq(int, hs_snapshot_save_check("/dev/null", &err), -EEXIST));
    cr_expect(eq(int, symlink("target", path), 0));
    struct hs_error last = {0};
    cr_expect(eq(int, hs_snapshot_save_check(path, &last), -ELOOP));

    cr_expect(strstr(last.text, "symbolic link") != NULL);
}

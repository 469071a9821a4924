// SPDX-License-Identifier: MIT

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libheapsnap/types/cache.h"
#include "libheapsnap/types/layout_builder.h"

static const uint8_t build_id[20] = {0xab, 0xcd, 1, 2, 3};
#define NAME "abcd010203000000000000000000000000000000.types"

static char *make_folder(void)
{
    static char path[] = "/tmp/heapsnap-cache-XXXXXX";
    cr_assert(ne(ptr, mkdtemp(path), NULL));
    return path;
}

static void remove_folder(const char *path)
{
    char file[512];
    DIR *folder = opendir(path);
    struct dirent *entry;
    while (folder && (entry = readdir(folder)) != NULL) {
        snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
        unlink(file);
    }
    closedir(folder);
    rmdir(path);
}

/* One struct "entry" of 16 bytes that points to itself. */
static struct hs_layout_header *make_table(const uint8_t *id)
{
    struct hs_layout_builder builder;
    hs_layout_builder_init(&builder, SIZE_MAX);
    struct hs_layout_type entry = {.kind = HS_TYPE_STRUCT,
                                   .size = 16,
                                   .element = HS_TYPE_NONE,
                                   .name = hs_layout_builder_string(&builder, "entry")};
    uint32_t number = hs_layout_builder_add(&builder, &entry);
    struct hs_layout_type pointer = {
        .kind = HS_TYPE_POINTER, .size = 8, .element = number};
    struct hs_layout_member next = {.offset = 8,
                                    .type = hs_layout_builder_add(&builder, &pointer),
                                    .name = hs_layout_builder_string(&builder, "next")};
    hs_layout_builder_member(&builder, number, &next);
    uint32_t *numbers;
    cr_assert(hs_layout_builder_merge(&builder, &numbers));
    free(numbers);
    struct hs_layout_header *header = hs_layout_builder_finish(&builder, id, 20);
    hs_layout_builder_deinit(&builder);
    cr_assert(ne(ptr, header, NULL));
    return header;
}

static bool is_loaded(const char *folder)
{
    struct hs_layout_table table = {0};
    bool is_there = hs_cache_load(folder, build_id, sizeof(build_id), &table);
    hs_layout_table_close(&table);
    return is_there;
}

static void path_in(const char *folder, char path[512])
{
    snprintf(path, 512, "%s/%s", folder, NAME);
}

Test(cache, what_was_saved_is_loaded)
{
    char *folder = make_folder();
    struct hs_layout_header *header = make_table(build_id);
    struct hs_layout_table table = {0};
    char path[512];
    struct stat status;

    hs_cache_save(folder, header, HS_CACHE_LIMIT);

    cr_assert(hs_cache_load(folder, build_id, sizeof(build_id), &table));
    size_t at = SIZE_MAX;
    uint32_t found = hs_layout_table_find(&table, "entry", &at);
    cr_assert(ne(u32, found, HS_TYPE_NONE));
    cr_expect(eq(u64, table.types[found].size, 16));
    path_in(folder, path);
    cr_assert(eq(int, stat(path, &status), 0));
    cr_expect(eq(u32, status.st_mode & 0777, 0600));
    hs_layout_table_close(&table);
    free(header);
    remove_folder(folder);
}

Test(cache, a_folder_is_made_for_its_user_alone)
{
    char *folder = make_folder();
    char inner[512];
    snprintf(inner, sizeof(inner), "%s/x", folder);
    struct hs_layout_header *header = make_table(build_id);
    struct stat status;

    hs_cache_save(inner, header, HS_CACHE_LIMIT);

    cr_assert(eq(int, stat(inner, &status), 0));
    cr_expect(eq(u32, status.st_mode & 0777, 0700));
    cr_expect(is_loaded(inner));
    remove_folder(inner);
    remove_folder(folder);
    free(header);
}

Test(cache, the_users_own_folder_is_the_one_that_is_meant_without_another)
{
    char *folder = make_folder();
    struct hs_layout_header *header = make_table(build_id);
    char cache[512], inner[512];
    snprintf(cache, sizeof(cache), "%s/.cache", folder);
    snprintf(inner, sizeof(inner), "%s/.cache/heapsnap", folder);
    unsetenv("XDG_CACHE_HOME");
    setenv("HOME", folder, 1);

    hs_cache_save(NULL, header, HS_CACHE_LIMIT);

    cr_expect(is_loaded(inner));
    setenv("XDG_CACHE_HOME", cache, 1);
    setenv("HOME", "/nowhere", 1);
    cr_expect(is_loaded(NULL));
    remove_folder(inner);
    remove_folder(cache);
    remove_folder(folder);
    free(header);
}

Test(cache, nothing_is_made_in_the_home_of_another_user)
{
    char *folder = make_folder();
    struct hs_layout_header *header = make_table(build_id);
    struct stat status;
    char cache[512];
    snprintf(cache, sizeof(cache), "%s/.cache", folder);
    unsetenv("XDG_CACHE_HOME");
    setenv("HOME", folder, 1);
    if (geteuid() == 0) /* else there is no such home to try */
        cr_assert(eq(int, chown(folder, 65534, 65534), 0));

    if (geteuid() == 0)
        hs_cache_save(NULL, header, HS_CACHE_LIMIT);

    cr_expect(ne(int, stat(cache, &status), 0));
    remove_folder(folder);
    free(header);
}

Test(cache, every_damaged_byte_is_noticed)
{
    char *folder = make_folder();
    struct hs_layout_header *header = make_table(build_id);
    hs_cache_save(folder, header, HS_CACHE_LIMIT);
    char path[512];
    path_in(folder, path);
    int fd = open(path, O_RDWR);
    unsigned n_unnoticed = 0;

    for (off_t at = 0; at < (off_t)header->size; at++) {
        uint8_t byte, damaged;
        cr_assert(eq(long, pread(fd, &byte, 1, at), 1));
        damaged = byte ^ 0x40;
        cr_assert(eq(long, pwrite(fd, &damaged, 1, at), 1));
        n_unnoticed += is_loaded(folder);
        cr_assert(eq(long, pwrite(fd, &byte, 1, at), 1));
    }

    cr_expect(eq(u32, n_unnoticed, 0));
    cr_expect(is_loaded(folder));
    for (off_t size = (off_t)header->size - 1; size >= 0; size -= 37) {
        cr_assert(eq(int, ftruncate(fd, size), 0));
        cr_expect(not(is_loaded(folder)));
    }
    close(fd);
    remove_folder(folder);
    free(header);
}

Test(cache, what_others_may_write_is_not_believed)
{
    char *folder = make_folder();
    struct hs_layout_header *header = make_table(build_id);
    hs_cache_save(folder, header, HS_CACHE_LIMIT);
    char path[512];
    path_in(folder, path);

    chmod(path, 0622);
    cr_expect(not(is_loaded(folder)));
    chmod(path, 0600);
    chmod(folder, 0777);
    cr_expect(not(is_loaded(folder)));
    chmod(folder, 0700);
    cr_expect(is_loaded(folder));
    if (geteuid() == 0) {
        cr_assert(eq(int, chown(path, 65534, 65534), 0));
        cr_expect(not(is_loaded(folder)));
    }
    remove_folder(folder);
    free(header);
}

Test(cache, a_table_of_another_file_is_not_believed)
{
    char *folder = make_folder();
    static const uint8_t other_id[20] = {9};
    struct hs_layout_header *header = make_table(other_id);
    char path[512], other[512];
    hs_cache_save(folder, header, HS_CACHE_LIMIT);
    path_in(folder, path);
    snprintf(other, sizeof(other), "%s/09%038d.types", folder, 0);

    cr_assert(eq(int, rename(other, path), 0));

    cr_expect(not(is_loaded(folder)));
    remove_folder(folder);
    free(header);
}

Test(cache, the_folder_stays_below_its_limit)
{
    char *folder = make_folder();
    uint64_t size = 0;
    for (uint8_t i = 0; i < 5; i++) {
        uint8_t id[20] = {i};
        struct hs_layout_header *other = make_table(id);
        size = other->size;
        hs_cache_save(folder, other, 3 * size);
        free(other);
    }
    struct hs_layout_header *header = make_table(build_id);

    hs_cache_save(folder, header, 3 * size);

    unsigned count = 0;
    DIR *listing = opendir(folder);
    struct dirent *entry;
    while ((entry = readdir(listing)) != NULL)
        count += strstr(entry->d_name, ".types") != NULL;
    closedir(listing);
    cr_expect(eq(u32, count, 3));
    cr_expect(is_loaded(folder)); /* the newest is among them */
    free(header);
    remove_folder(folder);
}

Test(cache, an_empty_name_keeps_nothing)
{
    struct hs_layout_header *header = make_table(build_id);

    hs_cache_save("", header, HS_CACHE_LIMIT);

    cr_expect(not(is_loaded("")));
    free(header);
}

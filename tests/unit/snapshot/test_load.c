// SPDX-License-Identifier: MIT

/*
 * Golden folders: what is valid is loaded, saved again and compared byte for byte; what is
 * not is refused with exactly the sentence in the file "error".
 */

#include "heapsnap/snapshot.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libheapsnap/base/guard.h"

#define PATH_SIZE 600

static char *read_all(const char *path)
{
    hs_auto_fclose FILE *file = fopen(path, "re");
    cr_assert(file != NULL, "%s: %s", path, strerror(errno));
    char *text = NULL;
    size_t room = 0;
    if (getdelim(&text, &room, '\0', file) < 0 && text)
        text[0] = '\0';
    return text;
}

/* Call `check` with the path of every folder in `parent`; there must be some. */
static void each_case(const char *parent, void (*check)(const char *folder))
{
    char path[PATH_SIZE / 2];
    snprintf(path, sizeof(path), GOLDEN "/%s", parent);
    DIR *folder = opendir(path);
    cr_assert(folder != NULL, "%s: %s", path, strerror(errno));
    int cases = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        char one[PATH_SIZE];
        snprintf(one, sizeof(one), "%s/%s", path, entry->d_name);
        check(one);
        cases++;
    }
    closedir(folder);
    cr_expect(cases > 0);
}

static void check_valid(const char *folder)
{
    char input[PATH_SIZE + 32], expected[PATH_SIZE + 32],
        output[] = "/tmp/heapsnap-XXXXXX";
    snprintf(input, sizeof(input), "%s/input.heapsnapshot", folder);
    snprintf(expected, sizeof(expected), "%s/expected.heapsnapshot", folder);
    struct hs_snapshot *snapshot = NULL;
    struct hs_error err = {0};
    close(mkstemp(output));

    int loaded = hs_snapshot_load(input, &snapshot, &err);
    int saved = loaded == 0 ? hs_snapshot_save(snapshot, output, &err) : -1;

    cr_expect(eq(int, saved, 0), "%s: %s", folder, err.text);
    struct hs_snapshot *again = NULL;
    cr_expect(eq(int, hs_snapshot_load(output, &again, &err), 0), "%s", err.text);
    cr_expect(hs_snapshot_equal(snapshot, again, &err) != 0, "%s: %s", folder, err.text);
    hs_snapshot_destroy(again);
    hs_auto_free char *wanted = read_all(expected);
    hs_auto_free char *got = read_all(output);
    cr_expect(strcmp(wanted, got) == 0, "%s: not what was expected:\n%s", folder, got);
    hs_snapshot_destroy(snapshot);
    unlink(output);
}

static void check_invalid(const char *folder)
{
    char input[PATH_SIZE + 32], error[PATH_SIZE + 32], wanted[1024];
    snprintf(input, sizeof(input), "%s/input.heapsnapshot", folder);
    snprintf(error, sizeof(error), "%s/error", folder);
    hs_auto_free char *text = read_all(error);
    struct hs_snapshot *snapshot = NULL;
    struct hs_error err = {0};

    int result = hs_snapshot_load(input, &snapshot, &err);

    cr_expect(eq(int, result, -EINVAL), "%s", folder);
    cr_expect(eq(ptr, snapshot, NULL), "%s", folder);
    text[strcspn(text, "\n")] = '\0';
    snprintf(wanted, sizeof(wanted), "%s%s", input, text + strlen("FILE"));
    cr_expect(eq(str, err.text, wanted));
}

Test(load, every_layout_in_the_wild_means_the_same)
{
    each_case("valid", check_valid);
}

Test(load, damage_is_refused_with_the_place_and_what_should_be_there)
{
    each_case("invalid", check_invalid);
}

Test(load, a_file_that_is_not_there_is_named)
{
    struct hs_snapshot *snapshot = NULL;
    struct hs_error err = {0};

    int result = hs_snapshot_load("/nowhere/x.heapsnapshot", &snapshot, &err);

    cr_expect(eq(int, result, -ENOENT));
    cr_expect(eq(str, err.text,
                 "cannot open /nowhere/x.heapsnapshot: No such file or directory"));
}

Test(load, a_directory_is_no_snapshot)
{
    struct hs_snapshot *snapshot = NULL;

    cr_expect(eq(int, hs_snapshot_load("/tmp", &snapshot, NULL), -EISDIR));
}

Test(load, every_cut_of_a_file_is_refused)
{
    hs_auto_free char *text =
        read_all(GOLDEN "/valid/allocation-traces/input.heapsnapshot");
    size_t size = strlen(text);
    while (size > 0 && text[size - 1] == '\n')
        size--;
    char path[] = "/tmp/heapsnap-XXXXXX";
    close(mkstemp(path));

    for (size_t cut = 1; cut < size; cut++) {
        FILE *file = fopen(path, "we");
        fwrite(text, 1, cut, file);
        fclose(file);
        struct hs_snapshot *snapshot = NULL;

        cr_expect(eq(int, hs_snapshot_load(path, &snapshot, NULL), -EINVAL), "cut at %zu",
                  cut);
        hs_snapshot_destroy(snapshot);
    }
    unlink(path);
}

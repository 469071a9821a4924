// SPDX-License-Identifier: MIT

/*
 * Runs a fuzz target over files and folders, so that a corpus is an ordinary test. Every
 * file is tried whole, cut at many places and with single bytes changed.
 */

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t runs;

static void run(const uint8_t *data, size_t size)
{
    /* A block of its own: reading one byte too many is then seen by sanitizers. */
    uint8_t *copy = malloc(size + !size);
    if (!copy)
        abort();
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    runs++;
}

static void run_variants(uint8_t *data, size_t size)
{
    static const uint8_t bytes[] = {0, '9', ']', '[', '"', ',', '-', '\\', 0xff};
    run(data, size);
    for (size_t cut = 0; cut < size; cut += 1 + size / 97)
        run(data, cut);
    for (size_t at = 0; at < size; at += 1 + size / 61) {
        uint8_t kept = data[at];
        data[at] = bytes[at % sizeof(bytes)];
        run(data, size);
        data[at] = kept;
    }
}

static int replay(const char *path)
{
    struct stat status;
    if (stat(path, &status) < 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return 1;
    }
    int failures = 0;
    if (S_ISDIR(status.st_mode)) {
        DIR *folder = opendir(path);
        for (struct dirent *entry; folder && (entry = readdir(folder));) {
            char name[4096];
            if (entry->d_name[0] == '.')
                continue;
            snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
            failures += replay(name);
        }
        if (folder)
            closedir(folder);
        return failures + !folder;
    }
    FILE *file = fopen(path, "re");
    uint8_t *data = malloc((size_t)status.st_size + 1);
    if (!file || !data)
        abort();
    size_t size = fread(data, 1, (size_t)status.st_size, file);
    fclose(file);
    run_variants(data, size);
    free(data);
    return 0;
}

int main(int argc, char **argv)
{
    int failures = 0;
    for (int i = 1; i < argc; i++)
        failures += replay(argv[i]);
    printf("%zu inputs\n", runs);
    return failures > 0 || runs == 0;
}

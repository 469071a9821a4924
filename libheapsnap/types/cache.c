// SPDX-License-Identifier: MIT

/* See the header. A table is "used" when its times are set: loading does it. */

#include "libheapsnap/types/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libheapsnap/base/array.h"
#include "libheapsnap/base/guard.h"

#define SUFFIX ".types"
#define TABLE_MAX (1ull << 32)
#define PATH_SIZE 4096

/* Ours alone: nobody else may put a table there. */
static bool is_own(int fd, mode_t kind)
{
    struct stat status;
    return fstat(fd, &status) == 0 && (status.st_mode & S_IFMT) == kind
           && status.st_uid == geteuid() && (status.st_mode & 022) == 0;
}

/* Where the user keeps such things; false when that is not known. */
static bool name_folder(const char *folder, char path[PATH_SIZE])
{
    const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int length = -1;
    if (folder)
        length = snprintf(path, PATH_SIZE, "%s", folder);
    else if (base && base[0] == '/')
        length = snprintf(path, PATH_SIZE, "%s/heapsnap", base);
    else if (home && home[0] == '/')
        length = snprintf(path, PATH_SIZE, "%s/.cache/heapsnap", home);
    return length > 0 && length < PATH_SIZE;
}

/* Not in another user's home, where sudo may have left us. */
static void make_folder(const char *path)
{
    char parent[PATH_SIZE];
    struct stat status;
    strcpy(parent, path);
    char *slash = strrchr(parent, '/');
    if (!slash || slash == parent)
        return;
    *slash = '\0';
    char *outer = strrchr(parent, '/');
    if (outer && outer != parent && stat(parent, &status) != 0) {
        *outer = '\0';
        if (stat(parent, &status) != 0 || status.st_uid != geteuid())
            return;
        *outer = '/';
        mkdir(parent, 0700);
    }
    if (stat(parent, &status) == 0 && status.st_uid == geteuid())
        mkdir(path, 0700);
}

/* Descriptor of the folder, or -1. */
static int open_folder(const char *folder, bool creates)
{
    char path[PATH_SIZE];
    if (!name_folder(folder, path))
        return -1;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && creates) {
        make_folder(path);
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (fd >= 0 && !is_own(fd, S_IFDIR)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* `name` has room for two characters a byte and the suffix. */
static bool name_file(const uint8_t *build_id, size_t size, char name[64])
{
    if (size < 4 || size > 24)
        return false;
    for (size_t i = 0; i < size; i++)
        snprintf(name + 2 * i, 3, "%02x", build_id[i]);
    strcat(name, SUFFIX);
    return true;
}

/* The bytes of a regular file of ours; NULL. */
static void *map_file(int folder, const char *name, size_t *ret_size)
{
    struct stat status;
    hs_auto_close int fd =
        openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 || !is_own(fd, S_IFREG) || fstat(fd, &status) != 0
        || status.st_size < (off_t)sizeof(struct hs_layout_header)
        || (uint64_t)status.st_size > TABLE_MAX)
        return NULL;
    void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        return NULL;
    static const struct timespec now[2] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};
    futimens(fd, now);
    *ret_size = (size_t)status.st_size;
    return bytes;
}

bool hs_cache_load(const char *folder, const uint8_t *build_id, size_t build_id_size,
                   struct hs_layout_table *ret)
{
    char name[64];
    if (!name_file(build_id, build_id_size, name))
        return false;
    hs_auto_close int directory = open_folder(folder, false);
    size_t size;
    void *bytes = directory >= 0 ? map_file(directory, name, &size) : NULL;
    if (!bytes)
        return false;
    struct hs_layout_table table;
    const struct hs_layout_header *header = bytes;
    bool is_fine = hs_layout_table_open(bytes, size, true, &table) == NULL
                   && header->build_id_size == build_id_size
                   && memcmp(header->build_id, build_id, build_id_size) == 0;
    if (is_fine)
        *ret = table;
    else
        munmap(bytes, size);
    return is_fine;
}

/* ---- the limit ---- */

struct file {
    char name[64];
    struct timespec used;
    uint64_t size;
};

static int by_use(const void *left, const void *right)
{
    const struct file *a = left, *b = right;
    if (a->used.tv_sec != b->used.tv_sec)
        return a->used.tv_sec < b->used.tv_sec ? -1 : 1;
    if (a->used.tv_nsec != b->used.tv_nsec)
        return a->used.tv_nsec < b->used.tv_nsec ? -1 : 1;
    return strcmp(a->name, b->name);
}

/* Tables, and what a save that was killed has left. */
static bool is_ours(const char *name)
{
    return strlen(name) < 64 && strstr(name, SUFFIX) != NULL;
}

static void keep_limit(int folder, const char *saved, uint64_t limit)
{
    HS_ARRAY(struct file) files = {0};
    uint64_t total = 0;
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = copy >= 0 ? fdopendir(copy) : NULL;
    if (!directory)
        return;
    struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        struct stat status;
        if (!is_ours(entry->d_name)
            || fstatat(folder, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        struct file file = {.used = status.st_atim, .size = (uint64_t)status.st_size};
        strcpy(file.name, entry->d_name);
        total += file.size;
        if (strcmp(file.name, saved) != 0 && !hs_array_push(&files, file))
            break;
    }
    closedir(directory);
    if (files.count > 0)
        qsort(files.at, files.count, sizeof(*files.at), by_use);
    for (size_t i = 0; i < files.count && total > limit; i++)
        if (unlinkat(folder, files.at[i].name, 0) == 0)
            total -= files.at[i].size;
    free(files.at);
}

/* ---- saving ---- */

static bool write_all(int fd, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size > 0) {
        ssize_t written = write(fd, at, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        at += written;
        size -= (size_t)written;
    }
    return true;
}

void hs_cache_save(const char *folder, const struct hs_layout_header *table,
                   uint64_t limit)
{
    char name[64], temporary[96];
    if (table->size > limit || !name_file(table->build_id, table->build_id_size, name))
        return;
    hs_auto_close int directory = open_folder(folder, true);
    if (directory < 0)
        return;
    /* Two tools may save the same table: each under a name of its own. */
    snprintf(temporary, sizeof(temporary), "%s.%d", name, (int)getpid());
    hs_auto_close int fd = openat(
        directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return;
    if (!write_all(fd, table, table->size)
        || renameat(directory, temporary, directory, name) != 0) {
        unlinkat(directory, temporary, 0);
        return;
    }
    keep_limit(directory, name, limit);
}

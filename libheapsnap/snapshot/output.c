// SPDX-License-Identifier: MIT

/*
 * A file without a name, sync, a temporary name, rename. So whoever is killed while he
 * writes leaves nothing behind, and rename() replaces an older snapshot in one step.
 * Where the file system knows no nameless files it has the temporary name from the start.
 */

#include "libheapsnap/snapshot/output.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* As the kernel has it; not every libc knows the name. */
#define RENAME_WITHOUT_REPLACING 1u
/* Longest name, without what makes it temporary. */
#define NAME_KEPT (NAME_MAX - 13)
/* Of a longer path an error tells the end, so that the reason fits behind it. */
#define PATH_SHOWN 200

static const char *shown(const char *path, const char **ret_cut)
{
    size_t length = strlen(path);
    *ret_cut = length > PATH_SHOWN ? "…" : "";
    return length > PATH_SHOWN ? path + length - PATH_SHOWN : path;
}

static int fail(struct hs_output *out, int code, struct hs_error *err)
{
    const char *cut, *path = shown(out->path, &cut), *advice = "";
    if (code == ENOSPC || code == EDQUOT)
        advice = "; free some space or choose another directory with -o";
    if (code == EFBIG)
        advice = " (see ulimit -f)";
    return hs_error_set(err, code, "cannot write %s%s: %s%s", cut, path, strerror(code),
                        advice);
}

static int check_target(struct hs_output *out, struct hs_error *err)
{
    struct stat status;
    if (lstat(out->path, &status) < 0)
        return errno == ENOENT ? 0 : fail(out, errno, err);
    if (out->is_new)
        return fail(out, EEXIST, err);
    if (S_ISREG(status.st_mode))
        return 0;
    if (S_ISDIR(status.st_mode))
        return hs_error_set(err, EISDIR,
                            "cannot write %s: it is a directory; name a file "
                            "in it",
                            out->path);
    if (S_ISLNK(status.st_mode))
        return hs_error_set(err, ELOOP,
                            "cannot write %s: it is a symbolic link; name the "
                            "file itself",
                            out->path);
    return hs_error_set(err, EEXIST, "cannot write %s: it exists and is no regular file",
                        out->path);
}

static uint64_t random_number(void)
{
    uint64_t number;
    if (getrandom(&number, sizeof(number), GRND_NONBLOCK) == (ssize_t)sizeof(number))
        return number;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_nsec << 32 ^ (uint64_t)getpid();
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Give the file a temporary name that nobody has: by making it there, or by linking. */
static int name_temporary(struct hs_output *out)
{
    char nameless[32];
    snprintf(nameless, sizeof(nameless), "/proc/self/fd/%d", out->fd);
    const char *name = name_of(out->path);
    for (int attempt = 0; attempt < 100; attempt++) {
        int length = snprintf(out->temporary, sizeof(out->temporary),
                              "%.*s%.*s.%08" PRIx32 ".tmp", (int)(name - out->path),
                              out->path, NAME_KEPT, name, (uint32_t)random_number());
        if (length < 0 || (size_t)length >= sizeof(out->temporary))
            return -ENAMETOOLONG;
        int result =
            out->fd >= 0
                ? linkat(AT_FDCWD, nameless, AT_FDCWD, out->temporary, AT_SYMLINK_FOLLOW)
                : open(out->temporary,
                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (result >= 0)
            return result;
        if (errno != EEXIST)
            break;
    }
    int code = errno;
    out->temporary[0] = '\0';
    return -code;
}

/* -1 where that cannot be done, or could not be named later. */
static int open_nameless(const struct hs_output *out)
{
    char folder[PATH_MAX] = ".";
    size_t length = (size_t)(name_of(out->path) - out->path);
    if (length > 0) {
        memcpy(folder, out->path, length);
        folder[length] = '\0';
    }
    if (access("/proc/self/fd", X_OK) != 0)
        return -1;
    return open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
}

int hs_output_check(const char *path, struct hs_error *err)
{
    struct hs_output out = {.fd = -1};
    if (strlen(path) >= sizeof(out.path))
        return hs_error_set(err, ENAMETOOLONG, "the file name %.60s… is too long", path);
    strcpy(out.path, path);
    int result = check_target(&out, err);
    const char *name = name_of(path);
    if (result == 0 && !*name)
        result = hs_error_set(err, EISDIR,
                              "cannot write %s: it is a directory; name a "
                              "file in it",
                              path);
    out.path[name - path] = '\0';
    if (result == 0 && access(*out.path ? out.path : ".", W_OK | X_OK) != 0) {
        int code = errno;
        strcpy(out.path, path);
        result = fail(&out, code, err);
    }
    return result;
}

static int output_open(struct hs_output *out, const char *path, bool is_new,
                       struct hs_error *err)
{
    *out = (struct hs_output){.fd = -1, .is_new = is_new};
    if (strlen(path) >= sizeof(out->path))
        return hs_error_set(err, ENAMETOOLONG, "the file name %.60s… is too long", path);
    strcpy(out->path, path);
    int result = check_target(out, err);
    if (result < 0)
        return result;
    out->buffer = malloc(HS_OUTPUT_BUFFER);
    if (!out->buffer)
        return hs_error_set(err, ENOMEM, "no memory to write %s", path);
    out->fd = open_nameless(out);
    if (out->fd < 0)
        out->fd = name_temporary(out);
    if (out->fd < 0) {
        free(out->buffer);
        return fail(out, -out->fd, err);
    }
    return 0;
}

int hs_output_open(struct hs_output *out, const char *path, struct hs_error *err)
{
    return output_open(out, path, false, err);
}

int hs_output_open_new(struct hs_output *out, const char *path, struct hs_error *err)
{
    return output_open(out, path, true, err);
}

static void write_all(struct hs_output *out, const char *text, size_t size)
{
    while (size > 0 && out->failure == 0) {
        ssize_t written = write(out->fd, text, size);
        if (written > 0) {
            text += written;
            size -= (size_t)written;
        } else if (written == 0 || errno != EINTR) {
            out->failure = written == 0 ? EIO : errno;
        }
    }
}

void hs_output_flush(struct hs_output *out)
{
    write_all(out, out->buffer, out->used);
    out->used = 0;
}

void hs_output_text(struct hs_output *out, const char *text, size_t size)
{
    if (HS_OUTPUT_BUFFER - out->used < size)
        hs_output_flush(out);
    if (HS_OUTPUT_BUFFER < size) {
        write_all(out, text, size);
        return;
    }
    memcpy(out->buffer + out->used, text, size);
    out->used += size;
}

void hs_output_abandon(struct hs_output *out)
{
    close(out->fd);
    if (out->temporary[0])
        unlink(out->temporary);
    free(out->buffer);
}

/* Some file systems can neither refuse to replace nor link: there an older file goes. */
static int put_in_place(const struct hs_output *out)
{
    if (out->is_new) {
        if (syscall(SYS_renameat2, AT_FDCWD, out->temporary, AT_FDCWD, out->path,
                    RENAME_WITHOUT_REPLACING)
            == 0)
            return 0;
        if (errno == EEXIST)
            return -1;
        if (link(out->temporary, out->path) == 0)
            return unlink(out->temporary);
        if (errno == EEXIST)
            return -1;
    }
    return rename(out->temporary, out->path);
}

int hs_output_commit(struct hs_output *out, struct hs_error *err)
{
    hs_output_flush(out);
    /* Pipes and odd file systems have nothing to sync; that is no failure. */
    if (out->failure == 0 && fsync(out->fd) < 0 && errno != EINVAL && errno != ENOSYS)
        out->failure = errno;
    if (out->failure == 0 && !out->temporary[0])
        out->failure = -name_temporary(out);
    if (out->failure) {
        hs_output_abandon(out);
        return fail(out, out->failure, err);
    }
    close(out->fd);
    free(out->buffer);
    if (put_in_place(out) < 0) {
        int code = errno;
        unlink(out->temporary);
        return fail(out, code, err);
    }
    return 0;
}

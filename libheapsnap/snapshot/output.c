// SPDX-License-Identifier: MIT

/*
 * Temporary name, sync, rename. The temporary file has a name of its own (and not
 * O_TMPFILE) because rename() must replace an older snapshot in one step.
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
#include <time.h>
#include <unistd.h>

static int fail(struct hs_output *out, int code, struct hs_error *err)
{
    if (code == ENOSPC || code == EDQUOT)
        return hs_error_set(err, code, "cannot write %s: %s; free some space or choose "
                                       "another directory with -o",
                            out->path, strerror(code));
    if (code == EFBIG)
        return hs_error_set(err, code, "cannot write %s: %s (see ulimit -f)", out->path,
                            strerror(code));
    return hs_error_set(err, code, "cannot write %s: %s", out->path, strerror(code));
}

static int check_target(struct hs_output *out, struct hs_error *err)
{
    struct stat status;
    if (lstat(out->path, &status) < 0)
        return errno == ENOENT ? 0 : fail(out, errno, err);
    if (S_ISREG(status.st_mode))
        return 0;
    if (S_ISDIR(status.st_mode))
        return hs_error_set(err, EISDIR, "cannot write %s: it is a directory; name a file "
                                         "in it",
                            out->path);
    if (S_ISLNK(status.st_mode))
        return hs_error_set(err, ELOOP, "cannot write %s: it is a symbolic link; name the "
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

static int open_temporary(struct hs_output *out)
{
    for (int attempt = 0; attempt < 100; attempt++) {
        int length = snprintf(out->temporary, sizeof(out->temporary), "%s.%08" PRIx32 ".tmp",
                              out->path, (uint32_t)random_number());
        if (length < 0 || (size_t)length >= sizeof(out->temporary))
            return -ENAMETOOLONG;
        int fd = open(out->temporary,
                      O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd >= 0)
            return fd;
        if (errno != EEXIST)
            return -errno;
    }
    return -EEXIST;
}

int hs_output_open(struct hs_output *out, const char *path, struct hs_error *err)
{
    *out = (struct hs_output){.fd = -1};
    if (strlen(path) >= sizeof(out->path))
        return hs_error_set(err, ENAMETOOLONG, "the file name %.60s… is too long", path);
    strcpy(out->path, path);
    int result = check_target(out, err);
    if (result < 0)
        return result;
    out->buffer = malloc(HS_OUTPUT_BUFFER);
    if (!out->buffer)
        return hs_error_set(err, ENOMEM, "no memory to write %s", path);
    out->fd = open_temporary(out);
    if (out->fd < 0) {
        free(out->buffer);
        return fail(out, -out->fd, err);
    }
    return 0;
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
    unlink(out->temporary);
    free(out->buffer);
}

int hs_output_commit(struct hs_output *out, struct hs_error *err)
{
    hs_output_flush(out);
    /* Pipes and odd file systems have nothing to sync; that is no failure. */
    if (out->failure == 0 && fsync(out->fd) < 0 && errno != EINVAL && errno != ENOSYS)
        out->failure = errno;
    if (out->failure) {
        hs_output_abandon(out);
        return fail(out, out->failure, err);
    }
    close(out->fd);
    free(out->buffer);
    if (rename(out->temporary, out->path) < 0) {
        int code = errno;
        unlink(out->temporary);
        return fail(out, code, err);
    }
    return 0;
}

// SPDX-License-Identifier: MIT

/*
 * Files are mapped, so that what is not looked at is never read. Pipes and devices, which
 * cannot be, are read into memory, and packed files unpacked there, as long as they may
 * still become a snapshot.
 */

#include "libheapsnap/snapshot/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libheapsnap/base/array.h"
#include "libheapsnap/base/guard.h"
#include "libheapsnap/snapshot/unpack.h"

void hs_input_close(struct hs_input *input)
{
    if (input->is_mapped)
        munmap(input->at, input->size);
    else
        free(input->at);
}

void hs_input_expect_all(const struct hs_input *input)
{
    if (input->is_mapped)
        madvise(input->at, input->size, MADV_SEQUENTIAL);
}

/* Blanks that may stand before a snapshot in a pipe. */
#define BLANKS_MAX 4096

/* Does it begin as no snapshot does? Then there is no sense in reading a device or a pipe
 * to an end that it may not have. */
static bool is_hopeless(const char *text, size_t size)
{
    size_t blanks = 0;
    while (blanks < size && strchr(" \t\r\n", text[blanks]) && text[blanks])
        blanks++;
    return blanks > BLANKS_MAX
           || (blanks < size && text[blanks] != '{' && text[blanks] != '\xef');
}

/* Pipes cannot be mapped. */
static int read_stream(int fd, const char *path, struct hs_input *ret,
                       struct hs_error *err)
{
    HS_ARRAY(char) bytes = {0};
    for (;;) {
        if (!hs_array_reserve(&bytes, bytes.count + 65536)) {
            free(bytes.at);
            return hs_error_set(err, ENOMEM, "no memory to load %s", path);
        }
        ssize_t got = read(fd, bytes.at + bytes.count, bytes.room - bytes.count);
        if (got == 0)
            break;
        if (got > 0) {
            bytes.count += (size_t)got;
            if (is_hopeless(bytes.at, bytes.count))
                break;
        } else if (errno != EINTR) {
            int code = errno;
            free(bytes.at);
            return hs_error_set(err, code, "cannot read %s: %s", path, strerror(code));
        }
    }
    *ret = (struct hs_input){.at = bytes.at, .size = bytes.count};
    return 0;
}

int hs_input_open(struct hs_input *ret, const char *path, struct hs_error *err)
{
    hs_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0)
        return hs_error_set(err, errno, "cannot open %s: %s", path, strerror(errno));
    if (S_ISDIR(status.st_mode))
        return hs_error_set(err, EISDIR, "%s is a directory; name a .heapsnapshot file",
                            path);
    if (!S_ISREG(status.st_mode))
        return read_stream(fd, path, ret, err);
    if (status.st_size == 0)
        return hs_error_set(err, EINVAL, "%s is empty", path);
    size_t size = (size_t)status.st_size;
    void *at = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (at == MAP_FAILED)
        return hs_error_set(err, errno, "cannot map %s: %s", path, strerror(errno));
    hs_auto(hs_input_close) struct hs_input file = {at, size, true};
    if (hs_is_packed(file.at, file.size))
        return hs_unpack(file.at, file.size, is_hopeless, path, &ret->at, &ret->size,
                         err);
    *ret = file;
    file = (struct hs_input){0};
    return 0;
}

// SPDX-License-Identifier: MIT

/*
 * Words for error numbers: libc's strerror() may allocate and take locks. Only what the
 * system calls of the shim can answer is here; the rest keeps its number.
 */

#include <errno.h>

#include "probes/tracker/report.h"

static const struct {
    int code;
    const char *words;
} reasons[] = {
    {EPERM, "not permitted"},
    {ENOENT, "no such file or directory"},
    {ESRCH, "no such process"},
    {EINTR, "interrupted"},
    {EIO, "input/output error"},
    {EBADF, "the descriptor was closed"},
    {ECHILD, "the child process is gone"},
    {EAGAIN,
     "the limit on processes or pending signals is reached; raise it with: prlimit "
     "--pid PID --nproc=N --sigpending=N"},
    {ENOMEM, "out of memory"},
    {EACCES, "permission denied"},
    {EFAULT, "memory that is not there"},
    {EBUSY, "another snapshot is being taken"},
    {ENOTDIR, "not a directory"},
    {EINVAL, "the kernel refuses it"},
    {ENFILE, "too many open files in the system"},
    {EMFILE, "too many open files"},
    {EFBIG, "file too large"},
    {ENOSPC, "no space left on the device"},
    {EROFS, "read-only file system"},
    {ENAMETOOLONG, "the file name is too long"},
    {ENOSYS, "the kernel cannot do it, or forbids it"},
    {ETIMEDOUT, "not done in time"},
    {EDQUOT, "disk quota exceeded"},
};

size_t hs_explain(char *buffer, size_t size, const char *what, int error)
{
    int code = error < 0 ? -error : error;
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].code == code)
            return hs_format(buffer, size, "%s: %s", what, reasons[i].words);
    return hs_format(buffer, size, "%s: error %d", what, (int64_t)code);
}

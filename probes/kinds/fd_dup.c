// SPDX-License-Identifier: MIT

/*
 * Descriptors from descriptors: duplicates, which count as opened by whoever duplicated
 * them, and pipes. dup2 and dup3 replace whatever was recorded under the target.
 */

#include "probes/kinds/fd.h"
#include "probes/tracker/unwind.h"

#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

HS_FD_NEXT(int, dup, (int fd))
HS_FD_NEXT(int, dup2, (int fd, int target))
HS_FD_NEXT(int, dup3, (int fd, int target, int flags))
HS_FD_NEXT(int, fcntl, (int fd, int command, void *argument))
HS_FD_NEXT(int, fcntl64, (int fd, int command, void *argument))
HS_FD_NEXT(int, pipe, (int fds[2]))
HS_FD_NEXT(int, pipe2, (int fds[2], int flags))

HS_EXPORT int dup(int fd)
{
    return hs_fd_opened(hs_next_dup()(fd), "dup", HS_HOOK_FRAME);
}

HS_EXPORT int dup2(int fd, int target)
{
    if (hs_fd_is_hidden(target))
        return -1;
    int result = hs_next_dup2()(fd, target);
    return fd == target ? result : hs_fd_opened(result, "dup2", HS_HOOK_FRAME);
}

HS_EXPORT int dup3(int fd, int target, int flags)
{
    if (hs_fd_is_hidden(target))
        return -1;
    return hs_fd_opened(hs_next_dup3()(fd, target, flags), "dup3", HS_HOOK_FRAME);
}

/*
 * The third argument may be absent, an int or a pointer. It is handed on as a pointer,
 * which is how libc itself reads it.
 */
static int duplicate_by_fcntl(int result, int command, void *hook_frame)
{
    bool duplicates = command == F_DUPFD || command == F_DUPFD_CLOEXEC;
    return duplicates ? hs_fd_opened(result, "fcntl", hook_frame) : result;
}

HS_EXPORT int fcntl(int fd, int command, ...)
{
    va_list rest;
    va_start(rest, command);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    return duplicate_by_fcntl(hs_next_fcntl()(fd, command, argument), command,
                              HS_HOOK_FRAME);
}

HS_EXPORT int fcntl64(int fd, int command, ...)
{
    va_list rest;
    va_start(rest, command);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    HS_FD_REQUIRE(fcntl64);
    return duplicate_by_fcntl(hs_next_fcntl64()(fd, command, argument), command,
                              HS_HOOK_FRAME);
}

HS_EXPORT int pipe(int fds[2])
{
    int result = hs_next_pipe()(fds);
    if (result == 0 && hs_unwind_owns(__builtin_return_address(0)))
        hs_unwind_hide_pipe(fds);
    else if (result == 0)
        hs_fds_opened(fds, 2, "pipe", HS_HOOK_FRAME);
    return result;
}

HS_EXPORT int pipe2(int fds[2], int flags)
{
    int result = hs_next_pipe2()(fds, flags);
    if (result == 0 && hs_unwind_owns(__builtin_return_address(0)))
        hs_unwind_hide_pipe(fds);
    else if (result == 0)
        hs_fds_opened(fds, 2, "pipe", HS_HOOK_FRAME);
    return result;
}

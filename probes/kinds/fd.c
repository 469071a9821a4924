// SPDX-License-Identifier: MIT

/*
 * Descriptors: the shared part of all hooks, and the ways to close one.
 *
 * The shim's own descriptors do not exist for the program: closing one fails with EBADF,
 * and a range is closed around them. A vfork child shares our memory but has a descriptor
 * table of its own, so there everything passes through unrecorded (a system call tells,
 * which is cheap beside the one that follows).
 */

#include "probes/kinds/fd.h"

#include <limits.h>
#include <linux/close_range.h>
#include <unistd.h>

#include "probes/tracker/control.h"
#include "probes/tracker/options.h"
#include "probes/tracker/raw.h"
#include "probes/tracker/stack.h"
#include "probes/tracker/thread.h"

HS_FD_NEXT(int, close, (int fd))
HS_FD_NEXT(int, close_range, (unsigned first, unsigned last, int flags))
HS_FD_NEXT(void, closefrom, (int lowest))

bool hs_fd_begin(void)
{
    if (!hs_options.track_fd || !hs_guard_enter())
        return false;
    if (hs_tracker_is_this_process())
        return true;
    hs_guard_leave();
    return false;
}

void hs_fd_end(void)
{
    hs_guard_leave();
}

void hs_fds_opened(const int *fds, int count, const char *call, void *hook_frame)
{
    int saved_errno = errno;
    if (hs_fd_begin()) {
        uint32_t stack = hs_stack_capture(hook_frame);
        for (int i = 0; i < count; i++)
            hs_handle_opened(HS_HANDLE_FD, fds[i], call, stack);
        hs_fd_end();
    }
    errno = saved_errno;
}

int hs_fd_opened(int fd, const char *call, void *hook_frame)
{
    if (fd >= 0)
        hs_fds_opened(&fd, 1, call, hook_frame);
    return fd;
}

void hs_fd_adopted(int fd, const char *call, void *hook_frame)
{
    if (fd >= 0 && !hs_handle_find(HS_HANDLE_FD, fd, NULL))
        hs_fds_opened(&fd, 1, call, hook_frame);
}

void hs_fd_closed(int fd)
{
    int saved_errno = errno;
    if (fd >= 0 && hs_fd_begin()) {
        hs_handle_closed(HS_HANDLE_FD, fd, NULL);
        hs_fd_end();
    }
    errno = saved_errno;
}

bool hs_fd_is_hidden(int fd)
{
    if (!hs_control_owns_fd(fd) || !hs_tracker_is_this_process())
        return false;
    errno = EBADF;
    return true;
}

/* Linux has let go of the number whatever close() says, unless a filter refused the call
 * altogether. EBADF: it was not open, so the record was stale. */
static bool close_was_refused(int error)
{
    return error == EPERM || error == EACCES || error == ENOSYS;
}

HS_EXPORT int close(int fd)
{
    struct hs_handle closed;
    bool known = false;

    if (hs_fd_is_hidden(fd))
        return -1;
    if (hs_fd_begin()) {
        known = hs_handle_closed(HS_HANDLE_FD, fd, &closed);
        hs_fd_end();
    }
    int result = hs_next_close()(fd);
    if (result < 0 && known && close_was_refused(errno))
        hs_handle_restore(&closed);
    return result;
}

/* Close [first, last] except what is ours; 0 or -1 with errno. */
static int close_around_ours(unsigned first, unsigned last, int flags)
{
    while (first <= last) {
        int ours = hs_control_next_fd(first);
        if (ours < 0 || (unsigned)ours > last)
            return hs_next_close_range()(first, last, flags);
        if ((unsigned)ours > first
            && hs_next_close_range()(first, (unsigned)ours - 1, flags) < 0)
            return -1;
        first = (unsigned)ours + 1;
    }
    return 0;
}

HS_EXPORT int close_range(unsigned first, unsigned last, int flags)
{
    HS_FD_REQUIRE(close_range);
    bool only_marks = flags & CLOSE_RANGE_CLOEXEC; /* ours are marked already */
    if (only_marks || first > last || !hs_fd_begin())
        return hs_next_close_range()(first, last, flags);

    hs_handle_closed_range(HS_HANDLE_FD, first, last);
    hs_fd_end();
    return close_around_ours(first, last, flags);
}

/* Close [first, end). Kernels before 5.9 have no close_range. */
static void close_below(unsigned first, unsigned end)
{
    if (first >= end || hs_raw(SYS_close_range, first, end - 1, 0) == 0)
        return;
    for (unsigned fd = first; fd < end; fd++)
        hs_raw(SYS_close, fd);
}

HS_EXPORT void closefrom(int lowest)
{
    if (!hs_next_closefrom())
        return;
    unsigned first = lowest > 0 ? (unsigned)lowest : 0;
    if (hs_fd_begin()) {
        hs_handle_closed_range(HS_HANDLE_FD, first, UINT_MAX);
        hs_fd_end();
        for (int ours; (ours = hs_control_next_fd(first)) >= 0;
             first = (unsigned)ours + 1)
            close_below(first, (unsigned)ours);
    }
    hs_next_closefrom()((int)first);
}

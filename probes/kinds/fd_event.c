// SPDX-License-Identifier: MIT

/*
 * Descriptors that stand for something else than a file: counters, timers, signals,
 * watches, processes, anonymous memory.
 */

#include "probes/kinds/fd.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

int pidfd_open(pid_t pid, unsigned flags);
int pidfd_getfd(int pidfd, int fd, unsigned flags);

#define OPENER(function, text, parameters, arguments)                             \
    HS_FD_NEXT(int, function, parameters)                                         \
    HS_EXPORT int function parameters                                             \
    {                                                                             \
        HS_FD_REQUIRE(function);                                                  \
        return hs_fd_opened(hs_next_##function() arguments, text, HS_HOOK_FRAME); \
    }

OPENER(eventfd, "eventfd", (unsigned initial, int flags), (initial, flags))
OPENER(epoll_create, "epoll_create", (int size), (size))
OPENER(epoll_create1, "epoll_create", (int flags), (flags))
OPENER(timerfd_create, "timerfd_create", (clockid_t clock, int flags), (clock, flags))
OPENER(inotify_init, "inotify_init", (void), ())
OPENER(inotify_init1, "inotify_init", (int flags), (flags))
OPENER(fanotify_init, "fanotify_init", (unsigned flags, unsigned event_flags),
       (flags, event_flags))
OPENER(memfd_create, "memfd_create", (const char *name, unsigned flags), (name, flags))
OPENER(pidfd_open, "pidfd_open", (pid_t pid, unsigned flags), (pid, flags))
OPENER(pidfd_getfd, "pidfd_getfd", (int pidfd, int fd, unsigned flags),
       (pidfd, fd, flags))

HS_FD_NEXT(int, signalfd, (int fd, const sigset_t *mask, int flags))

/* With a descriptor it only changes that one's mask. */
HS_EXPORT int signalfd(int fd, const sigset_t *mask, int flags)
{
    int result = hs_next_signalfd()(fd, mask, flags);
    return fd == -1 ? hs_fd_opened(result, "signalfd", HS_HOOK_FRAME) : result;
}

// SPDX-License-Identifier: MIT

/*
 * Calls that wait for a limited time, and of which nobody says how much is left once a
 * signal has cut them: here it is counted, and the call made again for the rest. Programs
 * without signals of their own never see EINTR and do not expect it (varnish's manager
 * then waits for its worker to die).
 *
 * Whose signal it was, restart.c knows: a call that a signal of the program has cut, too,
 * returns.
 */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/sem.h>
#include <time.h>

#include "probes/freeze/private_signal.h"
#include "probes/freeze/restart.h"
#include "probes/tracker/next.h"

#define SECOND 1000000000ll
#define MILLISECOND 1000000ll

HS_NEXT(int, poll, (struct pollfd *, nfds_t, int))
HS_NEXT(int, __poll_chk, (struct pollfd *, nfds_t, int, size_t))
HS_NEXT(int, epoll_wait, (int, struct epoll_event *, int, int))
HS_NEXT(int, epoll_pwait, (int, struct epoll_event *, int, int, const sigset_t *))
HS_NEXT(int, epoll_pwait2,
        (int, struct epoll_event *, int, const struct timespec *, const sigset_t *))
HS_NEXT(int, sigtimedwait, (const sigset_t *, siginfo_t *, const struct timespec *))
HS_NEXT(int, semtimedop, (int, struct sembuf *, size_t, const struct timespec *))

/* They are called in signal handlers. */
__attribute__((constructor(102))) static void resolve(void)
{
    hs_next_poll();
    hs_next___poll_chk();
    hs_next_epoll_wait();
    hs_next_epoll_pwait();
    hs_next_epoll_pwait2();
    hs_next_sigtimedwait();
    hs_next_semtimedop();
}

static int64_t now(void)
{
    struct timespec time = {0};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * SECOND + time.tv_nsec;
}

/* One call of the program's. */
struct call {
    struct hs_wait outer; /* of the call that this one's signal handler interrupted */
    int64_t end;
    int milliseconds; /* < 0: no limit */
    const struct timespec *limit;
    struct timespec rest;
};

/* Inlined, because the frame is the hook's. */
#define BEGIN(call)                                                                 \
    do {                                                                            \
        (call)->outer = hs_wait;                                                    \
        hs_wait = (struct hs_wait){.frame = (uintptr_t)__builtin_frame_address(0)}; \
    } while (0)

static void begin_milliseconds(struct call *call, int limit)
{
    call->milliseconds = limit;
    if (limit > 0)
        call->end = now() + limit * MILLISECOND;
}

/* A limit that makes no sense is the kernel's to refuse. */
static void begin_limit(struct call *call, const struct timespec *limit)
{
    call->limit = limit;
    call->end = INT64_MAX;
    if (limit && limit->tv_sec >= 0 && limit->tv_sec < INT64_MAX / SECOND / 2)
        call->end = now() + limit->tv_sec * SECOND + limit->tv_nsec;
}

/* A call that has no time left is made once more, to see what has happened by now. */
static int64_t left_of(const struct call *call)
{
    int64_t left = call->end - now();
    return left > 0 ? left : 0;
}

static bool is_cut_by_us(int result)
{
    return result == -1 && errno == EINTR && hs_wait.is_cut;
}

/* True: make the call again, with what is in `call` now. */
static bool goes_on(struct call *call, int result)
{
    if (!is_cut_by_us(result))
        return false;
    hs_wait.is_cut = false;
    if (call->milliseconds > 0)
        call->milliseconds = (int)((left_of(call) + MILLISECOND - 1) / MILLISECOND);
    if (call->limit && call->end != INT64_MAX) {
        int64_t left = left_of(call);
        call->rest = (struct timespec){left / SECOND, left % SECOND};
        call->limit = &call->rest;
    }
    return true;
}

static int end(const struct call *call, int result)
{
    hs_wait = call->outer;
    return result;
}

HS_EXPORT int poll(struct pollfd *fds, nfds_t count, int limit)
{
    struct call call = {0};
    int result;
    BEGIN(&call);
    begin_milliseconds(&call, limit);
    do
        result = hs_next_poll()(fds, count, call.milliseconds);
    while (goes_on(&call, result));
    return end(&call, result);
}

/* What poll() becomes under _FORTIFY_SOURCE. */
HS_EXPORT int __poll_chk(struct pollfd *fds, nfds_t count, int limit, size_t size);
HS_EXPORT int __poll_chk(struct pollfd *fds, nfds_t count, int limit, size_t size)
{
    struct call call = {0};
    int result;
    BEGIN(&call);
    begin_milliseconds(&call, limit);
    do
        result = hs_next___poll_chk()
                     ? hs_next___poll_chk()(fds, count, call.milliseconds, size)
                     : hs_next_poll()(fds, count, call.milliseconds);
    while (goes_on(&call, result));
    return end(&call, result);
}

HS_EXPORT int epoll_wait(int fd, struct epoll_event *events, int count, int limit)
{
    struct call call = {0};
    int result;
    BEGIN(&call);
    begin_milliseconds(&call, limit);
    do
        result = hs_next_epoll_wait()(fd, events, count, call.milliseconds);
    while (goes_on(&call, result));
    return end(&call, result);
}

HS_EXPORT int epoll_pwait(int fd, struct epoll_event *events, int count, int limit,
                          const sigset_t *mask)
{
    struct call call = {0};
    sigset_t copy;
    int result;
    mask = hs_signal_spared(mask, &copy);
    BEGIN(&call);
    begin_milliseconds(&call, limit);
    do
        result = hs_next_epoll_pwait()(fd, events, count, call.milliseconds, mask);
    while (goes_on(&call, result));
    return end(&call, result);
}

HS_EXPORT int epoll_pwait2(int fd, struct epoll_event *events, int count,
                           const struct timespec *limit, const sigset_t *mask)
{
    struct call call = {0};
    sigset_t copy;
    int result;
    if (!hs_next_epoll_pwait2()) {
        errno = ENOSYS;
        return -1;
    }
    mask = hs_signal_spared(mask, &copy);
    BEGIN(&call);
    begin_limit(&call, limit);
    do
        result = hs_next_epoll_pwait2()(fd, events, count, call.limit, mask);
    while (goes_on(&call, result));
    return end(&call, result);
}

HS_EXPORT int sigtimedwait(const sigset_t *mask, siginfo_t *info,
                           const struct timespec *limit)
{
    struct call call = {0};
    sigset_t copy;
    int result;
    mask = hs_signal_spared(mask, &copy);
    BEGIN(&call);
    begin_limit(&call, limit);
    do
        result = hs_next_sigtimedwait()(mask, info, call.limit);
    while (goes_on(&call, result));
    return end(&call, result);
}

HS_EXPORT int semtimedop(int set, struct sembuf *operations, size_t count,
                         const struct timespec *limit)
{
    struct call call = {0};
    int result;
    if (!hs_next_semtimedop()) {
        errno = ENOSYS;
        return -1;
    }
    BEGIN(&call);
    begin_limit(&call, limit);
    do
        result = hs_next_semtimedop()(set, operations, count, call.limit);
    while (goes_on(&call, result));
    return end(&call, result);
}

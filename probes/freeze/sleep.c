// SPDX-License-Identifier: MIT

/*
 * Sleeping calls whose program does not want to know what is left: the kernel is asked
 * all the same, because only with that can a sleep that our signal cut go on (restart.c).
 */

#include <errno.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "probes/tracker/next.h"

HS_NEXT(int, nanosleep, (const struct timespec *, struct timespec *))
HS_NEXT(int, clock_nanosleep,
        (clockid_t, int, const struct timespec *, struct timespec *))
HS_NEXT(int, thrd_sleep, (const struct timespec *, struct timespec *))

/* These are called in signal handlers. */
__attribute__((constructor(102))) static void resolve(void)
{
    hs_next_nanosleep();
    hs_next_clock_nanosleep();
    hs_next_thrd_sleep();
}

/* The program may bring a nanosleep of its own that asks for ours: not by that name. */
static int sleep_for(const struct timespec *wanted, struct timespec *left)
{
    struct timespec unwanted;
    return hs_next_nanosleep()(wanted, left ? left : &unwanted);
}

HS_EXPORT int nanosleep(const struct timespec *wanted, struct timespec *left)
{
    return sleep_for(wanted, left);
}

HS_EXPORT int clock_nanosleep(clockid_t clock, int flags, const struct timespec *wanted,
                              struct timespec *left)
{
    struct timespec unwanted;
    return hs_next_clock_nanosleep()(clock, flags, wanted, left ? left : &unwanted);
}

HS_EXPORT int thrd_sleep(const struct timespec *wanted, struct timespec *left)
{
    struct timespec unwanted;
    if (!hs_next_thrd_sleep())
        return sleep_for(wanted, left) == 0 ? 0 : errno == EINTR ? -1 : -2;
    return hs_next_thrd_sleep()(wanted, left ? left : &unwanted);
}

/* As libc has it: without a check of its own. */
HS_EXPORT int usleep(useconds_t microseconds)
{
    struct timespec wanted = {.tv_sec = (time_t)(microseconds / 1000000),
                              .tv_nsec = (long)(microseconds % 1000000) * 1000};
    return sleep_for(&wanted, NULL);
}

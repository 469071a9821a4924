// SPDX-License-Identifier: MIT

/* Two seconds in every call that waits: a snapshot must neither cut nor stretch them. */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "target.h"

static const struct timespec two = {.tv_sec = 2};

static void alarm_in_two(void)
{
    struct itimerval alarm = {.it_value.tv_sec = 2};
    signal(SIGALRM, count_signal);
    setitimer(ITIMER_REAL, &alarm, NULL);
}

static int in_sleep(void)
{
    return (int)sleep(2);
}

static int in_usleep(void)
{
    return usleep(2000000);
}

static int in_nanosleep(void)
{
    return nanosleep(&two, NULL);
}

static int in_nanosleep_with_rest(void)
{
    struct timespec left = {0, 0};
    return nanosleep(&two, &left);
}

static int in_clock_nanosleep(void)
{
    return clock_nanosleep(CLOCK_MONOTONIC, 0, &two, NULL);
}

static int in_absolute_sleep(void)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += 2;
    return clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static int in_thrd_sleep(void)
{
    return thrd_sleep(&two, NULL);
}

static int in_select(void)
{
    struct timeval limit = {.tv_sec = 2};
    return select(0, NULL, NULL, NULL, &limit);
}

static int in_pselect(void)
{
    return pselect(0, NULL, NULL, NULL, &two, NULL);
}

static int in_ppoll(void)
{
    return ppoll(NULL, 0, &two, NULL);
}

/* Ended by a signal of the program's own: here EINTR is right. */
static int in_pause(void)
{
    alarm_in_two();
    return pause() + 1;
}

static int in_endless_poll(void)
{
    alarm_in_two();
    return poll(NULL, 0, -1) + 1;
}

static const struct {
    const char *name;
    int (*wait)(void);
} ways[] = {
    {"sleep", in_sleep},
    {"usleep", in_usleep},
    {"nanosleep", in_nanosleep},
    {"nanosleep with rest", in_nanosleep_with_rest},
    {"clock_nanosleep", in_clock_nanosleep},
    {"absolute sleep", in_absolute_sleep},
    {"thrd_sleep", in_thrd_sleep},
    {"select", in_select},
    {"pselect", in_pselect},
    {"ppoll", in_ppoll},
    {"pause", in_pause},
    {"endless poll", in_endless_poll},
};

void sleep_for(const char *how)
{
    struct timespec start, end;
    int result = -2;
    clock_gettime(CLOCK_MONOTONIC, &start);
    puts("sleeping");
    fflush(stdout);
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
        if (strcmp(how, ways[i].name) == 0)
            result = ways[i].wait();
    clock_gettime(CLOCK_MONOTONIC, &end);
    int64_t passed =
        (end.tv_sec - start.tv_sec) * 1000 + (end.tv_nsec - start.tv_nsec) / 1000000;
    if (passed >= 1990 && passed < 3000)
        printf("slept, result %d\n", result);
    else
        printf("%d ms, result %d\n", (int)passed, result);
}

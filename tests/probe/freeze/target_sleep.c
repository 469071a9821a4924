// SPDX-License-Identifier: MIT

/* Two seconds in every call that waits: a snapshot must neither cut nor stretch them. */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/sem.h>
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

static int in_poll(void)
{
    return poll(NULL, 0, 2000);
}

static int wait_for_epoll(int how)
{
    struct epoll_event event;
    int fd = epoll_create1(EPOLL_CLOEXEC);
    int result = how == 0   ? epoll_wait(fd, &event, 1, 2000)
                 : how == 1 ? epoll_pwait(fd, &event, 1, 2000, NULL)
                            : epoll_pwait2(fd, &event, 1, &two, NULL);
    close(fd);
    return result;
}

static int in_epoll_wait(void)
{
    return wait_for_epoll(0);
}

static int in_epoll_pwait(void)
{
    return wait_for_epoll(1);
}

static int in_epoll_pwait2(void)
{
    return wait_for_epoll(2);
}

/* 0 when its time is over, as it should be. */
static int in_sigtimedwait(void)
{
    sigset_t none;
    sigemptyset(&none);
    return sigtimedwait(&none, NULL, &two) != -1 || errno != EAGAIN;
}

static int in_semtimedop(void)
{
    struct sembuf take = {.sem_op = -1};
    int set = semget(IPC_PRIVATE, 1, 0600);
    int result = semtimedop(set, &take, 1, &two) != -1 || errno != EAGAIN;
    semctl(set, 0, IPC_RMID);
    return result;
}

/* A program's own signal ends it, whatever our signals do: 0 when it does. */
static int in_poll_with_alarm(void)
{
    alarm_in_two();
    return poll(NULL, 0, 10000) != -1 || errno != EINTR;
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
    {"poll", in_poll},
    {"poll with alarm", in_poll_with_alarm},
    {"epoll_wait", in_epoll_wait},
    {"epoll_pwait", in_epoll_pwait},
    {"epoll_pwait2", in_epoll_pwait2},
    {"sigtimedwait", in_sigtimedwait},
    {"semtimedop", in_semtimedop},
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

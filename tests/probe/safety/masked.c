// SPDX-License-Identifier: MIT

/*
 * A handler with every signal blocked, in whose midst snapshots are taken, cuts calls that
 * wait. The order to stand still comes when it returns, with the registers as the call has
 * left them: cut by the program's signal, not by ours, so the program must see EINTR.
 */

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "libheapsnap/include/heapsnap/heapsnap.h"

#define TRIES 10 /* the first signal may come before the call waits */
#define TRY 100  /* of 2 ms */

static volatile sig_atomic_t in_handler;
static volatile int has_returned;

static void on_signal(int signal)
{
    (void)signal;
    in_handler = 1;
    while (in_handler)
        ;
}

static void doze(void)
{
    struct timespec pause = {.tv_nsec = 2000000};
    nanosleep(&pause, NULL);
}

/* Cuts the main thread's call, and lets its handler go when snapshots have been taken. */
static void *cut(void *context)
{
    pthread_t *waiting = context;
    for (int try = 0; try < TRIES; try++) {
        doze();
        pthread_kill(*waiting, SIGUSR1);
        while (!in_handler)
            doze();
        heapsnap_take("masked.heapsnapshot");
        in_handler = 0;
        for (int i = 0; i < TRY && !has_returned; i++)
            doze();
        if (has_returned)
            return NULL;
    }
    puts("it still waits");
    fflush(stdout);
    _exit(1);
}

static int in_pause(void)
{
    return pause();
}

static int in_poll(void)
{
    return poll(NULL, 0, 100000);
}

static int in_epoll(void)
{
    struct epoll_event event;
    return epoll_wait(epoll_create1(EPOLL_CLOEXEC), &event, 1, -1);
}

static int in_nanosleep(void)
{
    struct timespec limit = {.tv_sec = 100};
    return nanosleep(&limit, NULL);
}

int main(void)
{
    static int (*const ways[])(void) = {in_pause, in_poll, in_epoll, in_nanosleep};
    struct sigaction action = {.sa_handler = on_signal};
    sigfillset(&action.sa_mask);
    sigaction(SIGUSR1, &action, NULL);
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        pthread_t self = pthread_self(), other;
        has_returned = 0;
        if (pthread_create(&other, NULL, cut, &self) != 0)
            return 2;
        int result = ways[i]();
        printf("%d %d\n", result, errno == EINTR);
        fflush(stdout);
        has_returned = 1;
        pthread_join(other, NULL);
    }
    remove("masked.heapsnapshot");
    return 0;
}

// SPDX-License-Identifier: MIT

/*
 * Provokes: "Signals: handler may malloc in the middle of malloc or of a capture … never
 * recurse. Preserve errno around hooks."
 *
 * Four threads allocate, each hit by a timer signal of its own thousands of times a
 * second, whose handler allocates, frees, opens and closes, too. The allocator is bump.c,
 * which allows that: what breaks is ours. At the end all blocks are free, and the shim
 * must think so, too.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/own_page.h"

#define THREADS 4
#define SIGNALS 500 /* a thread */
#define SECONDS 3   /* fewer signals, then: on a loaded machine they are merged */
#define KEPT 64

static __thread char *by_handler[KEPT];
static __thread unsigned signals;
static long errors;
static struct timespec started;

static void check(const char *block, char mark, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (block[i] != mark)
            __atomic_fetch_add(&errors, 1, __ATOMIC_RELAXED);
}

static void on_timer(int signal)
{
    int saved = errno;
    (void)signal;
    if (signals++ >= SIGNALS)
        return; /* on a slow machine they may come faster than they are handled */
    char **place = &by_handler[signals % KEPT];
    if (*place)
        check(*place, 'h', 48);
    free(*place);
    *place = malloc(48);
    memset(*place, 'h', 48);
    free(realloc(calloc(3, 9), 70));
    close(open("/dev/null", O_RDONLY | O_CLOEXEC));
    errno = saved;
}

static timer_t start_timer(void)
{
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN};
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    struct itimerspec every = {{0, 250000}, {0, 250000}};
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0
        || timer_settime(timer, 0, &every, NULL) != 0)
        exit(2);
    return timer;
}

static bool is_late(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec - started.tv_sec > SECONDS;
}

static void *work(void *context)
{
    char *blocks[KEPT] = {NULL};
    timer_t timer = start_timer();
    (void)context;
    for (unsigned round = 0; *(volatile unsigned *)&signals < SIGNALS && !is_late();
         round++) {
        char **place = &blocks[round * 7 % KEPT];
        size_t size = 16 + round % 200;
        errno = 77;
        if (*place)
            check(*place, 'w', 16);
        free(*place);
        *place = realloc(malloc(8), size);
        memset(*place, 'w', size);
        if (errno != 77)
            __atomic_fetch_add(&errors, 1, __ATOMIC_RELAXED);
    }
    timer_delete(timer);
    for (unsigned i = 0; i < KEPT; i++) {
        free(blocks[i]);
        free(by_handler[i]);
    }
    return NULL;
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_timer, .sa_flags = SA_RESTART};
    pthread_t threads[THREADS];
    sigaction(SIGRTMIN, &action, NULL);
    clock_gettime(CLOCK_MONOTONIC, &started);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);

    const volatile struct hs_control *page = own_page();
    if (page && page->live_blocks > 100 + 256 * THREADS)
        printf("%lld blocks are thought to be live\n", (long long)page->live_blocks);
    printf("errors %ld\n", errors);
    return errors > 0;
}

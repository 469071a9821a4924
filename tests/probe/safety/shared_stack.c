// SPDX-License-Identifier: MIT

/*
 * Eight threads with one alternate signal stack for all of them, as varnish has it, hold
 * still in the middle of known values while snapshots are taken. Prints what became of
 * them.
 */

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libheapsnap/include/heapsnap/heapsnap.h"

#define THREADS 8

static char alternate[65536];
static pthread_barrier_t ready;
static volatile int is_over;

static void *work(void *context)
{
    stack_t stack = {.ss_sp = alternate, .ss_size = sizeof(alternate)};
    uintptr_t wrong = sigaltstack(&stack, NULL) != 0;
    char values[256];
    memset(values, (int)(intptr_t)context, sizeof(values));
    pthread_barrier_wait(&ready);
    while (!is_over) {
        struct timespec pause = {.tv_nsec = 2000000};
        nanosleep(&pause, NULL);
        for (size_t i = 0; i < sizeof(values); i++)
            wrong += values[i] != (char)(intptr_t)context;
    }
    return (void *)wrong;
}

int main(void)
{
    pthread_t threads[THREADS];
    uintptr_t wrong = 0;
    pthread_barrier_init(&ready, NULL, THREADS + 1);
    for (intptr_t i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, work, (void *)i) != 0)
            return 1;
    pthread_barrier_wait(&ready);
    for (int i = 0; i < 10; i++)
        heapsnap_take("shared.heapsnapshot");
    remove("shared.heapsnapshot");
    is_over = 1;
    for (int i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        wrong += (uintptr_t)result;
    }
    printf("%lu wrong values\n", (unsigned long)wrong);
    return wrong != 0;
}

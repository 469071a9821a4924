// SPDX-License-Identifier: MIT

/*
 * Threads that begin together at a gate and are asked afterwards how it went.
 */

#ifndef HEAPSNAP_TESTS_TRACKER_CREW_H
#define HEAPSNAP_TESTS_TRACKER_CREW_H

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>
#include <stdatomic.h>

enum { THREADS = 8 };

static atomic_bool is_over;
static pthread_barrier_t gate;

struct crew {
    pthread_t threads[THREADS];
};

static inline void crew_start(struct crew *crew, int count, void *(*run)(void *))
{
    pthread_barrier_init(&gate, NULL, (unsigned)count);
    for (uintptr_t i = 0; i < (uintptr_t)count; i++)
        cr_assert(zero(int, pthread_create(&crew->threads[i], NULL, run, (void *)i)));
}

/* How many of them returned something else than NULL. */
static inline int crew_join(struct crew *crew, int count)
{
    int failed = 0;
    for (int i = 0; i < count; i++) {
        void *result = NULL;
        pthread_join(crew->threads[i], &result);
        failed += result != NULL;
    }
    return failed;
}

#endif

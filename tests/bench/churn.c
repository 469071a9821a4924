// SPDX-License-Identifier: MIT

/*
 * Allocation churn as a real program does it: many call sites, stacks that share prefixes.
 *
 * 64 functions call each other along 500 random paths of 8 to 27 frames and do four
 * operations at the bottom, each at one of ten call sites, which makes about 5000 distinct
 * allocation stacks. The live set is 100000 blocks of 16 bytes to 64 KiB, small ones mostly;
 * half of the blocks die at once. With more than one thread, a tenth of the frees is of
 * blocks that another thread allocated.
 *
 *   churn PAIRS [THREADS]    so many allocations, and a free for each
 *   churn leaky BLOCKS       so many blocks, 88 bytes with malloc's own on average, all kept
 *
 * Prints a sum over all sizes, which depends on nothing but the arguments, on stdout, and
 * nanoseconds an allocation on stderr. A block whose content has changed means status 1.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FUNCTIONS 64
#define PATHS 500
#define DEPTH_MAX 27
#define LIVE 100000
#define THREADS_MAX 64

/* Of 1024 blocks that are kept, those that go to the neighbour's part of the live set. A part
 * then holds blocks of two threads, p and 1 - p of them, and either may free either: half
 * of all frees times 2 p (1 - p) are across threads, 10 % for p = 0.113. */
#define TO_NEIGHBOUR 116

struct worker {
    pthread_t thread;
    uint64_t random;
    uint64_t bytes; /* asked for so far */
    long pairs;
    long done;
    _Atomic(uint64_t *) *live;
    size_t n_live;
    struct worker *neighbour; /* NULL: no other thread */
    bool keeps_all;
};

typedef void step(struct worker *worker, const uint8_t *path, int left);

static uint8_t paths[PATHS][DEPTH_MAX + 1];
static uint8_t depths[PATHS];

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static size_t random_size(const struct worker *worker, uint64_t random)
{
    if (worker->keeps_all)
        return 16 + random % 113;
    size_t size = 16 + random % 240;
    if (random >> 32 & 15)
        return size;
    return (random >> 36 & 15) ? size * 16 : size * 256;
}

static void discard(uint64_t *block)
{
    if (block && *block != (uintptr_t)block) {
        fprintf(stderr, "churn: the block at %p has changed\n", (void *)block);
        exit(1);
    }
    free(block);
}

static void operate(struct worker *worker, uint64_t *block, uint64_t random)
{
    if (!block) {
        fprintf(stderr, "churn: no memory\n");
        exit(1);
    }
    *block = (uintptr_t)block;
    __asm__ volatile("" : : : "memory");
    if (worker->keeps_all) {
        worker->live[worker->done] = block;
    } else if (random >> 48 & 1) {
        discard(block);
    } else if (!worker->neighbour) {
        _Atomic(uint64_t *) *slot = &worker->live[(random >> 20) % worker->n_live];
        uint64_t *old = atomic_load_explicit(slot, memory_order_relaxed);
        atomic_store_explicit(slot, block, memory_order_relaxed);
        discard(old);
    } else {
        bool away = (random >> 50 & 1023) < TO_NEIGHBOUR;
        struct worker *owner = away ? worker->neighbour : worker;
        discard(atomic_exchange(&owner->live[(random >> 20) % owner->n_live], block));
    }
    worker->done++;
}

static step *const functions[FUNCTIONS];

/* The comments differ, so that the compiler cannot make one call of all. */
#define SITE(n)                                           \
    case n:                                               \
        block = malloc(size);                             \
        __asm__ volatile("# site " #n : "+r"(block) : :); \
        break;

static inline __attribute__((always_inline)) void operate_here(struct worker *worker)
{
    uint64_t random = next_random(&worker->random);
    size_t size = random_size(worker, random);
    uint64_t *block = NULL;
    worker->bytes += size;
    switch ((random >> 40 & 255) % 10) {
        SITE(0)
        SITE(1)
        SITE(2)
        SITE(3)
        SITE(4)
        SITE(5)
        SITE(6)
        SITE(7)
        SITE(8)
        SITE(9)
    }
    operate(worker, block, random);
}

/* Two call sites a function; the barrier keeps the calls from becoming jumps. */
#define STEP(n)                                                                   \
    __attribute__((noinline)) static void step_##n(struct worker *worker,         \
                                                   const uint8_t *path, int left) \
    {                                                                             \
        volatile char frame[16 + (n) % 7 * 16];                                   \
        frame[0] = (char)left;                                                    \
        if (left == 0) {                                                          \
            for (int i = 0; i < 4; i++)                                           \
                operate_here(worker);                                             \
        } else if (path[0] & 64) {                                                \
            functions[path[0] % FUNCTIONS](worker, path + 1, left - 1);           \
            __asm__ volatile("# one way");                                        \
        } else {                                                                  \
            functions[path[0] % FUNCTIONS](worker, path + 1, left - 1);           \
            __asm__ volatile("# the other way");                                  \
        }                                                                         \
        __asm__ volatile("" : : "r"(frame[0]) : "memory");                        \
    }

#define STEPS8(n) \
    STEP(n##0)    \
    STEP(n##1) STEP(n##2) STEP(n##3) STEP(n##4) STEP(n##5) STEP(n##6) STEP(n##7)
STEPS8(1)
STEPS8(2)
STEPS8(3)
STEPS8(4)
STEPS8(5)
STEPS8(6)
STEPS8(7)
STEPS8(8)

#define NAMES8(n)                                                                 \
    step_##n##0, step_##n##1, step_##n##2, step_##n##3, step_##n##4, step_##n##5, \
        step_##n##6, step_##n##7
static step *const functions[FUNCTIONS] = {
    NAMES8(1), NAMES8(2), NAMES8(3), NAMES8(4),
    NAMES8(5), NAMES8(6), NAMES8(7), NAMES8(8),
};

static void make_paths(void)
{
    uint64_t random = 88172645463325252u;
    for (int i = 0; i < PATHS; i++) {
        int shared = i > 0 ? (int)(next_random(&random) % depths[i - 1]) : 0;
        depths[i] = (uint8_t)(8 + next_random(&random) % (DEPTH_MAX - 7));
        for (int j = 0; j < depths[i]; j++)
            paths[i][j] = j < shared ? paths[i - 1][j] : (uint8_t)next_random(&random);
    }
}

static void *work(void *context)
{
    struct worker *worker = context;
    while (worker->done < worker->pairs) {
        int path = (int)(next_random(&worker->random) % PATHS);
        /* The function called first is a frame, too. */
        functions[paths[path][0] % FUNCTIONS](worker, paths[path] + 1, depths[path] - 1);
    }
    return NULL;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static struct worker *create_workers(int count, long pairs, bool keeps_all)
{
    struct worker *workers = calloc((size_t)count, sizeof(*workers));
    for (int i = 0; workers && i < count; i++) {
        struct worker *worker = &workers[i];
        worker->random = 0x9e3779b97f4a7c15u * (uint64_t)(i + 1);
        worker->pairs = pairs / count;
        worker->keeps_all = keeps_all;
        /* A descent does four, the last one may be one too many by three. */
        worker->n_live = keeps_all ? (size_t)pairs + 4 : LIVE / (size_t)count;
        worker->live = calloc(worker->n_live, sizeof(*worker->live));
        worker->neighbour = count > 1 ? &workers[(i + 1) % count] : NULL;
        if (!worker->live)
            return NULL;
    }
    return workers;
}

/* One worker needs no thread: the program is then as single as most programs are. */
static int run(struct worker *workers, int count)
{
    if (count == 1) {
        work(workers);
        return 0;
    }
    for (int i = 0; i < count; i++) {
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            return 1;
    }
    for (int i = 0; i < count; i++)
        pthread_join(workers[i].thread, NULL);
    return 0;
}

int main(int argc, char **argv)
{
    bool keeps_all = argc > 2 && strcmp(argv[1], "leaky") == 0;
    long pairs = argc > 1 + keeps_all ? atol(argv[1 + keeps_all]) : 0;
    int count = argc > 2 && !keeps_all ? atoi(argv[2]) : 1;
    if (pairs < 1 || count < 1 || count > THREADS_MAX) {
        fprintf(stderr, "usage: churn PAIRS [THREADS] | churn leaky BLOCKS\n");
        return 2;
    }

    make_paths();
    struct worker *workers = create_workers(count, pairs, keeps_all);
    double start = now();
    if (!workers || run(workers, count) != 0)
        return 1;
    fprintf(stderr, "%.1f ns\n", (now() - start) * 1e9 / (double)pairs);

    uint64_t bytes = 0;
    for (int i = 0; i < count; i++)
        bytes += workers[i].bytes;
    printf("%ld allocations, %llu bytes\n", pairs, (unsigned long long)bytes);
    return 0;
}

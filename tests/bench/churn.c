// SPDX-License-Identifier: MIT

/*
 * Allocation churn as a real program does it: many call sites, stacks that share prefixes.
 *
 * 64 functions call each other along 500 random paths of 8 to 27 frames and do four
 * operations at the bottom, which makes about 5000 allocation stacks. The live set is
 * 100000 blocks of 16 bytes to 64 KiB, small ones mostly; half of the blocks die at once.
 *
 *   churn [PAIRS] [THREADS]    prints nanoseconds for an allocation and its free
 */

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define FUNCTIONS 64
#define PATHS 500
#define DEPTH_MAX 27
#define LIVE 100000

struct worker {
    pthread_t thread;
    uint64_t random;
    long pairs;
    long done;
    void **live;
    size_t n_live;
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

static size_t random_size(uint64_t random)
{
    size_t size = 16 + random % 240;
    if (random >> 32 & 15)
        return size;
    return (random >> 36 & 15) ? size * 16 : size * 256;
}

static void operate(struct worker *worker, void *block, uint64_t random)
{
    *(volatile char *)block = 1;
    if (random >> 48 & 1) {
        free(block);
    } else {
        size_t slot = (random >> 20) % worker->n_live;
        free(worker->live[slot]);
        worker->live[slot] = block;
    }
    worker->done++;
}

static step *const functions[FUNCTIONS];

/* Two call sites a function; the barrier keeps the calls from becoming jumps. */
#define STEP(n)                                                                   \
    __attribute__((noinline)) static void step_##n(struct worker *worker,         \
                                                   const uint8_t *path, int left) \
    {                                                                             \
        volatile char frame[16 + (n) % 7 * 16];                                   \
        frame[0] = (char)left;                                                    \
        if (left == 0) {                                                          \
            for (int i = 0; i < 4; i++) {                                         \
                uint64_t random = next_random(&worker->random);                   \
                operate(worker, malloc(random_size(random)), random);             \
            }                                                                     \
        } else if (path[0] & 64) {                                                \
            functions[path[0] % FUNCTIONS](worker, path + 1, left - 1);           \
        } else {                                                                  \
            functions[path[0] % FUNCTIONS](worker, path + 1, left - 1);           \
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
        functions[paths[path][0] % FUNCTIONS](worker, paths[path], depths[path]);
    }
    return NULL;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    long pairs = argc > 1 ? atol(argv[1]) : 1000000;
    int n_workers = argc > 2 ? atoi(argv[2]) : 1;
    if (pairs < 1 || n_workers < 1 || n_workers > 64)
        return 2;
    make_paths();

    struct worker *workers = calloc((size_t)n_workers, sizeof(*workers));
    double start = now();
    for (int i = 0; i < n_workers; i++) {
        workers[i].random = 0x9e3779b97f4a7c15u * (uint64_t)(i + 1);
        workers[i].pairs = pairs / n_workers;
        workers[i].n_live = LIVE / (size_t)n_workers;
        workers[i].live = calloc(workers[i].n_live, sizeof(void *));
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            return 1;
    }
    for (int i = 0; i < n_workers; i++)
        pthread_join(workers[i].thread, NULL);
    printf("%.1f\n", (now() - start) * 1e9 / (double)pairs);
    return 0;
}

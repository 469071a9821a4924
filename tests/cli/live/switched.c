// SPDX-License-Identifier: MIT

/*
 * Eight threads that allocate, resize and free without end, each its own blocks and those
 * that main allocated before. Prints "ready" once they all run.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS 8
#define BLOCKS 200
#define OLD 50000

static void *old[OLD];
static atomic_int n_old, n_running;

static void turn(char **block, uint32_t random)
{
    size_t size = 16 + (random >> 8) % 2000;
    if (random & 1) {
        *block = realloc(*block, size);
    } else {
        free(*block);
        *block = malloc(size);
    }
    if (!*block)
        abort();
    memset(*block, 1, 16);
}

static void *work(void *context)
{
    char *blocks[BLOCKS] = {0};
    uint32_t random = (uint32_t)(uintptr_t)context * 7919 + 1;
    atomic_fetch_add(&n_running, 1);
    for (;;) {
        for (int i = 0; i < BLOCKS; i++) {
            random = random * 1103515245 + 12345;
            turn(&blocks[(random >> 16) % BLOCKS], random);
        }
        int place = atomic_fetch_add(&n_old, 1);
        if (place < OLD)
            free(old[place]);
        usleep(500);
    }
    return NULL;
}

int main(void)
{
    for (int i = 0; i < OLD; i++)
        old[i] = malloc(64);
    for (intptr_t i = 0; i < THREADS; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, work, (void *)i) != 0)
            return 1;
    }
    while (atomic_load(&n_running) < THREADS)
        usleep(1000);
    puts("ready");
    fflush(stdout);
    for (;;)
        pause();
}

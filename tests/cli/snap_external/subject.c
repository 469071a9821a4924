// SPDX-License-Identifier: MIT

/*
 * A program that knows its own live blocks: threads allocate and free at random, and the
 * table of what is live lies in a file that others may read. An address stands in it from
 * after the allocation returned to before the block is freed. Every block begins with the
 * size that was asked for.
 *
 *   subject FILE rest|churn OPERATIONS
 *
 * With "rest" the threads stop after so many operations each and wait; with "churn" they
 * go on. Needs nothing but libc, so that it can be built for an old one.
 */

#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "table.h"

static struct table *table;
static int is_resting;
static unsigned long operations;

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Mostly small, as programs are; some with a mapping of their own. */
static size_t choose_size(uint64_t *state)
{
    uint64_t dice = next_random(state) % 1000;
    if (dice < 700)
        return 8 + next_random(state) % 200;
    if (dice < 980)
        return 8 + next_random(state) % 4000;
    if (dice < 998)
        return 8 + next_random(state) % 60000;
    return 140000 + next_random(state) % 400000;
}

static void *allocate(uint64_t *state)
{
    size_t size = choose_size(state);
    uint64_t way = next_random(state) % 20;
    void *memory = NULL;
    if (way == 0)
        memory = calloc(1, size);
    else if (way == 1
             && posix_memalign(&memory, 16u << next_random(state) % 9, size) != 0)
        memory = NULL;
    else if (way == 2)
        memory = realloc(malloc(size / 2 + 8), size);
    if (!memory)
        memory = malloc(size);
    if (!memory)
        _exit(3);
    memcpy(memory, &size, sizeof(size));
    return memory;
}

static void *churn(void *argument)
{
    uint64_t state = 88172645463325252ull + (uintptr_t)argument * 7919;
    for (unsigned long i = 0; !is_resting || i < operations; i++) {
        if (i == operations)
            __atomic_add_fetch(&table->n_ready, 1, __ATOMIC_SEQ_CST);
        uint64_t *slot = &table->slots[next_random(&state) % SLOTS];
        uint64_t old = __atomic_exchange_n(slot, 0, __ATOMIC_SEQ_CST);
        if (old) {
            free((void *)(uintptr_t)old);
            continue;
        }
        void *memory = allocate(&state);
        if (!__atomic_compare_exchange_n(slot, &old, (uintptr_t)memory, 0,
                                         __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            free(memory);
    }
    __atomic_add_fetch(&table->n_ready, 1, __ATOMIC_SEQ_CST);
    pause();
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    if (argc != 4)
        return 2;
    int fd = open(argv[1], O_RDWR);
    table = mmap(NULL, sizeof(*table), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd < 0 || table == MAP_FAILED)
        return 2;
    close(fd);
    mallopt(M_MMAP_THRESHOLD,
            128 << 10); /* else the first free of a big block raises it */
    is_resting = strcmp(argv[2], "rest") == 0;
    operations = strtoul(argv[3], NULL, 10);
    for (uintptr_t i = 0; i < THREADS; i++)
        if (pthread_create(&thread, NULL, churn, (void *)i) != 0)
            return 3;
    for (;;)
        pause();
}

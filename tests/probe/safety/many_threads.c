// SPDX-License-Identifier: MIT

/*
 * Provokes: "Thread exit: allocations after TLS destructors … then reclaimed": 50,000
 * threads begin and end, each with key destructors that allocate and free in every round
 * the C library allows. The shim's memory must stay bounded, nothing may be left over.
 */

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/own_page.h"

#define AT_ONCE 20

static pthread_key_t key;

static void again(void *value)
{
    free(value);
    free(realloc(malloc(10), 100));
    pthread_setspecific(key, malloc(24));
}

static void last(void *value)
{
    static __thread int rounds;
    if (++rounds < PTHREAD_DESTRUCTOR_ITERATIONS)
        again(value);
    else
        free(value);
}

static void *work(void *context)
{
    pthread_setspecific(key, malloc(24));
    return context;
}

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : 5000;
    const volatile struct hs_control *page = own_page();
    pthread_key_create(&key, last);
    uint64_t early = 0;
    for (int i = 0; i < threads / AT_ONCE; i++) {
        pthread_t group[AT_ONCE];
        for (int j = 0; j < AT_ONCE; j++)
            pthread_create(&group[j], NULL, work, NULL);
        for (int j = 0; j < AT_ONCE; j++)
            pthread_join(group[j], NULL);
        if (page && i == 50)
            early = page->tracker_bytes;
    }
    if (page && page->tracker_bytes > early + (32 << 20))
        printf("the shim grew from %llu to %llu bytes\n", (unsigned long long)early,
               (unsigned long long)page->tracker_bytes);
    if (page && page->live_blocks > 2000)
        printf("%lld blocks are thought to be live\n", (long long)page->live_blocks);
    puts("joined");
    return 0;
}

// SPDX-License-Identifier: MIT

/*
 * Provokes: "no lock of ours held over loader or libunwind". The callback of
 * dl_iterate_phdr runs with the loader's lock held, and here it waits until another thread
 * has allocated, from code never seen before: who takes the loader's lock for a capture
 * waits for ever. A constructor run by dlopen waits for another thread in the same way.
 */

#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static volatile int is_wanted, is_done;

/* A tower of calls of its own: each depth is a stack that was not there before. */
__attribute__((noinline)) static int descend(int depth)
{
    void *volatile block = malloc(10 + (size_t)depth);
    free(block);
    return depth > 0 ? descend(depth - 1) + 1 : 0;
}

static void *allocate(void *context)
{
    while (!is_wanted)
        usleep(100);
    descend(40);
    is_done = 1;
    return context;
}

static int wait_for_it(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)info;
    (void)size;
    is_wanted = 1;
    for (int i = 0; i < 100000 && !is_done; i++)
        usleep(100);
    *(int *)context = is_done;
    return 1;
}

int main(void)
{
    pthread_t thread;
    int was_done = 0;
    pthread_create(&thread, NULL, allocate, NULL);
    dl_iterate_phdr(wait_for_it, &was_done);
    pthread_join(thread, NULL);
    printf("allocated under the loader's lock: %d\n", was_done);
    return 0;
}

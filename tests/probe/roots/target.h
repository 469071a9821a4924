// SPDX-License-Identifier: MIT

/* What the parts of the program share. */

#ifndef HEAPSNAP_TESTS_ROOTS_TARGET_H
#define HEAPSNAP_TESTS_ROOTS_TARGET_H

#include <pthread.h>
#include <stddef.h>

extern void *volatile kept[64];

/* The optimiser must not see that nobody uses the memory. Zeroed. */
void *allocate(size_t size) __attribute__((noinline));

/* Leave no stale pointer below the frames that are still in use. */
int wipe_stack(int depth) __attribute__((noinline));

pthread_t start_thread(void *(*body)(void *), void *context);

/* target_contents.c: blocks of 1001 to 1009 bytes; see there. */
void hold_contents(void);

#endif

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

/* Each says in its file which blocks it makes. */
void hold_contents(void);
void hold_by_keys(void);
void hold_by_tls(void);
void hold_by_coroutine(void);
void hold_by_far_stack(void);
void hold_by_signal_stack(void);
void hold_by_dead_frames(void);
void hold_by_dead_threads(void);
void hold_by_register(void);
void hold_by_unknown_memory(void);
void hold_by_free_memory(void);
void hold_in_odd_ways(void);
void hold_behind_protected_page(void);
void hold_by_region(void);
void hold_by_large_block(void);
void hold_by_deaf_thread(void);
void hold_by_starting_threads(void);
void hold_nothing_after_threads(void);
void count_signals(void);

/* By a line of input. */
void fork_in_thread(void);
void tell_signals(void);

#endif

// SPDX-License-Identifier: MIT

/*
 * What the parts of the frozen program share.
 */

#ifndef HEAPSNAP_TESTS_FREEZE_TARGET_H
#define HEAPSNAP_TESTS_FREEZE_TARGET_H

#include <stddef.h>

/* The optimiser must not see that nobody uses the memory. */
void *allocate(size_t size) __attribute__((noinline));

/* Leave no stale pointer below the frames that are still in use. */
int wipe_stack(int depth) __attribute__((noinline));

void start_thread(void *(*body)(void *), void *context);

void count_signal(int number);

/* Say "sleeping", wait two seconds in the call named `how`, say whether it was so. */
void sleep_for(const char *how);

/* Execute `self` again, as often as `left` says, in every way there is. */
void execute_again(const char *self, int left);

/* A child that sleeps in another program, by exec; says its pid once it sleeps. */
void run_child(void);

/* A block of 8881 bytes in a vector register of a thread that runs, one of 8883 in the
 * upper half of a wide one, one of 8882 and one of 8884 in those of threads that sleep in
 * libc. */
void hold_in_vectors(void);

/* From here on the kernel has no memory for copies (" of memory"), no room for two new
 * processes (" of two"), or for any (" of all"). */
void make_clones_fail(const char *which);

/* Does the thread (or process) whose folder in /proc is `folder` sleep? */
int is_asleep(const char *folder);

#endif

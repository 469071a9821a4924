// SPDX-License-Identifier: MIT

/* Children of a test that hold still, or do what it wants, until they are looked at. */

#ifndef TESTS_UNIT_IMAGE_LIVE_CHILD_H
#define TESTS_UNIT_IMAGE_LIVE_CHILD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "heapsnap/memory.h"

/* What a child and its test share. */
struct live_child {
    atomic_int is_ready;
    atomic_uint n_signals;
    atomic_ulong n_rounds;
    uint64_t thread_pointer;
    uint64_t address;
    pid_t tid;
};
extern struct live_child *live_child;

/* Fork a child that runs `body`, which sets `is_ready`, and then waits for ever. */
pid_t live_child_start(void (*body)(void));
void live_child_end(pid_t pid);
/* As in its stat file; '?': there is none. */
char live_child_state(pid_t pid);

/* A child that its main thread has: an image; 0: none. */
pid_t live_child_of(pid_t pid);

/* Look at it, which must succeed. */
struct hs_memory *live_child_look(pid_t pid, bool wants_image);

/* A body, and the check that what it holds is seen. */
void live_child_hold_secret(void);
void live_child_expect_secret(const struct hs_memory *memory);

#endif

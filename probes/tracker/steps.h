// SPDX-License-Identifier: MIT

/*
 * libunwind asked frame by frame: for the stacks that our own walk declines, and to compare
 * the others with. Microseconds a frame.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_STEPS_H
#define HEAPSNAP_PROBES_TRACKER_STEPS_H

#include <stdbool.h>
#include <stdint.h>

#include "probes/tracker/stack.h"

struct hs_thread;

#define HS_STEPS_MAX (HS_STACK_DEPTH_MAX + 1)

/* The first two are larger than unw_context_t and unw_cursor_t of any machine we know. */
struct hs_steps {
    _Alignas(16) uint64_t context[1024];
    _Alignas(16) uint64_t cursor[1024];
    uint64_t addresses[HS_STEPS_MAX];
};

/* The thread's own, made when first asked for; NULL: no memory. */
struct hs_steps *hs_steps_of(struct hs_thread *thread);

/* Look up what is needed of libunwind, which `library` is a dlopen handle of. */
void hs_steps_init(void *library);
bool hs_steps_can_be_taken(void);

/*
 * Return addresses from `first` outwards, innermost first, into steps->addresses; returns
 * how many. With `help`, libunwind is led across code without unwind information.
 */
uint32_t hs_steps_take(struct hs_steps *steps, uint64_t first, bool help);

#endif

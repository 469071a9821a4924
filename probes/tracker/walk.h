// SPDX-License-Identifier: MIT

/*
 * The tracker's own walk of the calling thread's stack: remembered rules, and most of the
 * last stack taken over after looking at its slots. x86-64 only.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_WALK_H
#define HEAPSNAP_PROBES_TRACKER_WALK_H

#include <stdbool.h>
#include <stdint.h>

struct hs_thread;

/* Once, from the constructor. False: every walk will be declined. */
bool hs_walk_init(void);

struct hs_walk {
    uint32_t n_fresh; /* thread->fresh[0..n), innermost first */
    uint32_t n_kept;  /* … called from thread->memo[0..n), outermost first */
    bool is_whole;    /* up to an end that can be told again from the same frames */
    bool is_cut;      /* deeper than HS_STACK_DEPTH_MAX */
};

/*
 * Walk from the caller of the hook at `hook_frame` outwards. False: declined, libunwind
 * must do it, or be done without: then what was found is the inner end of the stack, with
 * n_kept 0. thread->memo must not be relied on.
 */
bool hs_walk(struct hs_thread *thread, void *hook_frame, struct hs_walk *ret);

#endif

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

/* How far code without unwind information may have its frame pointer from the callee, as
 * libunwind has it, too. */
#define HS_WALK_GUESS_MAX ((uint64_t)0x4000)

/* Once, from the constructor. False: every walk will be declined. */
bool hs_walk_init(void);

/* A stack for those who compare: thread->fresh[0..n_fresh), innermost first, called from
 * thread->memo[0..n_kept), outermost first. */
struct hs_walk {
    uint32_t n_fresh, n_kept;
};

/*
 * Walk from the caller of the hook at `hook_frame` outwards; the memo is the stack then.
 * False: declined. thread->memo must not be relied on.
 */
bool hs_walk(struct hs_thread *thread, void *hook_frame);

/*
 * The same when hs_walk() declined: slower, and without the memo, but over any stack. The
 * stack is in thread->fresh[0..thread->n_fresh); of its frames only `ip` is known. False:
 * this is only its inner end.
 */
bool hs_walk_far(struct hs_thread *thread, void *hook_frame);

#endif

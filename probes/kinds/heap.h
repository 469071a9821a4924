// SPDX-License-Identifier: MIT

/*
 * What every allocation hook does around the real call.
 *
 * The order is what keeps the table right under threads: a block is recorded after the
 * real allocation and forgotten before the real free, so that nobody else can own the
 * address in between.
 */

#ifndef HEAPSNAP_PROBES_KINDS_HEAP_H
#define HEAPSNAP_PROBES_KINDS_HEAP_H

#include <stddef.h>

#include "probes/tracker/guard.h"
#include "probes/tracker/live.h"
#include "probes/tracker/next.h"
#include "probes/tracker/stack.h"

/* The frame of the hook itself: the stack begins with whoever called it. */
#define HS_HOOK_FRAME __builtin_frame_address(0)

static inline void hs_heap_record(void *block, size_t size, void *hook_frame)
{
    if (HS_LIKELY(block != NULL))
        hs_live_insert((uint64_t)block, size, hs_stack_capture(hook_frame));
}

/*
 * Forget `block`, also when this thread is inside a hook already: whatever frees a block,
 * it must not stay in the table. Only an outermost free of an unseen block is foreign.
 */
static inline void hs_heap_forget(void *block, bool outermost)
{
    if (HS_UNLIKELY(!__atomic_load_n(&hs_tracking_is_on, __ATOMIC_RELAXED)))
        return;
    if (HS_UNLIKELY(!hs_live_remove((uint64_t)block, NULL)) && outermost)
        hs_live_count_foreign_free();
}

#endif

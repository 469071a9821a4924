// SPDX-License-Identifier: MIT

/*
 * What the hooks of the heap do for the few blocks that are sampled.
 *
 * A block may be forgotten while this thread is inside a hook (ours or the allocator's own
 * frees), but a thread that was stopped outside of its guard must not come back into
 * tables that are gone meanwhile: the guard is taken where it is free.
 */

#include "probes/kinds/heap.h"

void hs_heap_sample(void *block, size_t size, void *hook_frame)
{
    if (!hs_sample_choose(size) || !block || !hs_guard_try())
        return;
    if (hs_sample_rate) {
        uint32_t stack = hs_stack_capture(hook_frame);
        hs_sample_insert((uint64_t)block, size, stack);
        if (hs_ever_is_on)
            hs_ever_count(stack, size);
    }
    hs_guard_drop();
}

bool hs_heap_forget_sampled(void *block, struct hs_live_block *ret)
{
    bool entered = hs_guard_try();
    if (!entered && !hs_guard_word)
        return false; /* off since the hook began */
    bool is_known = hs_sample_remove((uint64_t)block, ret);
    if (entered)
        hs_guard_drop();
    return is_known;
}

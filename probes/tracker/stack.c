// SPDX-License-Identifier: MIT

/*
 * From a hook to the number of its caller's stack.
 *
 * Our own walk is asked first, libunwind when it declines. Most of a stack is the stack of
 * the capture before: of the frames the walk did not take over from there, those that stand
 * at the same depth with the same address need no look-up in the trie either.
 */

#include "probes/tracker/stack.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "probes/tracker/guard.h"
#include "probes/tracker/intern.h"
#include "probes/tracker/options.h"
#include "probes/tracker/unwind.h"
#include "probes/tracker/verify.h"
#include "probes/tracker/walk.h"

static uint64_t truncated;

uint64_t hs_stack_truncated_count(void)
{
    return __atomic_load_n(&truncated, __ATOMIC_RELAXED);
}

/* thread->fresh[0..n), innermost first, called from memo[kept - 1]; they become the memo
 * from there on. */
static uint32_t intern_fresh(struct hs_thread *thread, uint32_t n, uint32_t kept)
{
    uint32_t node = kept > 0 ? thread->memo[kept - 1].node : HS_STACK_NONE;
    uint32_t remembered = thread->memo_count;
    bool is_same = true;
    for (uint32_t i = 0; i < n; i++) {
        struct hs_thread_frame *frame = &thread->fresh[n - 1 - i];
        struct hs_thread_frame *memo = &thread->memo[kept + i];
        is_same = is_same && kept + i < remembered && memo->ip == frame->ip;
        node = is_same ? memo->node : hs_stack_intern(node, frame->ip);
        if (HS_UNLIKELY(node == HS_STACK_UNKNOWN)) {
            thread->memo_count = 0;
            return HS_STACK_UNKNOWN;
        }
        frame->node = node;
        *memo = *frame;
        thread->memo_place[HS_FRAME_PLACE(frame->sp)] = (uint8_t)(kept + i);
    }
    thread->memo_count = kept + n;
    return node;
}

static void count_truncated(void)
{
    __atomic_fetch_add(&truncated, 1, __ATOMIC_RELAXED);
}

/* Only addresses are known of these frames. */
static uint32_t intern_addresses(struct hs_thread *thread, void **addresses, int n)
{
    if (HS_UNLIKELY(n > HS_STACK_DEPTH_MAX)) {
        count_truncated();
        n = HS_STACK_DEPTH_MAX;
    }
    thread->memo_is_walked = false;
    for (int i = 0; i < n; i++)
        thread->fresh[i] = (struct hs_thread_frame){.ip = (uint64_t)addresses[i]};
    return intern_fresh(thread, (uint32_t)n, 0);
}

/* A stack too deep loses its outer end, and with it what the memo stands on. */
static uint32_t intern_walk(struct hs_thread *thread, const struct hs_walk *walk)
{
    uint32_t fresh = walk->n_fresh, kept = walk->n_kept;
    bool is_whole = walk->is_whole;
    if (HS_UNLIKELY(walk->is_cut || fresh + kept > HS_STACK_DEPTH_MAX)) {
        count_truncated();
        while (kept > 0 && fresh < HS_STACK_DEPTH_MAX)
            thread->fresh[fresh++] = thread->memo[--kept];
        kept = 0;
        is_whole = false;
    }
    thread->memo_is_walked = is_whole;
    return intern_fresh(thread, fresh, kept);
}

static uint32_t capture_by_library(struct hs_thread *thread, void *hook_frame)
{
    int *error = &errno;
    int saved = *error;
    int skip;
    int n = hs_unwind(thread, hook_frame, &skip);
    *error = saved;
    if (HS_UNLIKELY(n <= skip)) {
        thread->memo_count = 0;
        return HS_STACK_UNKNOWN;
    }
    return intern_addresses(thread, thread->frames + skip, n - skip);
}

uint32_t hs_stack_capture(void *hook_frame)
{
    struct hs_thread *thread = hs_thread_get();
    if (HS_UNLIKELY(!thread))
        return HS_STACK_UNKNOWN;
    struct hs_walk walk;
    bool is_walked = hs_walk(thread, hook_frame, &walk);
    if (HS_UNLIKELY(hs_options.verify_every))
        hs_verify_walk(thread, hook_frame, is_walked ? &walk : NULL);
    if (HS_LIKELY(is_walked) || (walk.n_fresh > 0 && !hs_unwind_has_library()))
        return intern_walk(thread, &walk);
    return capture_by_library(thread, hook_frame);
}

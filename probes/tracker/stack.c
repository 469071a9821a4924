// SPDX-License-Identifier: MIT

/*
 * From a hook to the number of its caller's stack.
 *
 * Our own walk is asked first, libunwind when it declines. Most of a stack is the stack of
 * the capture before; the hash of the others continues the one of the frames taken over,
 * and one look-up finds the node of the whole stack.
 */

#include "probes/tracker/stack.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "probes/tracker/guard.h"
#include "probes/tracker/ignore.h"
#include "probes/tracker/intern.h"
#include "probes/tracker/memo.h"
#include "probes/tracker/options.h"
#include "probes/tracker/recent.h"
#include "probes/tracker/unwind.h"
#include "probes/tracker/verify.h"
#include "probes/tracker/walk.h"

static uint64_t truncated;

uint64_t hs_stack_truncated_count(void)
{
    return __atomic_load_n(&truncated, __ATOMIC_RELAXED);
}

/*
 * No node has the hash of the whole memo: make those that are missing, from the outermost
 * on. Without room the stack is unknown.
 */
__attribute__((noinline)) static uint32_t intern_memo(struct hs_thread *thread)
{
    uint32_t known = thread->memo_count, node = HS_STACK_NONE;
    while (known > 0 && !(node = hs_intern_seek(thread->memo_hash[known - 1])))
        known--;
    for (; known < thread->memo_count; known++) {
        node = hs_intern_add(node, thread->memo[known].ip, thread->memo_hash[known]);
        if (node == HS_STACK_UNKNOWN) {
            thread->memo_count = 0;
            return HS_STACK_UNKNOWN;
        }
    }
    return node;
}

/* The node of the stack that is the memo. */
static inline uint32_t memo_node(struct hs_thread *thread)
{
    uint32_t node = hs_intern_find(thread->memo_hash[thread->memo_count - 1]);
    return HS_LIKELY(node) ? node : intern_memo(thread);
}

void hs_stack_count_truncated(void)
{
    __atomic_fetch_add(&truncated, 1, __ATOMIC_RELAXED);
}

/* Of thread->fresh[0..n) only the addresses are known. */
static uint32_t fresh_node(struct hs_thread *thread, uint32_t n)
{
    thread->memo_is_walked = false;
    hs_memo_extend(thread, n, 0, 0, HS_FRAME_BY_BP);
    return memo_node(thread);
}

static uint32_t capture_by_library(struct hs_thread *thread, void *hook_frame)
{
    int *error = &errno;
    int saved = *error;
    int skip;
    int n = hs_unwind(thread, hook_frame, &skip) - skip;
    *error = saved;
    if (HS_UNLIKELY(n <= 0)) {
        thread->memo_count = 0;
        return HS_STACK_UNKNOWN;
    }
    if (HS_UNLIKELY(n > HS_STACK_DEPTH_MAX)) {
        hs_stack_count_truncated();
        n = HS_STACK_DEPTH_MAX;
    }
    for (int i = 0; i < n; i++)
        thread->fresh[i] =
            (struct hs_thread_frame){.ip = (uint64_t)thread->frames[skip + i]};
    return fresh_node(thread, (uint32_t)n);
}

static __attribute__((noinline)) void verify_memo(struct hs_thread *thread,
                                                  void *hook_frame, uint32_t node)
{
    struct hs_walk walk = {.n_kept = thread->memo_count};
    hs_verify_walk(thread, hook_frame, &walk);
    hs_verify_node(thread, node);
}

/* Not along the remembered stack. */
static __attribute__((noinline)) uint32_t capture_far(struct hs_thread *thread,
                                                      void *hook_frame)
{
    int *error = &errno;
    int saved = *error;
    bool is_walked = hs_walk_far(thread, hook_frame);
    *error = saved;
    struct hs_walk walk = {.n_fresh = thread->n_fresh};
    if (HS_UNLIKELY(hs_options.verify_every))
        hs_verify_walk(thread, hook_frame, is_walked ? &walk : NULL);
    if (is_walked || (thread->n_fresh > 0 && !hs_unwind_has_library()))
        return fresh_node(thread, thread->n_fresh);
    return capture_by_library(thread, hook_frame);
}

static __attribute__((noinline)) uint32_t
capture_walked(struct hs_thread *thread, void *hook_frame, uint32_t expected)
{
    if (HS_UNLIKELY(!hs_walk(thread, hook_frame))) {
        uint32_t far = capture_far(thread, hook_frame);
        return HS_UNLIKELY(hs_ignore_depth > 0) ? hs_ignore_stack(far) : far;
    }
    uint32_t node = memo_node(thread);
    if (expected == HS_STACK_NONE)
        hs_recent_keep(thread, hook_frame, node);
    if (HS_UNLIKELY(hs_options.verify_every))
        verify_memo(thread, hook_frame, expected ? expected : node);
    return node;
}

uint32_t hs_stack_capture(void *hook_frame)
{
    struct hs_thread *thread = hs_thread_get();
    if (HS_UNLIKELY(!thread))
        return HS_STACK_UNKNOWN;
    uint32_t node = hs_recent_find(thread, hook_frame);
    if (HS_LIKELY(node != HS_STACK_NONE) && HS_LIKELY(!hs_options.verify_every))
        return node;
    return capture_walked(thread, hook_frame, node);
}

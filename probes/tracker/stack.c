// SPDX-License-Identifier: MIT

/*
 * From a hook to the number of its caller's stack.
 *
 * libunwind is loaded with RTLD_LOCAL, so that its _Unwind_* never reach the program's
 * scope, and only function pointers are kept. Most of a stack is the stack of the capture
 * before: frames are compared with that from the outermost on, and only what differs is
 * looked up in the trie.
 */

#include "probes/tracker/stack.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "probes/tracker/guard.h"
#include "probes/tracker/intern.h"
#include "probes/tracker/unwind.h"

static uint64_t truncated;

uint64_t hs_stack_truncated_count(void)
{
    return __atomic_load_n(&truncated, __ATOMIC_RELAXED);
}

/* frames[0..n) are innermost first. */
static uint32_t intern_stack(struct hs_thread *thread, void **frames, int n)
{
    uint32_t node = HS_STACK_NONE;
    int same = 0;
    int remembered = (int)thread->memo_count;
    int limit = n < remembered ? n : remembered;
    while (same < limit && thread->memo_address[same] == (uint64_t)frames[n - 1 - same])
        same++;
    if (same > 0)
        node = thread->memo_node[same - 1];
    for (int i = same; i < n; i++) {
        uint64_t address = (uint64_t)frames[n - 1 - i];
        node = hs_stack_intern(node, address);
        if (HS_UNLIKELY(node == HS_STACK_UNKNOWN)) {
            thread->memo_count = 0;
            return HS_STACK_UNKNOWN;
        }
        thread->memo_address[i] = address;
        thread->memo_node[i] = node;
    }
    thread->memo_count = (uint32_t)n;
    return node;
}

uint32_t hs_stack_capture(void *hook_frame)
{
    struct hs_thread *thread = hs_thread_get();
    if (HS_UNLIKELY(!thread))
        return HS_STACK_UNKNOWN;
    int *error = &errno;
    int saved = *error;
    int skip;
    int n = hs_unwind(thread, hook_frame, &skip);
    *error = saved;
    if (HS_UNLIKELY(n <= skip))
        return HS_STACK_UNKNOWN;
    n -= skip;
    if (HS_UNLIKELY(n > HS_STACK_DEPTH_MAX)) {
        __atomic_fetch_add(&truncated, 1, __ATOMIC_RELAXED);
        n = HS_STACK_DEPTH_MAX;
    }
    return intern_stack(thread, thread->frames + skip, n);
}

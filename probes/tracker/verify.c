// SPDX-License-Identifier: MIT

/*
 * Comparing and counting. Where our own walk is longer than libunwind's, or libunwind says
 * something else, it is asked again and helped across code without unwind information:
 * what it says then must agree. What it knows and we do not is always a difference.
 *
 * Where our own walk declines there is nothing to compare, but a reason to look for: on
 * libunwind's stack, the innermost frame whose rule is complex.
 */

#include "probes/tracker/verify.h"

#include <errno.h>
#include <stddef.h>

#include "probes/tracker/guard.h"
#include "probes/tracker/module_table.h"
#include "probes/tracker/options.h"
#include "probes/tracker/report.h"
#include "probes/tracker/rules.h"
#include "probes/tracker/steps.h"
#include "probes/tracker/unwind.h"

/* Why our own walk declined: a complex rule, or one of these. */
enum {
    DECLINED_ELSEWHERE = HS_REASONS, /* not on the thread's own stack */
    DECLINED_LARGE,                  /* a rule that the table has no room for */
    DECLINED_UNLOADING,              /* a library is going */
    DECLINED_NONE,                   /* the frames do not fit */
    N_DECLINED,
};
static struct {
    uint64_t seen, equal, better, different, alone;
    uint64_t declined[N_DECLINED];
} counts;

static uint64_t own_address(const struct hs_thread *thread, const struct hs_walk *walk,
                            uint32_t i)
{
    return i < walk->n_fresh ? thread->fresh[i].ip
                             : thread->memo[walk->n_kept - 1 - (i - walk->n_fresh)].ip;
}

static void show(const struct hs_thread *thread, const struct hs_walk *walk,
                 const uint64_t *other, uint32_t n_other)
{
    uint32_t n = walk->n_fresh + walk->n_kept;
    hs_report("a stack differs: own %u frames, of which %u taken over; libunwind %u",
              (uint64_t)n, (uint64_t)walk->n_kept, (uint64_t)n_other);
    for (uint32_t i = 0; i < n || i < n_other; i++)
        hs_report("  own %x libunwind %x", i < n ? own_address(thread, walk, i) : 0,
                  i < n_other ? other[i] : 0);
}

static void count(uint64_t *counter)
{
    __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

/* By the frame at `address`: the walk names the byte behind what libunwind does then. */
static bool has_interrupted(uint64_t address)
{
    return hs_rules_compile(address).reason == HS_REASON_SIGNAL;
}

/* How many of our frames libunwind has, too; UINT32_MAX when it has others. */
static uint32_t agree(const struct hs_thread *thread, const struct hs_walk *walk,
                      uint32_t n, const uint64_t *other, uint32_t n_other)
{
    if (n_other > HS_STACK_DEPTH_MAX)
        n_other = HS_STACK_DEPTH_MAX;
    uint32_t same = 0;
    for (; same < n && same < n_other; same++) {
        uint64_t own = own_address(thread, walk, same);
        if (own == other[same])
            continue;
        if (own != other[same] + 1 || same == 0 || !has_interrupted(other[same - 1]))
            break;
    }
    return same == n_other && n_other > 0 ? same : UINT32_MAX;
}

/* Where libunwind gives up. */
static bool is_generated(uint64_t address)
{
    struct hs_module_unwind module;
    return hs_module_can_find() && !hs_module_find_unwind(address - 1, &module);
}

static void compare(const struct hs_thread *thread, const struct hs_walk *walk,
                    struct hs_steps *steps, uint64_t first)
{
    uint32_t n = walk->n_fresh + walk->n_kept;
    if (n > HS_STACK_DEPTH_MAX)
        n = HS_STACK_DEPTH_MAX;
    uint32_t n_other = hs_steps_take(steps, first, false);
    if (agree(thread, walk, n, steps->addresses, n_other) == n) {
        count(&counts.equal);
        return;
    }
    n_other = hs_steps_take(steps, first, true);
    uint32_t same = agree(thread, walk, n, steps->addresses, n_other);
    if (same == n || (same < n && is_generated(steps->addresses[same - 1]))) {
        count(&counts.better);
        return;
    }
    count(&counts.different);
    if (counts.different <= 3)
        show(thread, walk, steps->addresses, n_other);
}

static unsigned reason_of(uint64_t address)
{
    struct hs_rule rule = hs_rules_compile(address);
    if (rule.kind == HS_RULE_COMPLEX)
        return rule.reason;
    return hs_rules_have_room(&rule) ? HS_REASON_NONE : DECLINED_LARGE;
}

static unsigned decline_reason(const struct hs_thread *thread, void *hook_frame,
                               const uint64_t *other, uint32_t n_other)
{
    if ((uint64_t)hook_frame - thread->stack_low
        >= thread->stack_high - thread->stack_low)
        return DECLINED_ELSEWHERE;
    uint32_t generation;
    if (!hs_rules_begin(&generation))
        return DECLINED_UNLOADING;
    for (uint32_t i = 0; i < n_other; i++) {
        unsigned reason = reason_of(other[i]);
        if (reason != HS_REASON_NONE)
            return reason;
    }
    return DECLINED_NONE;
}

void hs_verify_walk(struct hs_thread *thread, void *hook_frame,
                    const struct hs_walk *walk)
{
    if (__atomic_fetch_add(&counts.seen, 1, __ATOMIC_RELAXED) % hs_options.verify_every)
        return;
    if (!hs_unwind_has_library()) {
        count(&counts.alone);
        return;
    }
    struct hs_steps *steps = hs_steps_of(thread);
    if (!steps)
        return;
    int saved = errno;
    uint64_t first = ((uint64_t *)hook_frame)[1];
    if (walk) {
        compare(thread, walk, steps, first);
    } else {
        uint32_t n = hs_steps_take(steps, first, false);
        count(&counts.declined[decline_reason(thread, hook_frame, steps->addresses, n)]);
    }
    errno = saved;
}

void hs_verify_node(const struct hs_thread *thread, uint32_t node)
{
    uint32_t n_nodes, at = node, left = thread->memo_count;
    const struct hs_capture_frame *nodes = hs_stack_nodes(&n_nodes);
    while (left > 0 && at < n_nodes && nodes[at].address == thread->memo[left - 1].ip) {
        at = nodes[at].parent;
        left--;
    }
    if (node == HS_STACK_UNKNOWN || (left == 0 && at == HS_STACK_NONE))
        return;
    count(&counts.different);
    if (counts.different <= 3)
        hs_report("a stack differs: node %u is another one", (uint64_t)node);
}

void hs_verify_report(void)
{
    static const char *const reasons[N_DECLINED] = {
        [HS_REASON_SIGNAL] = "through signal frames",
        [HS_REASON_EXPRESSION] = "through computed frames",
        [HS_REASON_REGISTER] = "through frames in other registers",
        [HS_REASON_PLACE] = "through odd places of registers",
        [HS_REASON_TABLE] = "through odd unwind tables",
        [DECLINED_ELSEWHERE] = "on other stacks",
        [DECLINED_LARGE] = "through frames too large for a rule",
        [DECLINED_UNLOADING] = "while a library was unloaded",
        [DECLINED_NONE] = "for want of sense",
    };
    if (!hs_options.verify_every)
        return;
    uint64_t declined = 0;
    for (unsigned i = 0; i < N_DECLINED; i++)
        declined += counts.declined[i];
    hs_report("stacks: %u equal, %u better than libunwind's, %u different, "
              "%u left to libunwind, %u without libunwind",
              counts.equal, counts.better, counts.different, declined, counts.alone);
    for (unsigned i = 0; i < N_DECLINED; i++)
        if (counts.declined[i])
            hs_report("left to libunwind: %u %s", counts.declined[i], reasons[i]);
}

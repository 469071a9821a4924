// SPDX-License-Identifier: MIT

/*
 * The walk: from frame to frame by rules, until a frame is met that was on the last stack
 * and from which all is as it was.
 *
 * Every read is above the hook's frame, in the thread's own stack, whose pages up to its
 * end were found readable. On other stacks (coroutines, alternate signal stacks), and
 * whenever something does not fit, the walk declines.
 */

#include "probes/tracker/walk.h"

#include <stddef.h>

#include "probes/tracker/cfi_read.h"
#include "probes/tracker/guard.h"
#include "probes/tracker/ignore.h"
#include "probes/tracker/memo.h"
#include "probes/tracker/rules.h"
#include "probes/tracker/stack.h"
#include "probes/tracker/stack_end.h"

#define PAGE ((uint64_t)4096)
#define PAGES_MAX 2048 /* asked about at once */

enum step_result {
    STEP_ON,
    STEP_END,    /* the stack ends here, and will as long as its slots are the same */
    STEP_UNSURE, /* it ends here now */
    STEP_DECLINE,
};

bool hs_walk_init(void)
{
    return hs_rules_init();
}

/* Extend what is known of the thread's stack down to `sp`. Threads that live on other
 * stacks get here at every capture, and are heard less and less. */
__attribute__((noinline)) static bool stack_learn(struct hs_thread *thread, uint64_t sp)
{
    if (hs_ignore_depth > 0) /* the stack is to be another: stack.c sees to that */
        return false;
    uint32_t misses = ++thread->stack_misses;
    if (misses > 16 && (misses & (misses - 1)) != 0)
        return false;
    uint64_t end = hs_stack_end_above(sp);
    uint64_t start = sp & ~(PAGE - 1);
    uint64_t known =
        thread->stack_high == end && sp < thread->stack_low ? thread->stack_low : end;
    if (end == 0 || (known - start) / PAGE > PAGES_MAX)
        return false;
    for (uint64_t page = start; page < known; page += PAGE)
        if (!hs_memory_is_readable(page))
            return false;
    thread->stack_low = start;
    thread->stack_high = end;
    thread->stack_misses = 0;
    return true;
}

/* Code without unwind information: it may keep a frame pointer. */
static enum step_result step_frame(const struct hs_thread *thread,
                                   struct hs_thread_frame *frame, bool has_module)
{
    uint64_t slot = frame->bp;
    if (slot % 8 != 0 || slot < frame->sp || slot - frame->sp > HS_WALK_GUESS_MAX
        || slot > thread->stack_high - 16)
        return has_module ? STEP_END : STEP_UNSURE;
    uint64_t ip = hs_slot_read(slot + 8);
    if (ip < PAGE)
        return STEP_UNSURE;
    frame->ip = ip;
    frame->sp = slot + 16;
    frame->bp = hs_slot_read(slot);
    frame->way = 16 | HS_FRAME_BY_BP | (has_module ? 0 : HS_FRAME_NO_MODULE);
    return STEP_ON;
}

/* Whatever is no offset from a register. */
static __attribute__((noinline)) enum step_result
step_special(const struct hs_thread *thread, struct hs_thread_frame *frame, uint64_t word)
{
    if (frame->ip < PAGE)
        return STEP_UNSURE;
    switch (hs_rule_word_special(word)) {
    case HS_SPECIAL_FRAME:
        return step_frame(thread, frame, true);
    case HS_SPECIAL_NO_MODULE:
        return step_frame(thread, frame, false);
    case HS_SPECIAL_OUTERMOST:
        return STEP_END;
    case HS_SPECIAL_COMPLEX:
        break;
    }
    return STEP_DECLINE;
}

/* Can a CFA and what was saved below it be where the frame pointer says? */
static inline bool is_frame(const struct hs_thread *thread, uint64_t sp, uint64_t bp,
                            uint64_t cfa, uint64_t below)
{
    /* No overflow: the end is an address of the stack, and offsets are small. */
    return bp <= thread->stack_high && cfa > sp && cfa <= thread->stack_high
           && cfa % 8 == 0 && cfa - sp >= below;
}

/*
 * Put memo[first..last] behind the fresh frames, innermost first; `frame` equals the last
 * and becomes the first. The memo's own bp is right only where it matters to the old stack.
 * Returns how many are fresh.
 */
static uint32_t take_over(struct hs_thread *thread, uint32_t fresh, uint32_t first,
                          uint32_t last, struct hs_thread_frame *frame)
{
    for (uint32_t i = last + 1; i-- > first && fresh < HS_STACK_DEPTH_MAX;) {
        const struct hs_thread_frame *memo = &thread->memo[i];
        if (i < last) {
            uint64_t below = memo->way & HS_FRAME_BP_BELOW;
            if (below)
                frame->bp = hs_slot_read(memo->sp - below);
            frame->way = memo->way & ~HS_FRAME_BP_MATTERS;
            frame->ip = memo->ip;
            frame->sp = memo->sp;
        }
        frame->mark = hs_memo_mark(frame->sp, hs_rules_hash(frame->ip));
        thread->fresh[fresh++] = *frame;
    }
    return fresh;
}

/* Forget the memo when unloading may have changed what its addresses mean. */
static uint32_t memo_begin(struct hs_thread *thread, uint32_t generation)
{
    if (HS_UNLIKELY(thread->memo_generation != generation)) {
        thread->memo_count = 0;
        thread->memo_generation = generation;
    }
    return thread->memo_is_walked ? thread->memo_count : 0;
}

/* A stack too deep loses its outer end, and with it what the memo stands on. */
static __attribute__((noinline)) void finish_cut(struct hs_thread *thread, uint32_t fresh,
                                                 uint32_t kept)
{
    while (kept > 0 && fresh < HS_STACK_DEPTH_MAX)
        thread->fresh[fresh++] = thread->memo[--kept];
    hs_stack_count_truncated();
    thread->memo_is_walked = false;
    hs_memo_extend(thread, fresh, 0, 0, HS_FRAME_BY_BP);
}

/* memo[inner] is where the walk is, but the memo is not true from there to its end. Takes
 * over what is, and leaves `frame` where it ends. */
static __attribute__((noinline)) uint32_t walk_past(struct hs_thread *thread,
                                                    uint32_t fresh, uint32_t inner,
                                                    struct hs_thread_frame *frame,
                                                    uint32_t *ways)
{
    uint32_t good = hs_memo_reach(thread, inner);
    for (uint32_t i = good; i < inner; i++)
        *ways |= thread->memo[i].way;
    return take_over(thread, fresh, good, inner, frame);
}

/* Word by word: put together to wider stores, they wait for each other in the stack. */
static inline void keep(struct hs_thread_frame *place,
                        const struct hs_thread_frame *frame)
{
    __atomic_store_n(&place->ip, frame->ip, __ATOMIC_RELAXED);
    __atomic_store_n(&place->sp, frame->sp, __ATOMIC_RELAXED);
    __atomic_store_n(&place->bp, frame->bp, __ATOMIC_RELAXED);
    __atomic_store_n(&place->way, frame->way, __ATOMIC_RELAXED);
    __atomic_store_n(&place->mark, frame->mark, __ATOMIC_RELAXED);
}

static inline __attribute__((always_inline)) enum step_result
step(const struct hs_thread *thread, struct hs_thread_frame *at, uint64_t word)
{
    uint64_t below = hs_rule_word_bp(word), cfa;
    if (HS_LIKELY((word & HS_RULE_WORD_KIND) == HS_RULE_WORD_SP)) {
        cfa = at->sp + hs_rule_word_cfa(word);
        if (HS_UNLIKELY(cfa > thread->stack_high))
            return STEP_DECLINE;
        at->way = (uint32_t)below;
    } else if ((word & HS_RULE_WORD_KIND) == HS_RULE_WORD_BP) {
        cfa = at->bp + hs_rule_word_cfa(word);
        if (HS_UNLIKELY(!is_frame(thread, at->sp, at->bp, cfa, below)))
            return STEP_DECLINE;
        at->way = (uint32_t)below | HS_FRAME_BY_BP;
    } else {
        /* A copy, so that the frame itself can stay in registers. */
        struct hs_thread_frame copy = *at;
        enum step_result result = step_special(thread, &copy, word);
        *at = copy;
        return result;
    }
    if (below)
        at->bp = hs_slot_read(cfa - below);
    at->ip = hs_slot_read(cfa - 8);
    at->sp = cfa;
    return STEP_ON;
}

/* The rest of the stack is memo[0..kept), reached by `way`. */
static inline bool finish_kept(struct hs_thread *thread, uint32_t fresh, uint32_t kept,
                               uint32_t way, uint32_t ways)
{
    if (HS_UNLIKELY(fresh + kept > HS_STACK_DEPTH_MAX))
        finish_cut(thread, fresh, kept);
    else
        hs_memo_extend(thread, fresh, kept, way, ways);
    return true;
}

/* Nothing of the memo is left. */
static __attribute__((noinline)) bool
finish_fresh(struct hs_thread *thread, uint32_t fresh, enum step_result result)
{
    if (result == STEP_DECLINE)
        return false;
    if (result == STEP_ON) {
        finish_cut(thread, fresh, 0);
    } else {
        thread->memo_is_walked = result == STEP_END;
        hs_memo_extend(thread, fresh, 0, 0, HS_FRAME_BY_BP);
    }
    return true;
}

bool hs_walk(struct hs_thread *thread, void *hook_frame)
{
    const uint64_t *hook = hook_frame;
    uint64_t low = (uint64_t)hook;
    uint32_t generation, fresh = 0, ways = 0;
    if (!hs_rules_begin(&generation))
        return false;
    if (HS_UNLIKELY(low - thread->stack_low >= thread->stack_high - thread->stack_low)
        && !stack_learn(thread, low))
        return false;
    uint32_t remembered = memo_begin(thread, generation);
    struct hs_thread_frame at = {.ip = hook[1], .sp = low + 16, .bp = hook[0], .way = 16};

    enum step_result result = STEP_ON;
    while (HS_LIKELY(result == STEP_ON)) {
        uint64_t hash = hs_rules_hash(at.ip);
        at.mark = hs_memo_mark(at.sp, hash);
        ways |= at.way;
        struct hs_thread_frame *memo =
            hs_memo_find(thread, at.ip, at.sp, at.bp, at.mark, remembered);
        if (!memo) {
            if (HS_UNLIKELY(fresh == HS_STACK_DEPTH_MAX))
                break;
            keep(&thread->fresh[fresh++], &at);
        } else {
            uint32_t inner = (uint32_t)(memo - thread->memo);
            if (HS_LIKELY(hs_memo_holds(thread, inner)))
                return finish_kept(thread, fresh, inner + 1, at.way, ways);
            struct hs_thread_frame copy = at;
            fresh = walk_past(thread, fresh, inner, &copy, &ways);
            at = copy;
            hash = hs_rules_hash(at.ip);
        }
        result = step(thread, &at, hs_rules_find(at.ip, hash, generation));
    }
    return finish_fresh(thread, fresh, result);
}

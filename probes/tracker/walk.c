// SPDX-License-Identifier: MIT

/*
 * The walk, and why it may take frames over from the last stack.
 *
 * A step is a function of the frame's three registers, of the rule for its address and of
 * the slots it reads. So when a frame equals a remembered one, and the slots between the
 * remembered frames hold what they held, the rest of the stack is what it was. The slots
 * are looked at in the order in which a walk would read them: each lies where the ones
 * before have shown a frame to be.
 *
 * Every read is above the hook's frame, in the thread's own stack, whose pages up to its
 * end were found readable. On other stacks (coroutines, alternate signal stacks), and
 * whenever something does not fit, the walk declines.
 */

#include "probes/tracker/walk.h"

#include <stddef.h>

#include "probes/tracker/cfi_read.h"
#include "probes/tracker/guard.h"
#include "probes/tracker/next.h"
#include "probes/tracker/rules.h"

#define PAGE ((uint64_t)4096)
#define PAGES_MAX 2048 /* asked about at once */

/* How far code without unwind information may have its frame pointer from the callee. */
#define GUESS_MAX ((uint64_t)0x4000)

enum step_result {
    STEP_ON,
    STEP_END,    /* the stack ends here, and will as long as its slots are the same */
    STEP_UNSURE, /* it ends here now */
    STEP_DECLINE,
};

static void **main_stack_end; /* the loader's __libc_stack_end */

bool hs_walk_init(void)
{
    main_stack_end = hs_next_find_first("__libc_stack_end");
    return hs_rules_init();
}

/* Under glibc a thread's control block lies at the end of its stack. */
static uint64_t stack_end_above(uint64_t sp)
{
    uint64_t block = (uint64_t)__builtin_thread_pointer();
    uint64_t end = main_stack_end ? (uint64_t)*main_stack_end : 0;
    if (block <= sp)
        return end > sp ? end : 0;
    return end > sp && end < block ? end : block;
}

/* Extend what is known of the thread's stack down to `sp`. Threads that live on other
 * stacks get here at every capture, and are heard less and less. */
__attribute__((noinline)) static bool stack_learn(struct hs_thread *thread, uint64_t sp)
{
    uint32_t misses = ++thread->stack_misses;
    if (misses > 16 && (misses & (misses - 1)) != 0)
        return false;
    uint64_t end = stack_end_above(sp);
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

static inline uint64_t read_slot(uint64_t address)
{
    return *(const volatile uint64_t *)address;
}

/* Code without unwind information: it may keep a frame pointer. */
static enum step_result step_frame(const struct hs_thread *thread,
                                   struct hs_thread_frame *frame, bool has_module)
{
    uint64_t slot = frame->bp;
    if (slot % 8 != 0 || slot < frame->sp || slot - frame->sp > GUESS_MAX
        || slot > thread->stack_high - 16)
        return has_module ? STEP_END : STEP_UNSURE;
    uint64_t ip = read_slot(slot + 8);
    if (ip < PAGE)
        return STEP_UNSURE;
    frame->ip = ip;
    frame->sp = slot + 16;
    frame->bp = read_slot(slot);
    frame->bp_below = has_module ? 16 : 16 | HS_FRAME_WITHOUT_MODULE;
    return STEP_ON;
}

__attribute__((noinline)) static enum step_result
step_special(const struct hs_thread *thread, struct hs_thread_frame *frame, uint64_t word)
{
    switch (hs_rule_word_cfa(word) / 8) {
    case HS_SPECIAL_FRAME:
        return step_frame(thread, frame, true);
    case HS_SPECIAL_NO_MODULE:
        return step_frame(thread, frame, false);
    case HS_SPECIAL_OUTERMOST:
        return STEP_END;
    }
    return STEP_DECLINE;
}

static inline __attribute__((always_inline)) enum step_result
step(const struct hs_thread *thread, struct hs_thread_frame *frame, uint32_t generation)
{
    uint64_t word = hs_rules_find(frame->ip, generation);
    uint64_t base = frame->sp;
    if ((word & HS_RULE_WORD_KIND) == HS_RULE_WORD_BP)
        base = frame->bp;
    else if (HS_UNLIKELY((word & HS_RULE_WORD_KIND) != HS_RULE_WORD_SP)) {
        /* A copy, so that the frame itself can stay in registers. */
        struct hs_thread_frame copy = *frame;
        enum step_result result = step_special(thread, &copy, word);
        *frame = copy;
        return result;
    }

    /* No overflow: the end is an address of the stack, and offsets are small. */
    if (HS_UNLIKELY(base > thread->stack_high))
        return STEP_DECLINE;
    uint64_t cfa = base + hs_rule_word_cfa(word);
    if (HS_UNLIKELY(cfa <= frame->sp || cfa > thread->stack_high || cfa % 8 != 0))
        return STEP_DECLINE;
    uint64_t below = hs_rule_word_bp(word);
    if (HS_UNLIKELY(cfa - frame->sp < below))
        return STEP_DECLINE;
    if (below)
        frame->bp = read_slot(cfa - below);
    frame->ip = read_slot(cfa - 8);
    frame->sp = cfa;
    frame->bp_below = (uint32_t)below;
    return HS_LIKELY(frame->ip >= PAGE) ? STEP_ON : STEP_UNSURE;
}

/* memo[inner] is on the stack: how far out is the memo still true? Returns the index of
 * the outermost frame that is. */
static uint32_t verify(const struct hs_thread *thread, uint32_t inner)
{
    uint32_t i = inner;
    for (; i > 0; i--) {
        const struct hs_thread_frame *outer = &thread->memo[i - 1];
        uint64_t below = outer->bp_below;
        if (HS_UNLIKELY(below & HS_FRAME_WITHOUT_MODULE)) {
            if (!hs_rules_has_no_module(thread->memo[i].ip))
                break;
            below -= HS_FRAME_WITHOUT_MODULE;
        }
        if (below && read_slot(outer->sp - below) != outer->bp)
            break;
        if (read_slot(outer->sp - 8) != outer->ip)
            break;
    }
    return i;
}

/* Put memo[first..last] behind the fresh frames, innermost first. */
static uint32_t take_over(struct hs_thread *thread, uint32_t fresh, uint32_t first,
                          uint32_t last)
{
    for (uint32_t i = last + 1; i > first && fresh < HS_STACK_DEPTH_MAX; i--)
        thread->fresh[fresh++] = thread->memo[i - 1];
    return fresh;
}

/* Word by word: put together to wider stores, they wait for each other in the stack. */
static inline void frame_store(struct hs_thread_frame *place,
                               const struct hs_thread_frame *frame)
{
    __atomic_store_n(&place->ip, frame->ip, __ATOMIC_RELAXED);
    __atomic_store_n(&place->sp, frame->sp, __ATOMIC_RELAXED);
    __atomic_store_n(&place->bp, frame->bp, __ATOMIC_RELAXED);
    __atomic_store_n(&place->bp_below, frame->bp_below, __ATOMIC_RELAXED);
}

/* The remembered frame that equals this one; NULL: none is known. */
static inline struct hs_thread_frame *
memo_find(struct hs_thread *thread, const struct hs_thread_frame *frame, uint32_t count)
{
    uint32_t place = thread->memo_place[HS_FRAME_PLACE(frame->sp)];
    struct hs_thread_frame *memo = &thread->memo[place];
    if (memo->sp != frame->sp || memo->ip != frame->ip || memo->bp != frame->bp
        || place >= count)
        return NULL;
    return memo;
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

bool hs_walk(struct hs_thread *thread, void *hook_frame, struct hs_walk *ret)
{
    const uint64_t *hook = hook_frame;
    uint64_t low = (uint64_t)hook;
    uint32_t generation, fresh = 0;
    *ret = (struct hs_walk){.n_fresh = 0};
    if (!hs_rules_begin(&generation))
        return false;
    if (HS_UNLIKELY(low - thread->stack_low >= thread->stack_high - thread->stack_low)
        && !stack_learn(thread, low))
        return false;
    struct hs_thread_frame frame = {
        .ip = hook[1], .sp = low + 16, .bp = hook[0], .bp_below = 16};
    enum step_result result = STEP_ON;
    uint32_t remembered = memo_begin(thread, generation);

    uint32_t kept = 0;
    while (result == STEP_ON) {
        struct hs_thread_frame *memo = memo_find(thread, &frame, remembered);
        if (memo) {
            uint32_t inner = (uint32_t)(memo - thread->memo);
            memo->bp_below = frame.bp_below;
            uint32_t good = verify(thread, inner);
            if (good == 0) {
                kept = inner + 1;
                result = STEP_END;
                break;
            }
            fresh = take_over(thread, fresh, good, inner);
            frame = thread->memo[good];
        } else if (fresh < HS_STACK_DEPTH_MAX) {
            frame_store(&thread->fresh[fresh++], &frame);
        } else {
            break;
        }
        result = step(thread, &frame, generation);
    }
    *ret = (struct hs_walk){.n_fresh = fresh,
                            .n_kept = kept,
                            .is_whole = result == STEP_END,
                            .is_cut = result == STEP_ON};
    return result != STEP_DECLINE;
}

// SPDX-License-Identifier: MIT

/*
 * What every allocation hook does around the real call.
 *
 * A hook begins with one look at the mode. When there is nothing to do it jumps to the real
 * function: no frame, no guard. What is to be done instead lies in functions of its own,
 * so that the hook itself needs no frame either.
 *
 * The order is what keeps the tables right under threads: a block is recorded after the
 * real allocation and forgotten before the real free, so that nobody else can own the
 * address in between.
 */

#ifndef HEAPSNAP_PROBES_KINDS_HEAP_H
#define HEAPSNAP_PROBES_KINDS_HEAP_H

#include <stddef.h>

#include "probes/tracker/ever.h"
#include "probes/tracker/guard.h"
#include "probes/tracker/live.h"
#include "probes/tracker/live_table.h"
#include "probes/tracker/next.h"
#include "probes/tracker/sample.h"
#include "probes/tracker/stack.h"
#include "probes/tracker/switch.h"

/* The frame of the hook itself: the stack begins with whoever called it. A function that
 * a hook ends in takes its place. */
#define HS_HOOK_FRAME __builtin_frame_address(0)

#define HS_NOT_INLINE __attribute__((noinline))

/* How a hook goes on. */
enum hs_heap_way {
    HS_WAY_PASS,   /* to the real function */
    HS_WAY_EXACT,  /* record every block */
    HS_WAY_SAMPLE, /* the block may be chosen */
    HS_WAY_BEGIN,  /* the first hook of all */
};

static inline enum hs_heap_way hs_heap_way(size_t size)
{
    enum hs_heap_mode mode = hs_heap_mode_now();
    if (mode == HS_HEAP_EXACT)
        return HS_WAY_EXACT;
    if (mode == HS_HEAP_SAMPLED)
        return HS_LIKELY(hs_sample_pass(size)) ? HS_WAY_PASS : HS_WAY_SAMPLE;
    return HS_LIKELY(mode == HS_HEAP_OFF) ? HS_WAY_PASS : HS_WAY_BEGIN;
}

/*
 * End a hook in the real function, or the first time in `resolve`, which looks it up. (A
 * call that the hook came back from would cost it a frame.)
 */
#define HS_PASS(name, resolve, ...)                             \
    do {                                                        \
        __typeof__(next_##name##_) real =                       \
            __atomic_load_n(&next_##name##_, __ATOMIC_RELAXED); \
        if (HS_UNLIKELY(!real))                                 \
            return resolve(__VA_ARGS__);                        \
        return real(__VA_ARGS__);                               \
    } while (0)

static inline void hs_heap_record(void *block, size_t size, void *hook_frame)
{
    if (HS_UNLIKELY(!block))
        return;
    uint64_t *place = hs_live_place((uint64_t)block);
    uint32_t stack = hs_stack_capture(hook_frame);
    hs_live_insert_at(place, (uint64_t)block, size, stack);
    if (HS_UNLIKELY(hs_ever_is_on))
        hs_ever_count(stack, size);
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

/* HS_WAY_SAMPLE, after the real call. Keeps errno. */
void hs_heap_sample(void *block, size_t size, void *hook_frame);

/* Should a free of `block` call hs_heap_forget_sampled() before the real one? */
static inline bool hs_heap_is_sampled(const void *block)
{
    return hs_heap_mode_now() == HS_HEAP_SAMPLED && hs_sample_may_hold(block);
}
bool hs_heap_forget_sampled(void *block, struct hs_live_block *ret);

#endif

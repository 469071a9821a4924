// SPDX-License-Identifier: MIT

/*
 * The last stack of each thread, and how much of it is still so.
 *
 * A step of the walk is a function of the frame's three registers, of the rule for its
 * address and of the slots it reads. So when a frame equals a remembered one, and the slots
 * between the remembered frames hold what they held, the rest of the stack is what it was.
 *
 * The frame pointer counts only where a way depends on it. Where a function saved it and
 * went on to use the register for something else, the way outwards reads it from its slot
 * again: whatever was in it before does not matter, and most code keeps no frame pointers
 * at all.
 *
 * Everything here works on the calling thread's own state. All slots lie in the part of the
 * thread's stack that is known to be readable, so looking at one too many does no harm.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_MEMO_H
#define HEAPSNAP_PROBES_TRACKER_MEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probes/tracker/guard.h"
#include "probes/tracker/intern.h"

/* hs_thread_frame.way: bp was read on the way here so far below sp; 0: it is the called
 * frame's. */
#define HS_FRAME_BP_BELOW 0x1f8u
/* The called frame's bp led here. */
#define HS_FRAME_BY_BP 1u
/* It was a guess that a library loaded later may spoil. */
#define HS_FRAME_NO_MODULE 2u
/* The way on from here depends on bp. */
#define HS_FRAME_BP_MATTERS 4u

static inline uint64_t hs_slot_read(uint64_t address)
{
    return *(const volatile uint64_t *)address;
}

/* Of a frame's ip (by its hash in rules.h) and sp. The low byte is free: in memo_place it
 * is the index. */
static inline uint32_t hs_memo_mark(uint64_t sp, uint64_t hash)
{
    return ((uint32_t)(sp >> 4) ^ (uint32_t)(hash >> 32)) & ~255u;
}

/* Frames are 16 bytes apart at least. */
static inline uint32_t *hs_memo_place(struct hs_thread *thread, uint64_t sp)
{
    return &thread->memo_place[sp >> 4 & (HS_STACK_DEPTH_MAX - 1)];
}

/* The remembered frame that equals this one, of the first `count`; NULL: there is none. */
static inline struct hs_thread_frame *hs_memo_find(struct hs_thread *thread, uint64_t ip,
                                                   uint64_t sp, uint64_t bp,
                                                   uint32_t mark, uint32_t count)
{
    uint32_t index = *hs_memo_place(thread, sp) ^ mark;
    if (HS_LIKELY(index >= count))
        return NULL;
    struct hs_thread_frame *memo = &thread->memo[index];
    if (HS_UNLIKELY(memo->sp != sp || memo->ip != ip
                    || (memo->bp != bp && memo->way & HS_FRAME_BP_MATTERS)))
        return NULL;
    return memo;
}

/* How far out is the memo still true, from memo[inner] on, which is on the stack? Returns
 * the index of the outermost frame that is. Looks at the slots in the order of a walk. */
uint32_t hs_memo_reach(const struct hs_thread *thread, uint32_t inner);

/* Whatever a way depends on besides the return address that it led to. */
static inline bool hs_memo_is_checked(uint32_t way)
{
    return way & HS_FRAME_NO_MODULE
           || (way & HS_FRAME_BP_MATTERS && way & HS_FRAME_BP_BELOW);
}

bool hs_memo_check_module(const struct hs_thread *thread, uint32_t index);

/* Is what memo[index] is checked for still so? */
static inline bool hs_memo_check(const struct hs_thread *thread, uint32_t index)
{
    const struct hs_thread_frame *frame = &thread->memo[index];
    if (HS_UNLIKELY(frame->way & HS_FRAME_NO_MODULE)
        && !hs_memo_check_module(thread, index))
        return false;
    uint64_t below = frame->way & HS_FRAME_BP_BELOW;
    return !below || !(frame->way & HS_FRAME_BP_MATTERS)
           || hs_slot_read(frame->sp - below) == frame->bp;
}

/* hs_memo_reach() == 0, quickly. */
static inline bool hs_memo_holds(const struct hs_thread *thread, uint32_t inner)
{
    for (const struct hs_thread_frame *frame = &thread->memo[inner];
         frame-- != thread->memo;)
        if (HS_UNLIKELY(hs_slot_read(frame->sp - 8) != frame->ip))
            return false;
    for (uint32_t i = 0; i < thread->memo_checks_count && thread->memo_checks[i] < inner;
         i++)
        if (HS_UNLIKELY(!hs_memo_check(thread, thread->memo_checks[i])))
            return false;
    return true;
}

/*
 * thread->fresh[0..n), innermost first, were called from memo[kept - 1], to which `way` led;
 * they become the memo from there on. kept + n is at most HS_STACK_DEPTH_MAX. `ways` are
 * all ways put together, `way` too.
 */
void hs_memo_extend(struct hs_thread *thread, uint32_t n, uint32_t kept, uint32_t way,
                    uint32_t ways);

#endif

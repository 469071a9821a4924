// SPDX-License-Identifier: MIT

/*
 * Looking at remembered frames in the order of a walk, and remembering new ones.
 */

#include "probes/tracker/memo.h"

#include "probes/tracker/rules.h"

bool hs_memo_check_module(const struct hs_thread *thread, uint32_t index)
{
    return hs_rules_has_no_module(thread->memo[index + 1].ip, thread->memo_generation);
}

uint32_t hs_memo_reach(const struct hs_thread *thread, uint32_t inner)
{
    uint32_t i = inner;
    for (; i > 0; i--) {
        const struct hs_thread_frame *outer = &thread->memo[i - 1];
        if (!hs_memo_check(thread, i - 1) || hs_slot_read(outer->sp - 8) != outer->ip)
            break;
    }
    return i;
}

/* Does the way on from memo[at] depend on its bp? That way led to the frame outside it. */
static bool bp_matters(const struct hs_thread *thread, uint32_t at)
{
    uint32_t way = at > 0 ? thread->memo[at - 1].way : HS_FRAME_BY_BP;
    if (way & HS_FRAME_BY_BP)
        return true;
    return !(way & HS_FRAME_BP_BELOW) && way & HS_FRAME_BP_MATTERS;
}

static void set_way(struct hs_thread *thread, uint32_t at, uint32_t way)
{
    thread->memo[at].way = way;
    if (hs_memo_is_checked(way))
        thread->memo_checks[thread->memo_checks_count++] = (uint8_t)at;
}

static inline void remember(struct hs_thread *thread, uint32_t at, uint64_t hash,
                            const struct hs_thread_frame *frame)
{
    struct hs_thread_frame *memo = &thread->memo[at];
    memo->ip = frame->ip;
    memo->sp = frame->sp;
    memo->bp = frame->bp;
    thread->memo_hash[at] = hash;
    *hs_memo_place(thread, frame->sp) = frame->mark | at;
}

/* Frames and ways without a word about bp, called from one that does not care. */
static void extend_plain(struct hs_thread *thread, uint32_t n, uint32_t kept)
{
    uint64_t hash = thread->memo_hash[kept - 1];
    for (const struct hs_thread_frame *frame = &thread->fresh[n];
         frame-- != thread->fresh; kept++) {
        hash += hs_intern_term(frame->ip, kept);
        remember(thread, kept, hash, frame);
        thread->memo[kept].way = frame->way;
    }
}

static void extend_careful(struct hs_thread *thread, uint32_t n, uint32_t kept)
{
    uint64_t hash = kept > 0 ? thread->memo_hash[kept - 1] : 0;
    for (; n > 0; kept++) {
        const struct hs_thread_frame *frame = &thread->fresh[--n];
        hash += hs_intern_term(frame->ip, kept);
        remember(thread, kept, hash, frame);
        set_way(thread, kept,
                frame->way | (bp_matters(thread, kept) ? HS_FRAME_BP_MATTERS : 0));
    }
}

void hs_memo_extend(struct hs_thread *thread, uint32_t n, uint32_t kept, uint32_t way,
                    uint32_t ways)
{
    uint32_t checks = thread->memo_checks_count;
    while (checks > 0 && thread->memo_checks[checks - 1] + 1u >= kept)
        checks--;
    thread->memo_checks_count = checks;
    thread->memo_count = kept + n;
    uint32_t matters = HS_FRAME_BP_MATTERS;
    if (kept > 0) {
        matters = thread->memo[kept - 1].way & HS_FRAME_BP_MATTERS;
        set_way(thread, kept - 1, way | matters);
    }
    if (HS_LIKELY(!matters && !(ways & HS_FRAME_BY_BP)))
        extend_plain(thread, n, kept);
    else
        extend_careful(thread, n, kept);
}

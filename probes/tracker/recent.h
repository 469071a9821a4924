// SPDX-License-Identifier: MIT

/*
 * Stacks that come again, recognised without a walk.
 *
 * What a walk finds is a function of the slots it reads: return addresses, and frame
 * pointers where a way depends on one. So a record of a stack is the list of these slots,
 * as distances from the hook's frame, with their values, and when all of them hold what
 * they held, the stack is the same. (By induction from the innermost: equal registers and
 * an equal slot make an equal next frame.) The looks do not wait for each other as the
 * steps of a walk do, and nothing has to be remembered or interned.
 *
 * Records are found as in a digital search tree: the first by the hook's caller and place.
 * Where a slot differs, the next is the one that was put there when the same slot had
 * held this value.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_RECENT_H
#define HEAPSNAP_PROBES_TRACKER_RECENT_H

#include <stddef.h>
#include <stdint.h>

#include "probes/tracker/guard.h"
#include "probes/tracker/memo.h"
#include "probes/tracker/rules.h"

#define HS_RECENT_INDEX_BITS 12
#define HS_RECENT_HALF ((uint32_t)1 << 14) /* words */

/* So many records are looked at for one stack. */
#define HS_RECENT_LOOKS 8

/* Slots are looked at four at a time: a branch for each would cost more. */
#define HS_RECENT_QUAD 4
struct hs_recent_quad {
    uint64_t values[HS_RECENT_QUAD];
    uint16_t distances[HS_RECENT_QUAD]; /* in words, from the hook's frame up */
};

/* What is left of the last quad repeats its last slot. */
struct hs_recent {
    uint64_t key;
    uint32_t generation; /* of the rules */
    uint32_t node;
    uint32_t count; /* of quads */
    uint32_t reach; /* the largest distance, in bytes */
    struct hs_recent_quad quads[];
};

/* Slots of one record: at most every frame, its frame pointer, and the innermost's. */
#define HS_RECENT_QUADS_MAX \
    ((2 * HS_STACK_DEPTH_MAX + 1 + HS_RECENT_QUAD - 1) / HS_RECENT_QUAD)

/*
 * Of one thread. Records lie one behind the other in a ring of two halves: when one is
 * full, all that is in the other is forgotten.
 */
struct hs_recents {
    uint64_t key; /* where hs_recent_find() has found nothing; 0: it has not looked */
    uint32_t found, missed;
    uint32_t rest; /* walks to go by before it looks again */
    uint32_t walks;
    uint32_t end; /* of the latest record */
    /* By key: where its record is; 0: at the one that is none. */
    uint32_t index[1 << HS_RECENT_INDEX_BITS];
    uint64_t words[2 * HS_RECENT_HALF];
    struct hs_recent_quad scratch[HS_RECENT_QUADS_MAX];
};

static inline uint32_t *hs_recent_place(struct hs_recents *recents, uint64_t key)
{
    return &recents->index[key >> (64 - HS_RECENT_INDEX_BITS)];
}

static inline uint64_t hs_recent_first_key(uint64_t ip, uint64_t low)
{
    return (ip + (low << 16)) * 0x9e3779b97f4a7c15u;
}

static inline uint64_t hs_recent_differs(const struct hs_recent_quad *quad, unsigned i,
                                         const volatile uint64_t *slots)
{
    return slots[quad->distances[i]] ^ quad->values[i];
}

/* The first quad with slots that do not hold what they held, or the end. */
static inline const struct hs_recent_quad *hs_recent_agree(const struct hs_recent *recent,
                                                           const volatile uint64_t *slots)
{
    const struct hs_recent_quad *quad = recent->quads, *end = quad + recent->count;
    for (; quad < end; quad++)
        if (hs_recent_differs(quad, 0, slots) | hs_recent_differs(quad, 1, slots)
            | hs_recent_differs(quad, 2, slots) | hs_recent_differs(quad, 3, slots))
            break;
    return quad;
}

/* Where to look when a slot of `quad` is the first that differs. */
uint64_t hs_recent_next_key(const struct hs_recent *recent,
                            const struct hs_recent_quad *quad,
                            const volatile uint64_t *slots);

/* The node of the stack above the hook's frame, or HS_STACK_NONE: walk. */
static inline uint32_t hs_recent_find(struct hs_thread *thread, void *hook_frame)
{
    struct hs_recents *recents = thread->recents;
    const volatile uint64_t *slots = hook_frame;
    uint64_t low = (uint64_t)hook_frame;
    uint32_t generation;
    if (HS_UNLIKELY(!recents || recents->rest > 0
                    || low - thread->stack_low >= thread->stack_high - thread->stack_low
                    || !hs_rules_begin(&generation)))
        return HS_STACK_NONE;
    uint64_t key = hs_recent_first_key(slots[1], low);
    for (int looks = 0; looks < HS_RECENT_LOOKS; looks++) {
        const struct hs_recent *recent =
            (const void *)&recents->words[*hs_recent_place(recents, key)];
        if (HS_UNLIKELY(recent->key != key || recent->generation != generation
                        || thread->stack_high - low <= recent->reach))
            break;
        const struct hs_recent_quad *quad = hs_recent_agree(recent, slots);
        if (HS_LIKELY(quad == recent->quads + recent->count)) {
            recents->found++;
            return recent->node;
        }
        key = hs_recent_next_key(recent, quad, slots);
    }
    recents->key = key;
    recents->missed++;
    return HS_STACK_NONE;
}

/* hs_recent_find() had nothing; the memo is what the walk has found instead. */
void hs_recent_keep(struct hs_thread *thread, void *hook_frame, uint32_t node);

#endif

// SPDX-License-Identifier: MIT

/*
 * Making records: for some of the walks only, because stacks that come but once would push
 * out those that come again; and where most do, no time is lost with looking.
 */

#include "probes/tracker/recent.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "probes/tracker/guard.h"
#include "probes/tracker/memo.h"
#include "probes/tracker/raw.h"
#include "probes/tracker/rules.h"
#include "probes/tracker/stack.h"

/* One walk of so many makes a record. */
#define KEEP_EVERY 4

/* So many walks of a thread go before the first record; a power of two. */
#define CREATE_AFTER 64

/* Of so many captures half must be found, or so many walks go by without a look. */
#define TRIAL 1024
#define REST (16 * TRIAL)

#define RECENT_WORDS ((uint32_t)(sizeof(struct hs_recent) / 8))
#define QUAD_WORDS ((uint32_t)(sizeof(struct hs_recent_quad) / 8))

uint64_t hs_recent_next_key(const struct hs_recent *recent,
                            const struct hs_recent_quad *quad,
                            const volatile uint64_t *slots)
{
    unsigned i = 0;
    while (i < HS_RECENT_QUAD - 1 && !hs_recent_differs(quad, i, slots))
        i++;
    uint64_t number = (uint64_t)(quad - recent->quads) * HS_RECENT_QUAD + i + 1;
    uint64_t key = (recent->key ^ number * 0xbf58476d1ce4e5b9u)
                   + slots[quad->distances[i]] * 0x9e3779b97f4a7c15u;
    return (key ^ key >> 32) * 0x94d049bb133111ebu;
}

/* Begin again in the half that holds the older records. */
static void forget_half(struct hs_recents *recents, uint32_t start)
{
    for (size_t i = 0; i < (size_t)1 << HS_RECENT_INDEX_BITS; i++)
        if (recents->index[i] - start < HS_RECENT_HALF)
            recents->index[i] = 0;
    recents->end = start + RECENT_WORDS;
}

static struct hs_recent *make_room(struct hs_recents *recents, uint32_t words)
{
    uint32_t start = (recents->end - 1) & ~(HS_RECENT_HALF - 1);
    if (recents->end + words > start + HS_RECENT_HALF)
        forget_half(recents, start ^ HS_RECENT_HALF);
    struct hs_recent *record = (void *)&recents->words[recents->end];
    *hs_recent_place(recents, recents->key) = recents->end;
    recents->end += words;
    return record;
}

/* The slots of a record to be. */
struct slots {
    struct hs_recent_quad *quads;
    uint64_t low, reach;
    uint32_t count;
};

static bool add(struct slots *slots, uint64_t address, uint64_t value)
{
    uint64_t distance = address - slots->low;
    if (distance / 8 > UINT16_MAX)
        return false;
    if (distance > slots->reach)
        slots->reach = distance;
    struct hs_recent_quad *quad = &slots->quads[slots->count / HS_RECENT_QUAD];
    for (unsigned i = slots->count++ % HS_RECENT_QUAD; i < HS_RECENT_QUAD; i++) {
        quad->values[i] = value;
        quad->distances[i] = (uint16_t)(distance / 8);
    }
    return true;
}

/* All that the memo depends on, return addresses first, from the innermost on. */
static bool collect(const struct hs_thread *thread, struct slots *slots)
{
    uint32_t inner = thread->memo_count - 1;
    for (uint32_t i = thread->memo_count; i-- > 0;)
        if (!add(slots, thread->memo[i].sp - 8, thread->memo[i].ip))
            return false;
    for (uint32_t i = 0; i < thread->memo_checks_count; i++) {
        const struct hs_thread_frame *frame = &thread->memo[thread->memo_checks[i]];
        if (frame->way & HS_FRAME_NO_MODULE
            || !add(slots, frame->sp - (frame->way & HS_FRAME_BP_BELOW), frame->bp))
            return false;
    }
    return !(thread->memo[inner].way & HS_FRAME_BP_MATTERS)
           || add(slots, slots->low, thread->memo[inner].bp);
}

static void write_record(struct hs_recents *recents, const struct slots *slots,
                         uint32_t generation, uint32_t node)
{
    uint32_t count = (slots->count + HS_RECENT_QUAD - 1) / HS_RECENT_QUAD;
    struct hs_recent *record = make_room(recents, RECENT_WORDS + count * QUAD_WORDS);
    *record = (struct hs_recent){.key = recents->key,
                                 .generation = generation,
                                 .node = node,
                                 .count = count,
                                 .reach = (uint32_t)slots->reach};
    memcpy(record->quads, slots->quads, count * sizeof(*slots->quads));
}

static void end_trial(struct hs_recents *recents)
{
    if (recents->found < recents->missed)
        recents->rest = REST;
    recents->found = recents->missed = 0;
}

/* Not for a thread that will end soon, and not asked for again and again in vain. */
static void create(struct hs_thread *thread)
{
    uint32_t walks = ++thread->walks;
    if (walks < CREATE_AFTER || (walks & (walks - 1)) != 0)
        return;
    thread->recents = hs_raw_map_used(sizeof(struct hs_recents));
    if (thread->recents)
        thread->recents->end = RECENT_WORDS;
}

__attribute__((noinline)) void hs_recent_keep(struct hs_thread *thread, void *hook_frame,
                                              uint32_t node)
{
    struct hs_recents *recents = thread->recents;
    if (HS_UNLIKELY(!recents)) {
        create(thread);
        return;
    }
    if (recents->rest > 0) {
        recents->rest--;
        return;
    }
    if (recents->found + recents->missed >= TRIAL)
        end_trial(recents);
    if (++recents->walks % KEEP_EVERY || !thread->memo_is_walked || !recents->key)
        return;
    struct slots slots = {.quads = recents->scratch, .low = (uint64_t)hook_frame};
    if (collect(thread, &slots))
        write_record(recents, &slots, thread->memo_generation, node);
    recents->key = 0;
}

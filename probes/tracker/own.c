// SPDX-License-Identifier: MIT

/*
 * Rare events, so one table that is searched from the front; `used` is as far as it has
 * ever been filled.
 */

#include "probes/tracker/own.h"

#define TAKEN 1u /* no page begins there */

static struct {
    uint64_t start; /* 0: free */
    uint64_t size;
} places[HS_OWN_MAX];
static uint32_t used;
static bool is_overfull;

void hs_own_note(uint64_t start, uint64_t size)
{
    for (uint32_t i = 0; i < HS_OWN_MAX; i++) {
        uint64_t nobodys = 0;
        if (!__atomic_compare_exchange_n(&places[i].start, &nobodys, TAKEN, false,
                                         __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            continue;
        __atomic_store_n(&places[i].size, size, __ATOMIC_RELAXED);
        uint32_t seen = __atomic_load_n(&used, __ATOMIC_RELAXED);
        while (seen <= i
               && !__atomic_compare_exchange_n(&used, &seen, i + 1, false,
                                               __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            ;
        __atomic_store_n(&places[i].start, start, __ATOMIC_RELEASE);
        return;
    }
    __atomic_store_n(&is_overfull, true, __ATOMIC_RELEASE);
}

void hs_own_forget(uint64_t start)
{
    uint32_t count = __atomic_load_n(&used, __ATOMIC_ACQUIRE);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t found = start;
        if (__atomic_compare_exchange_n(&places[i].start, &found, 0, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            return;
    }
}

bool hs_own_each(void (*visit)(uint64_t start, uint64_t size, void *context),
                 void *context)
{
    uint32_t count = __atomic_load_n(&used, __ATOMIC_ACQUIRE);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t start = __atomic_load_n(&places[i].start, __ATOMIC_ACQUIRE);
        if (start > TAKEN)
            visit(start, __atomic_load_n(&places[i].size, __ATOMIC_RELAXED), context);
    }
    return !__atomic_load_n(&is_overfull, __ATOMIC_ACQUIRE);
}

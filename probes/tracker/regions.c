// SPDX-License-Identifier: MIT

/*
 * Every registration has a place of its own, also of a pair that is there already. A place
 * is free, being written, or ready; its state has a version, too, so that who takes a region
 * out takes the one that was looked at, whatever other threads do with the place.
 */

#include "probes/tracker/regions.h"

#include <stddef.h>

enum { FREE, WRITING, READY, STATE = 3, VERSION = 4 };

static struct region {
    uint64_t state; /* one of the three, and a count of VERSIONs */
    uint64_t start, size;
} regions[HS_REGIONS_MAX];

bool hs_region_add(uint64_t start, uint64_t size)
{
    uint64_t end;
    if (size == 0 || __builtin_add_overflow(start, size, &end))
        return false;
    for (uint32_t i = 0; i < HS_REGIONS_MAX; i++) {
        struct region *region = &regions[i];
        uint64_t state = __atomic_load_n(&region->state, __ATOMIC_RELAXED);
        if ((state & STATE) != FREE
            || !__atomic_compare_exchange_n(&region->state, &state, state + WRITING,
                                            false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            continue;
        __atomic_store_n(&region->start, start, __ATOMIC_RELAXED);
        __atomic_store_n(&region->size, size, __ATOMIC_RELAXED);
        __atomic_store_n(&region->state, state + READY, __ATOMIC_RELEASE);
        return true;
    }
    return false;
}

static bool holds(const struct region *region, uint64_t start, uint64_t size)
{
    return __atomic_load_n(&region->start, __ATOMIC_RELAXED) == start
           && __atomic_load_n(&region->size, __ATOMIC_RELAXED) == size;
}

bool hs_region_remove(uint64_t start, uint64_t size)
{
    for (uint32_t i = 0; i < HS_REGIONS_MAX; i++) {
        struct region *region = &regions[i];
        uint64_t state = __atomic_load_n(&region->state, __ATOMIC_ACQUIRE);
        while ((state & STATE) == READY && holds(region, start, size))
            if (__atomic_compare_exchange_n(&region->state, &state,
                                            (state & ~(uint64_t)STATE) + VERSION, false,
                                            __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
                return true;
    }
    return false;
}

static bool is_ready(const struct region *region)
{
    return (__atomic_load_n(&region->state, __ATOMIC_ACQUIRE) & STATE) == READY;
}

/* A pair that is registered more than once is one region. */
static bool is_told(uint32_t before, uint64_t start, uint64_t size)
{
    for (uint32_t i = 0; i < before; i++)
        if (is_ready(&regions[i]) && holds(&regions[i], start, size))
            return true;
    return false;
}

void hs_region_each(bool (*visit)(uint64_t start, uint64_t size, void *context),
                    void *context)
{
    for (uint32_t i = 0; i < HS_REGIONS_MAX; i++) {
        if (!is_ready(&regions[i]))
            continue;
        uint64_t start = __atomic_load_n(&regions[i].start, __ATOMIC_RELAXED);
        uint64_t size = __atomic_load_n(&regions[i].size, __ATOMIC_RELAXED);
        if (!is_told(i, start, size) && !visit(start, size, context))
            return;
    }
}

// SPDX-License-Identifier: MIT

/*
 * A place is claimed by its size, which is never 0 in use; its start follows, and the
 * count last: a place whose count is 0 is nobody's region yet, or no more.
 *
 * The same pair registered by two threads at once may take two places; each is taken back
 * for itself, so the sum is right all the same.
 */

#include "probes/tracker/regions.h"

#include <stddef.h>

static struct region {
    uint64_t size; /* 0: free */
    uint64_t start;
    uint32_t count;
} regions[HS_REGIONS_MAX];

/* Whoever counts keeps the place from being given to another pair. False: it is free. */
static bool hold(struct region *region)
{
    uint32_t count = __atomic_load_n(&region->count, __ATOMIC_ACQUIRE);
    while (count > 0)
        if (__atomic_compare_exchange_n(&region->count, &count, count + 1, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
            return true;
    return false;
}

/* Take back `times` that are counted; false, and nothing done, when they are not. */
static bool let_go(struct region *region, uint32_t times)
{
    uint32_t count = __atomic_load_n(&region->count, __ATOMIC_ACQUIRE);
    while (count >= times)
        if (__atomic_compare_exchange_n(&region->count, &count, count - times, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
            if (count == times)
                __atomic_store_n(&region->size, 0, __ATOMIC_RELEASE);
            return true;
        }
    return false;
}

/* Hold the place of the pair; NULL when there is none. */
static struct region *find(uint64_t start, uint64_t size)
{
    for (uint32_t i = 0; i < HS_REGIONS_MAX; i++) {
        if (__atomic_load_n(&regions[i].size, __ATOMIC_RELAXED) != size
            || !hold(&regions[i]))
            continue;
        if (__atomic_load_n(&regions[i].size, __ATOMIC_RELAXED) == size
            && __atomic_load_n(&regions[i].start, __ATOMIC_RELAXED) == start)
            return &regions[i];
        let_go(&regions[i], 1);
    }
    return NULL;
}

bool hs_region_add(uint64_t start, uint64_t size)
{
    uint64_t end;
    if (size == 0 || __builtin_add_overflow(start, size, &end))
        return false;
    if (find(start, size))
        return true;
    for (uint32_t i = 0; i < HS_REGIONS_MAX; i++) {
        uint64_t nobodys = 0;
        if (!__atomic_compare_exchange_n(&regions[i].size, &nobodys, size, false,
                                         __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            continue;
        __atomic_store_n(&regions[i].start, start, __ATOMIC_RELAXED);
        __atomic_store_n(&regions[i].count, 1, __ATOMIC_RELEASE);
        return true;
    }
    return false;
}

bool hs_region_remove(uint64_t start, uint64_t size)
{
    struct region *region = size > 0 ? find(start, size) : NULL;
    if (!region)
        return false;
    if (let_go(region, 2)) /* our hold, and one that was registered */
        return true;
    let_go(region, 1); /* somebody else was faster */
    return false;
}

void hs_region_each(bool (*visit)(uint64_t start, uint64_t size, void *context),
                    void *context)
{
    for (uint32_t i = 0; i < HS_REGIONS_MAX; i++) {
        if (__atomic_load_n(&regions[i].count, __ATOMIC_ACQUIRE) == 0)
            continue;
        uint64_t start = __atomic_load_n(&regions[i].start, __ATOMIC_RELAXED);
        uint64_t size = __atomic_load_n(&regions[i].size, __ATOMIC_RELAXED);
        if (size > 0 && !visit(start, size, context))
            return;
    }
}

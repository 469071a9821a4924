// SPDX-License-Identifier: MIT

/*
 * Rare events, so tables that are searched from the front: a small one that is always
 * there, because address space may be scarce, and a large one for large programs, which
 * they reach for long after their start. `used` is as far as places have ever been filled.
 */

#include "probes/tracker/own.h"

#include <stddef.h>
#include <sys/mman.h>

#include "probes/tracker/raw.h"

#define FIRST_PLACES 128u
#define MORE_PLACES (HS_OWN_MAX - FIRST_PLACES)
#define TAKEN 1u /* no page begins there */

struct place {
    uint64_t start; /* 0: free */
    uint64_t size;
};

static struct place first_places[FIRST_PLACES];
static struct place *more_places; /* not itself in the tables; atomic */
static uint32_t used;
static bool is_overfull;

/* NULL when there is no memory for it. */
static struct place *place_get(uint32_t index)
{
    if (index < FIRST_PLACES)
        return &first_places[index];
    struct place *more = __atomic_load_n(&more_places, __ATOMIC_ACQUIRE);
    return more ? &more[index - FIRST_PLACES] : NULL;
}

static void make_more(void)
{
    size_t size = MORE_PLACES * sizeof(struct place);
    struct place *nobodys = NULL;
    long result = hs_raw(SYS_mmap, 0, size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (result < 0 && result > -4096)
        return;
    if (!__atomic_compare_exchange_n(&more_places, &nobodys, (struct place *)result,
                                     false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        hs_raw(SYS_munmap, result, size);
}

static bool take(struct place *place)
{
    uint64_t nobodys = 0;
    return __atomic_compare_exchange_n(&place->start, &nobodys, TAKEN, false,
                                       __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static void note_used(uint32_t count)
{
    uint32_t seen = __atomic_load_n(&used, __ATOMIC_RELAXED);
    while (seen < count
           && !__atomic_compare_exchange_n(&used, &seen, count, false, __ATOMIC_ACQ_REL,
                                           __ATOMIC_RELAXED))
        ;
}

void hs_own_note(uint64_t start, uint64_t size)
{
    for (uint32_t i = 0; i < HS_OWN_MAX; i++) {
        if (i == FIRST_PLACES && !place_get(i))
            make_more();
        struct place *place = place_get(i);
        if (!place)
            break;
        if (!take(place))
            continue;
        __atomic_store_n(&place->size, size, __ATOMIC_RELAXED);
        note_used(i + 1);
        __atomic_store_n(&place->start, start, __ATOMIC_RELEASE);
        return;
    }
    __atomic_store_n(&is_overfull, true, __ATOMIC_RELEASE);
}

void hs_own_forget(uint64_t start)
{
    uint32_t count = __atomic_load_n(&used, __ATOMIC_ACQUIRE);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t found = start;
        if (__atomic_compare_exchange_n(&place_get(i)->start, &found, 0, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            return;
    }
}

bool hs_own_each(void (*visit)(uint64_t start, uint64_t size, void *context),
                 void *context)
{
    uint32_t count = __atomic_load_n(&used, __ATOMIC_ACQUIRE);
    for (uint32_t i = 0; i < count; i++) {
        const struct place *place = place_get(i);
        uint64_t start = __atomic_load_n(&place->start, __ATOMIC_ACQUIRE);
        if (start > TAKEN)
            visit(start, __atomic_load_n(&place->size, __ATOMIC_RELAXED), context);
    }
    if (more_places)
        visit((uint64_t)(uintptr_t)more_places, MORE_PLACES * sizeof(struct place),
              context);
    return !__atomic_load_n(&is_overfull, __ATOMIC_ACQUIRE);
}

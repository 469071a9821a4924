// SPDX-License-Identifier: MIT

/*
 * A sorted copy of what the loader's list for debuggers says of code.
 *
 * dl_iterate_phdr would wait for the loader's lock, which a thread may hold that waits for
 * us. The list needs none: the loader appends to it, and only dlclose takes away, which we
 * hook; so the copy is made anew when an address is not in it and the list has grown, or a
 * library was unloaded. A link that goes away unseen (dlclose bound with RTLD_DEEPBIND) is
 * tested for before it is read. There are two copies: one is read while the other is made.
 */

#include "probes/tracker/module_list.h"

#include <link.h>
#include <stddef.h>
#include <stdint.h>

#include "probes/tracker/cfi_read.h"
#include "probes/tracker/loader.h"
#include "probes/tracker/raw.h"
#include "probes/tracker/rules.h"
#include "probes/tracker/segments.h"

#define RANGES_MAX 4096u

/* A segment with code. */
struct range {
    uint64_t start, end;
    uint64_t module_start, module_end;
    uint64_t table;
    struct link_map *map;
};

struct list {
    uint32_t count;
    uint32_t generation; /* of unloading */
    const struct link_map *last;
    struct range ranges[RANGES_MAX];
};

static struct list *lists; /* two */
static uint32_t version;   /* lists[version % 2] is complete */
static uint32_t is_making;

static void list_insert(struct list *list, const struct range *range)
{
    uint32_t i = list->count;
    if (i == RANGES_MAX)
        return;
    for (; i > 0 && list->ranges[i - 1].start > range->start; i--)
        list->ranges[i] = list->ranges[i - 1];
    list->ranges[i] = *range;
    list->count++;
}

static void list_module(struct list *list, struct link_map *map, bool is_executable)
{
    struct hs_segments segments;
    if (!(is_executable ? hs_segments_of_executable(&segments)
                        : hs_segments_at(map->l_addr, &segments)))
        return;
    struct range range = {.module_start = UINT64_MAX, .map = map};
    hs_segments_widen(&segments, map->l_addr, &range.module_start, &range.module_end);
    for (size_t i = 0; i < segments.count; i++)
        if (segments.at[i].p_type == PT_GNU_EH_FRAME)
            range.table = map->l_addr + segments.at[i].p_vaddr;
    for (size_t i = 0; i < segments.count; i++) {
        const ElfW(Phdr) *segment = &segments.at[i];
        if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X))
            continue;
        range.start = map->l_addr + segment->p_vaddr;
        range.end = range.start + segment->p_memsz;
        if (range.end > range.start)
            list_insert(list, &range);
    }
}

static void list_make(struct list *list)
{
    list->count = 0;
    list->last = NULL;
    list->generation = __atomic_load_n(&hs_rules_generation, __ATOMIC_ACQUIRE);
    struct link_map *map = hs_loader_modules();
    for (uint32_t i = 0; map && i < RANGES_MAX; i++, map = map->l_next) {
        if (!hs_memory_is_readable((uint64_t)map))
            return;
        list_module(list, map, i == 0);
        list->last = map;
    }
}

/* Could it find what it does not contain? Not while a library is being unloaded: the
 * list may have loose ends. */
static bool is_current(const struct list *list)
{
    if (__atomic_load_n(&hs_rules_unloading, __ATOMIC_ACQUIRE) != 0)
        return true;
    /* The last link is looked at only when it is not known to be gone. */
    return list->generation == __atomic_load_n(&hs_rules_generation, __ATOMIC_ACQUIRE)
           && list->last && hs_memory_is_readable((uint64_t)list->last)
           && !__atomic_load_n(&list->last->l_next, __ATOMIC_ACQUIRE);
}

/* False: another thread is at it. */
static bool remake(uint32_t seen)
{
    if (__atomic_exchange_n(&is_making, 1, __ATOMIC_ACQUIRE))
        return false;
    if (__atomic_load_n(&version, __ATOMIC_RELAXED) == seen) {
        list_make(&lists[(seen + 1) % 2]);
        __atomic_store_n(&version, seen + 1, __ATOMIC_RELEASE);
    }
    __atomic_store_n(&is_making, 0, __ATOMIC_RELEASE);
    return true;
}

bool hs_module_list_init(void)
{
    if (!lists)
        lists = hs_raw_map(2 * sizeof(*lists));
    if (!lists)
        return false;
    remake(version);
    return true;
}

static bool list_find(const struct list *list, uint64_t address, struct range *ret)
{
    uint32_t low = 0, high = __atomic_load_n(&list->count, __ATOMIC_RELAXED);
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (list->ranges[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || address >= list->ranges[low - 1].end)
        return false;
    *ret = list->ranges[low - 1];
    return true;
}

/* A list that was remade twice while it was read may have been read in the making. */
static bool find(uint64_t address, struct range *ret)
{
    for (int i = 0; i < 4; i++) {
        uint32_t seen = __atomic_load_n(&version, __ATOMIC_ACQUIRE);
        const struct list *list = &lists[seen % 2];
        bool is_old =
            list->generation != __atomic_load_n(&hs_rules_generation, __ATOMIC_ACQUIRE);
        bool is_found = list_find(list, address, ret);
        bool is_stale = (is_old || !is_found) && !is_current(list);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (__atomic_load_n(&version, __ATOMIC_RELAXED) != seen)
            continue;
        if (!is_stale || !remake(seen))
            return is_found;
    }
    return false;
}

int hs_module_list_find(void *address, struct hs_found_object *ret)
{
    struct range range = {0};
    if (!lists || !find((uint64_t)address, &range))
        return -1;
    *ret = (struct hs_found_object){.start = (void *)range.module_start,
                                    .end = (void *)range.module_end,
                                    .link_map = range.map,
                                    .eh_frame = (void *)range.table};
    return 0;
}

void hs_module_list_fork_child(void)
{
    is_making = 0;
}

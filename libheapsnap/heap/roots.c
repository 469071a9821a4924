// SPDX-License-Identifier: MIT

/*
 * Where reachability begins outside the threads: module data without the arena that lies
 * in it, the loader's records, and as weak evidence whatever else can be written and is
 * neither the allocator's nor a block: private mappings of files, damaged stretches of
 * the heap.
 */

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "libheapsnap/heap/making.h"

#define LINK_MAPS_MAX 10000u
#define LINK_MAP_NEXT 24u
#define LINK_MAP_SIZE 1200u /* at least glibc's private struct link_map */
#define DYNAMIC_MAX 1024u

/* One root for each stretch of neighbouring mappings that are data. */
int hs_making_add_root(struct hs_making *making, uint64_t start, uint64_t end,
                       enum hs_root_kind kind, uint32_t owner)
{
    const struct hs_memory *memory = making->memory;
    size_t i = hs_reader_range_index(&making->reader, start);
    while (i < memory->n_ranges && memory->ranges[i].start < end) {
        if (!hs_reader_is_data(&memory->ranges[i])) {
            i++;
            continue;
        }
        struct hs_making_root root = {.kind = kind, .owner = owner};
        root.start = memory->ranges[i].start > start ? memory->ranges[i].start : start;
        root.end = hs_reader_data_end(&making->reader, root.start);
        if (root.end > end)
            root.end = end;
        if (root.start < root.end && !hs_array_push(&making->roots, root))
            return -ENOMEM;
        while (i < memory->n_ranges && memory->ranges[i].end <= root.end)
            i++;
        if (root.end >= end)
            return 0;
    }
    return 0;
}

static int add_modules(struct hs_making *making)
{
    uint64_t arena = making->heap.main_arena, arena_end = arena + HS_ARENA_SIZE;
    for (size_t i = 0; i < making->segments.count; i++) {
        const struct hs_making_root *segment = &making->segments.at[i];
        bool has_arena = arena >= segment->start && arena_end <= segment->end;
        uint64_t end = has_arena ? arena : segment->end;
        if (hs_making_add_root(making, segment->start, end, HS_ROOT_MODULE,
                               segment->owner)
                < 0
            || (has_arena
                && hs_making_add_root(making, arena_end, segment->end, HS_ROOT_MODULE,
                                      segment->owner)
                       < 0))
            return -ENOMEM;
    }
    return 0;
}

/* The loader's list, which a debugger finds through the program's dynamic section. */
static uint64_t first_link_map(struct hs_making *making)
{
    for (uint32_t i = 0; making->dynamic && i < DYNAMIC_MAX; i++) {
        Elf64_Dyn entry;
        if (!hs_reader_copy(&making->reader, making->dynamic + i * sizeof(entry), &entry,
                            sizeof(entry))
            || entry.d_tag == DT_NULL)
            return 0;
        if (entry.d_tag == DT_DEBUG)
            return hs_glibc_word(&making->heap, entry.d_un.d_ptr + 8);
    }
    return 0;
}

/* The loader makes its first records with an allocator of its own in anonymous memory;
 * those of libraries loaded later are blocks that hang from them. */
static int add_link_maps(struct hs_making *making)
{
    uint32_t loader = 0;
    while (loader < making->modules.count
           && !(making->modules.at[loader].flags & HS_MODULE_LOADER))
        loader++;
    if (loader == making->modules.count)
        return 0;
    uint64_t at = first_link_map(making);
    for (uint32_t i = 0; at != 0 && i < LINK_MAPS_MAX; i++) {
        const struct hs_memory_range *range = hs_memory_find(making->memory, at);
        if (!range)
            return 0;
        uint64_t end = range->end - at < LINK_MAP_SIZE ? range->end : at + LINK_MAP_SIZE;
        const struct hs_capture_module *owner = &making->modules.at[loader];
        bool is_data = at >= owner->start && at < owner->end; /* a root already */
        if (!is_data && !hs_making_find(making, at)
            && hs_making_add_root(making, at, end, HS_ROOT_MODULE, loader) < 0)
            return -ENOMEM;
        at = hs_glibc_word(&making->heap, at + LINK_MAP_NEXT);
    }
    return 0;
}

/* Other roots and the program's mappings are spoken for, too. */
static int take_roots(struct hs_making *making)
{
    for (size_t i = 0; i < making->roots.count; i++) {
        struct hs_span span = {making->roots.at[i].start, making->roots.at[i].end};
        if (!making->roots.at[i].memory && !hs_array_push(&making->taken, span))
            return -ENOMEM;
    }
    for (size_t i = 0; i < making->mappings.count; i++)
        if (!hs_array_push(&making->taken, making->mappings.at[i]))
            return -ENOMEM;
    hs_making_merge_taken(making);
    return 0;
}

static int add_weak_root(struct hs_making *making, uint64_t start, uint64_t end)
{
    return hs_making_add_root(making, start, end, HS_ROOT_WEAK, UINT32_MAX);
}

static int add_weak(struct hs_making *making)
{
    const struct hs_memory *memory = making->memory;
    for (size_t i = 0; i < memory->n_ranges; i++)
        if (hs_reader_is_data(&memory->ranges[i])
            && hs_making_each_free(making, memory->ranges[i].start, memory->ranges[i].end,
                                   add_weak_root)
                   < 0)
            return -ENOMEM;
    for (size_t i = 0; i < making->heap.unclear.count; i++)
        if (add_weak_root(making, making->heap.unclear.at[i].start,
                          making->heap.unclear.at[i].end)
            < 0)
            return -ENOMEM;
    return 0;
}

int hs_making_roots(struct hs_making *making)
{
    int err = add_modules(making);
    if (err == 0)
        err = add_link_maps(making);
    if (err == 0)
        err = take_roots(making);
    return err < 0 ? err : add_weak(making);
}

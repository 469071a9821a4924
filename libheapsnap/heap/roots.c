// SPDX-License-Identifier: MIT

/*
 * Where reachability begins outside the threads: module data without the arena that lies
 * in it, the loader's records, and as weak evidence whatever else can be written and is
 * not the allocator's (mappings of the program, stacks that no thread is on).
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

static int by_start(const void *left, const void *right)
{
    const struct hs_span *a = left, *b = right;
    return a->start < b->start ? -1 : a->start > b->start;
}

/* Ascending and disjoint afterwards. */
static size_t merge(struct hs_span *spans, size_t count)
{
    size_t kept = 0;
    if (count > 0)
        qsort(spans, count, sizeof(*spans), by_start);
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && spans[i].start <= spans[kept - 1].end) {
            if (spans[i].end > spans[kept - 1].end)
                spans[kept - 1].end = spans[i].end;
            continue;
        }
        spans[kept++] = spans[i];
    }
    return kept;
}

/* What of [start, end) is not taken. `spans`: ascending and disjoint. */
static int add_outside(struct hs_making *making, const struct hs_making_root *wanted,
                       const struct hs_span *spans, size_t count)
{
    uint64_t at = wanted->start;
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (spans[middle].end <= at)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < count && spans[low].start < wanted->end; low++) {
        if (spans[low].start > at
            && hs_making_add_root(making, at, spans[low].start, wanted->kind,
                                  wanted->owner)
                   < 0)
            return -ENOMEM;
        at = spans[low].end;
    }
    return at < wanted->end
               ? hs_making_add_root(making, at, wanted->end, wanted->kind, wanted->owner)
               : 0;
}

static int add_modules(struct hs_making *making)
{
    struct hs_span arena = {making->heap.main_arena,
                            making->heap.main_arena + HS_ARENA_SIZE};
    for (size_t i = 0; i < making->segments.count; i++)
        if (add_outside(making, &making->segments.at[i], &arena, 1) < 0)
            return -ENOMEM;
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
        if (!hs_making_find(making, at)
            && hs_making_add_root(making, at, end, HS_ROOT_MODULE, loader) < 0)
            return -ENOMEM;
        at = hs_glibc_word(&making->heap, at + LINK_MAP_NEXT);
    }
    return 0;
}

/* libc's record of a thread, which names itself twice, near the end of its stack; 0: the
 * range is no thread's. */
static uint64_t find_record(struct hs_making *making, const struct hs_memory_range *range)
{
    uint64_t far = HS_THREAD_RECORD + 4096;
    uint64_t at = range->end - range->start > far ? range->end - far : range->start;
    for (at = (at + 15) & ~15ull; at + 24 <= range->end; at += 16)
        if (hs_glibc_word(&making->heap, at) == at
            && hs_glibc_word(&making->heap, at + 16) == at)
            return at;
    return 0;
}

static bool is_live(const struct hs_memory *memory, uint64_t record)
{
    for (size_t i = 0; i < memory->n_threads; i++)
        if (memory->threads[i].thread_pointer == record)
            return true;
    return false;
}

/* glibc keeps the stacks of ended threads for new ones: garbage, but for the record, from
 * which a table that the loader allocated still hangs. */
static int skip_ended_stacks(struct hs_making *making)
{
    const struct hs_memory *memory = making->memory;
    for (size_t i = 1; i < memory->n_ranges; i++) {
        const struct hs_memory_range *range = &memory->ranges[i];
        bool has_guard = range[-1].end == range->start
                         && !(range[-1].flags & (HS_BLOCK_READ | HS_BLOCK_WRITE));
        if (!has_guard || *range->path || !hs_reader_is_data(range))
            continue;
        uint64_t record = find_record(making, range);
        struct hs_span stack = {range->start, hs_page_up(record + HS_THREAD_RECORD)};
        if (record == 0 || is_live(memory, record))
            continue;
        if (!hs_array_push(&making->taken, stack)
            || hs_making_add_root(making, record, record + HS_THREAD_RECORD, HS_ROOT_WEAK,
                                  UINT32_MAX)
                   < 0)
            return -ENOMEM;
    }
    return 0;
}

/* All that is spoken for: other roots, modules as a whole, and the allocator's. */
static int collect_taken(struct hs_making *making)
{
    for (size_t i = 0; i < making->roots.count; i++) {
        struct hs_span span = {making->roots.at[i].start, making->roots.at[i].end};
        if (!making->roots.at[i].memory && !hs_array_push(&making->taken, span))
            return -ENOMEM;
    }
    for (size_t i = 0; i < making->modules.count; i++) {
        struct hs_span span = {making->modules.at[i].start, making->modules.at[i].end};
        if (!hs_array_push(&making->taken, span))
            return -ENOMEM;
    }
    for (size_t i = 0; i < making->heap.owned.count; i++)
        if (!hs_array_push(&making->taken, making->heap.owned.at[i]))
            return -ENOMEM;
    return 0;
}

static int add_weak(struct hs_making *making)
{
    const struct hs_memory *memory = making->memory;
    size_t count = merge(making->taken.at, making->taken.count);
    for (size_t i = 0; i < memory->n_ranges; i++) {
        struct hs_making_root wanted = {memory->ranges[i].start, memory->ranges[i].end,
                                        NULL, HS_ROOT_WEAK, UINT32_MAX};
        if (hs_reader_is_data(&memory->ranges[i])
            && add_outside(making, &wanted, making->taken.at, count) < 0)
            return -ENOMEM;
    }
    for (size_t i = 0; i < making->heap.unclear.count; i++)
        if (hs_making_add_root(making, making->heap.unclear.at[i].start,
                               making->heap.unclear.at[i].end, HS_ROOT_WEAK, UINT32_MAX)
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
        err = skip_ended_stacks(making);
    if (err == 0)
        err = collect_taken(making);
    return err < 0 ? err : add_weak(making);
}

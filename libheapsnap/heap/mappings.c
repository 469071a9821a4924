// SPDX-License-Identifier: MIT

/*
 * What the program has mapped for itself is a block like any other, as it is for the shim:
 * Python's objects lie in such memory, and whoever holds it holds what they point to. It is
 * the anonymous memory that is left when modules, the allocator and stacks are taken away.
 * Neighbours that the kernel has joined are one block here.
 */

#include <errno.h>
#include <string.h>

#include "libheapsnap/heap/making.h"

static int by_start(const void *left, const void *right)
{
    const struct hs_span *a = left, *b = right;
    return a->start < b->start ? -1 : a->start > b->start;
}

/* Ascending and disjoint afterwards. */
void hs_making_merge_taken(struct hs_making *making)
{
    struct hs_span *spans = making->taken.at;
    size_t kept = 0;
    if (making->taken.count > 0)
        qsort(spans, making->taken.count, sizeof(*spans), by_start);
    for (size_t i = 0; i < making->taken.count; i++) {
        if (kept > 0 && spans[i].start <= spans[kept - 1].end) {
            if (spans[i].end > spans[kept - 1].end)
                spans[kept - 1].end = spans[i].end;
            continue;
        }
        spans[kept++] = spans[i];
    }
    making->taken.count = kept;
}

/* The first taken span that ends above `address`. */
static size_t first_taken(const struct hs_making *making, uint64_t address)
{
    size_t low = 0, high = making->taken.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (making->taken.at[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int hs_making_each_free(struct hs_making *making, uint64_t start, uint64_t end,
                        int (*visit)(struct hs_making *making, uint64_t start,
                                     uint64_t end))
{
    uint64_t at = start;
    size_t i = first_taken(making, at);
    for (; i < making->taken.count && making->taken.at[i].start < end; i++) {
        const struct hs_span *span = &making->taken.at[i];
        if (span->start > at && visit(making, at, span->start) < 0)
            return -ENOMEM;
        at = span->end;
    }
    return at < end ? visit(making, at, end) : 0;
}

static bool is_allocators(const struct hs_making *making, uint64_t address)
{
    for (size_t i = 0; i < making->heap.owned.count; i++)
        if (address >= making->heap.owned.at[i].start
            && address < making->heap.owned.at[i].end)
            return true;
    return false;
}

struct hs_span hs_making_native_stack(const struct hs_making *making, size_t thread)
{
    const struct hs_memory *memory = making->memory;
    uint64_t pointer = memory->threads[thread].thread_pointer;
    for (size_t i = 0; thread == 0 && i < memory->n_ranges; i++)
        if (strcmp(memory->ranges[i].path, "[stack]") == 0)
            return (struct hs_span){memory->ranges[i].start, memory->ranges[i].end};
    const struct hs_memory_range *range = hs_memory_find(memory, pointer);
    if (thread == 0 || !range || is_allocators(making, pointer))
        return (struct hs_span){0, 0};
    uint64_t end = hs_page_up(pointer + HS_THREAD_RECORD);
    return (struct hs_span){range->start, end < range->end ? end : range->end};
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
static int take_ended_stacks(struct hs_making *making)
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

/* Modules, the allocator's memory, stacks, and the main thread's own data, which the
 * loader has made. */
static int take_known(struct hs_making *making)
{
    const struct hs_memory *memory = making->memory;
    for (size_t i = 0; i < memory->n_modules; i++) {
        struct hs_span span = {memory->modules[i].start, memory->modules[i].end};
        if (!hs_array_push(&making->taken, span))
            return -ENOMEM;
    }
    for (size_t i = 0; i < making->heap.owned.count; i++)
        if (!hs_array_push(&making->taken, making->heap.owned.at[i]))
            return -ENOMEM;
    for (size_t i = 0; i < memory->n_threads; i++) {
        uint64_t pointer = memory->threads[i].thread_pointer;
        struct hs_span stack = hs_making_native_stack(making, i);
        struct hs_span record = {
            pointer - (pointer > making->tls_size ? making->tls_size : 0),
            pointer + HS_THREAD_RECORD};
        if ((stack.start < stack.end && !hs_array_push(&making->taken, stack))
            || (pointer != 0 && record.start < record.end
                && !hs_array_push(&making->taken, record)))
            return -ENOMEM;
    }
    return take_ended_stacks(making);
}

static int add_mapping(struct hs_making *making, uint64_t start, uint64_t end)
{
    struct hs_span span = {start, end};
    return hs_array_push(&making->mappings, span) ? 0 : -ENOMEM;
}

/* Not of a file, and nothing that the kernel has named but by the program's wish. */
static bool is_anonymous(const struct hs_memory_range *range)
{
    return hs_reader_is_data(range) && !(range->flags & HS_BLOCK_FILE)
           && (range->path[0] == '\0' || strncmp(range->path, "[anon:", 6) == 0);
}

int hs_making_mappings(struct hs_making *making)
{
    const struct hs_memory *memory = making->memory;
    int err = take_known(making);
    hs_making_merge_taken(making);
    for (size_t i = 0; i < memory->n_ranges && err == 0; i++)
        if (is_anonymous(&memory->ranges[i]))
            err = hs_making_each_free(making, memory->ranges[i].start,
                                      memory->ranges[i].end, add_mapping);
    return err;
}

// SPDX-License-Identifier: MIT

/*
 * The memory of the main arena, which no record describes: usually one stretch below its
 * top, as long as what it took from the system. Where the break could not be moved, it
 * continues in mappings of its own; then every page that could begin one is tried, and
 * counts when chunks follow each other from it to the top or to the posts that end it.
 */

#include <errno.h>

#include "libheapsnap/heap/glibc.h"

static int add_run(struct hs_glibc *heap, uint64_t start, uint64_t end, bool is_open)
{
    struct hs_glibc_run run = {
        .start = (start + 15) & ~15ull, .end = end, .arena = 0, .is_open = is_open};
    struct hs_span span = {start, hs_page_up(end)};
    return hs_array_push(&heap->runs, run) && hs_array_push(&heap->owned, span) ? 0
                                                                                : -ENOMEM;
}

static bool is_owned(const struct hs_glibc *heap, uint64_t address)
{
    for (size_t i = 0; i < heap->owned.count; i++)
        if (address >= heap->owned.at[i].start && address < heap->owned.at[i].end)
            return true;
    return false;
}

/* Pages that may begin a stretch of chunks; what a file or the kernel has named is none. */
static bool is_candidate(const struct hs_memory_range *range)
{
    return hs_reader_is_data(range) && (range->path[0] == '\0' || range->path[1] == 'h');
}

static int search(struct hs_glibc *heap)
{
    const struct hs_memory *memory = heap->reader->memory;
    for (size_t i = 0; i < memory->n_ranges; i++) {
        const struct hs_memory_range *range = &memory->ranges[i];
        if (!is_candidate(range))
            continue;
        for (uint64_t at = range->start; at < range->end;) {
            uint64_t end =
                is_owned(heap, at) ? 0 : hs_glibc_try_run(heap, at, range->end);
            if (end && add_run(heap, at, end, true) < 0)
                return -ENOMEM;
            at = end ? hs_page_up(end) : at + 4096;
        }
    }
    return 0;
}

int hs_glibc_list_main_runs(struct hs_glibc *heap)
{
    const struct hs_glibc_arena *arena = &heap->arenas.at[0];
    if (heap->is_unused || arena->system_size == 0)
        return 0;
    uint64_t end = arena->top_size ? arena->top + arena->top_size
                                   : hs_reader_data_end(heap->reader, arena->top);
    uint64_t start = end - arena->system_size;
    struct hs_glibc_run run = {.start = (start + 15) & ~15ull, .end = end};
    bool is_one = arena->is_contiguous && arena->system_size <= end
                  && hs_reader_data_end(heap->reader, start) >= end;
    if (is_one && hs_glibc_is_start(heap, &run))
        return add_run(heap, start, end, false);
    size_t before = heap->runs.count;
    int result = search(heap);
    if (result == 0 && is_one && heap->runs.count == before)
        result = add_run(heap, start, end, false); /* its beginning is damaged */
    return result;
}

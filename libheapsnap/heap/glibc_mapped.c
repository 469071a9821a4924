// SPDX-License-Identifier: MIT

/*
 * Big chunks, each with a mapping of its own that no table lists. They begin at a page
 * with the word 0 and a size that is a multiple of the page, marked as mapped. Neighbours
 * become one mapping in the kernel's eyes, so every page is looked at where nothing else
 * is known to be. An aligned one (memalign) begins further inside and says how far.
 */

#include <errno.h>

#include "libheapsnap/heap/glibc.h"
#include "probes/abi.h"

#define THREAD_RECORD 2304u /* bytes of glibc's struct pthread, which ends its stack */

/* Where a chunk of a mapping that begins at `at` would end; 0: it is none. */
static uint64_t end_of(struct hs_glibc *heap, uint64_t at, uint64_t end)
{
    uint64_t before, head;
    if (!hs_reader_word(heap->reader, at, &before) || before != 0
        || !hs_reader_word(heap->reader, at + 8, &head)
        || (head & HS_HEAD_FLAGS) != HS_HEAD_MAPPED)
        return 0;
    uint64_t size = head & ~(uint64_t)HS_HEAD_FLAGS;
    return size % 4096 == 0 && size >= 4096 && size <= end - at ? at + size : 0;
}

/* The chunk for the user in [start, end): aligned memory lies behind the first head. */
static uint64_t find_aligned(struct hs_glibc *heap, uint64_t start, uint64_t end)
{
    for (uint64_t alignment = 32; alignment < end - start; alignment <<= 1) {
        uint64_t memory = (start + 16 + alignment - 1) & -alignment;
        if (memory - 16 - start < HS_CHUNK_MIN)
            memory += alignment;
        uint64_t at = memory - 16, before, head;
        if (at + HS_CHUNK_MIN > end || !hs_reader_word(heap->reader, at, &before)
            || before != at - start || !hs_reader_word(heap->reader, at + 8, &head))
            continue;
        if (head == ((end - at) | HS_HEAD_MAPPED))
            return at;
    }
    return start;
}

/* The chunks that begin in [at, end), all of whose pages hold something; one may end later,
 * at `limit`. Returns where to go on, UINT64_MAX without memory. */
static uint64_t look(struct hs_glibc *heap, uint64_t at, uint64_t end, uint64_t limit)
{
    while (at < end) {
        uint64_t chunk_end = end_of(heap, at, limit);
        if (chunk_end == 0) {
            at += 4096;
            continue;
        }
        uint64_t start = find_aligned(heap, at, chunk_end);
        struct hs_chunk chunk = {
            .address = start, .size = chunk_end - start, .is_mapped = true};
        struct hs_span span = {at, chunk_end};
        if (!hs_array_push(&heap->mapped, chunk) || !hs_array_push(&heap->owned, span))
            return UINT64_MAX;
        at = chunk_end;
    }
    return at;
}

static int look_at_present(struct hs_glibc *heap, uint64_t at, uint64_t limit)
{
    uint64_t start, end;
    while (hs_memory_present(heap->reader->memory, at, limit, &start, &end)) {
        at = look(heap, hs_page_up(start), end, limit);
        if (at == UINT64_MAX)
            return -ENOMEM;
    }
    return 0;
}

static uint64_t higher(uint64_t left, uint64_t right)
{
    return left > right ? left : right;
}

/* Where what covers `at` ends, `at` itself when nothing does; `ret_next` becomes lower
 * when something else begins before it. */
static uint64_t after(uint64_t at, uint64_t start, uint64_t end, uint64_t *ret_next)
{
    if (start <= at && at < end)
        return end;
    if (start > at && start < *ret_next)
        *ret_next = start;
    return at;
}

/* Behind everything known that covers `at`: the allocator's other memory, modules, and
 * stacks. `ret_next`: where the next such thing begins. */
static uint64_t skip_known(const struct hs_glibc *heap, size_t n_owned,
                           const struct hs_memory_range *range, uint64_t at,
                           uint64_t *ret_next)
{
    const struct hs_memory *memory = heap->reader->memory;
    uint64_t end = at;
    *ret_next = range->end;
    for (size_t i = 0; i < n_owned; i++)
        end = higher(end,
                     after(at, heap->owned.at[i].start, heap->owned.at[i].end, ret_next));
    for (size_t i = 0; i < memory->n_modules; i++)
        end = higher(
            end, after(at, memory->modules[i].start, memory->modules[i].end, ret_next));
    for (size_t i = 0; i < memory->n_threads; i++) {
        uint64_t pointer = memory->threads[i].thread_pointer;
        if (i > 0 && pointer >= range->start && pointer < range->end)
            end = higher(end, after(at, range->start, hs_page_up(pointer + THREAD_RECORD),
                                    ret_next));
    }
    return end;
}

/* Anonymous memory; the kernel names that of huge pages. */
static bool is_candidate(const struct hs_memory_range *range)
{
    static const char huge[] = "/anon_hugepage";
    const char *path = range->path;
    size_t i = 0;
    while (huge[i] && path[i] == huge[i])
        i++;
    return hs_reader_is_data(range)
           && (path[0] == '\0' || (huge[i] == '\0' && range->flags & HS_BLOCK_FILE));
}

int hs_glibc_list_mapped(struct hs_glibc *heap)
{
    const struct hs_memory *memory = heap->reader->memory;
    size_t n_owned = heap->owned.count;
    for (size_t i = 0; i < memory->n_ranges; i++) {
        const struct hs_memory_range *range = &memory->ranges[i];
        if (!is_candidate(range))
            continue;
        for (uint64_t at = range->start, next; at < range->end;) {
            uint64_t behind = skip_known(heap, n_owned, range, at, &next);
            if (behind > at) {
                at = hs_page_up(behind);
                continue;
            }
            if (look_at_present(heap, at, next) < 0)
                return -ENOMEM;
            at = hs_page_up(next);
        }
    }
    return 0;
}

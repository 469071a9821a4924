// SPDX-License-Identifier: MIT

/*
 * All arenas, and the heaps of those that are not the main one.
 *
 * Arenas form a ring. Their heaps begin at multiples of 64 MB, or of four huge pages, with a
 * record that names the arena. Which of the two it is cannot be told for certain, so every
 * MB is looked at: few words, and a damaged chain of heaps hides none, nor does a broken
 * ring.
 */

#include <errno.h>

#include "libheapsnap/heap/glibc.h"

#define ARENAS_MAX 65536u
#define STEP (1ull << 20)        /* divides whatever heaps are aligned to */
#define USUAL_SIZE (64ull << 20) /* of a heap, at most */

/* A heap's record is 32 bytes long, from 2.35 on 48; the arena follows. */
static uint64_t header_size(uint64_t arena)
{
    uint64_t offset = arena & 4095;
    return offset == 32 || offset == 48 ? offset : 0;
}

static bool is_known(const struct hs_glibc *heap, uint64_t address)
{
    for (size_t i = 0; i < heap->arenas.count; i++)
        if (heap->arenas.at[i].address == address)
            return true;
    return false;
}

static void read_top(struct hs_glibc *heap, struct hs_glibc_arena *arena)
{
    arena->top = hs_glibc_word(heap, arena->address + HS_ARENA_TOP);
    uint64_t head = hs_glibc_word(heap, arena->top + 8);
    uint64_t size = head & ~(uint64_t)HS_HEAD_FLAGS;
    uint64_t end = hs_reader_data_end(heap->reader, arena->top);
    if (size >= HS_CHUNK_MIN && size % 16 == 0 && !(head & HS_HEAD_MAPPED)
        && size <= end - arena->top)
        arena->top_size = size;
}

static int add_arena(struct hs_glibc *heap, uint64_t address)
{
    uint64_t first = hs_glibc_word(heap, address); /* mutex and flags */
    struct hs_glibc_arena arena = {
        .address = address,
        .system_size = hs_glibc_word(heap, address + HS_ARENA_SYSTEM_MEM),
        .is_main = address == heap->main_arena,
        .is_contiguous = !((first >> 32) & HS_ARENA_NONCONTIGUOUS),
        .is_busy = (uint32_t)first != 0,
    };
    read_top(heap, &arena);
    heap->n_busy += arena.is_busy;
    return hs_array_push(&heap->arenas, arena) ? 0 : -ENOMEM;
}

int hs_glibc_list_arenas(struct hs_glibc *heap)
{
    uint64_t at = heap->main_arena;
    do {
        if (add_arena(heap, at) < 0)
            return -ENOMEM;
        at = hs_glibc_word(heap, at + HS_ARENA_NEXT);
        if (at != heap->main_arena
            && (header_size(at) == 0 || is_known(heap, at)
                || !hs_glibc_is_arena(heap, at))) {
            hs_glibc_note_damage(heap, at);
            break;
        }
    } while (at != heap->main_arena && heap->arenas.count < ARENAS_MAX);
    return 0;
}

/* The arena whose heap begins at `at`, as an index; UINT32_MAX: that is no heap. */
static uint32_t arena_of_heap(struct hs_glibc *heap, uint64_t at)
{
    uint64_t arena;
    if (hs_memory_read(heap->reader->memory, at, &arena, sizeof(arena)) != sizeof(arena)
        || arena == 0 || header_size(arena) == 0)
        return UINT32_MAX;
    for (size_t i = 0; i < heap->arenas.count; i++)
        if (heap->arenas.at[i].address == arena)
            return heap->arenas.at[i].is_main ? UINT32_MAX : (uint32_t)i;
    if ((arena & ~4095ull) != at || heap->arenas.count >= ARENAS_MAX
        || !hs_glibc_is_arena(heap, arena) || add_arena(heap, arena) < 0)
        return UINT32_MAX;
    return (uint32_t)heap->arenas.count - 1; /* the ring has lost it */
}

static int add_heap(struct hs_glibc *heap, uint64_t at, uint32_t index)
{
    uint64_t arena = heap->arenas.at[index].address;
    uint64_t size = hs_glibc_word(heap, at + HS_HEAP_SIZE);
    uint64_t mapped = hs_reader_data_end(heap->reader, at) - at;
    if (size % 4096 || size == 0 || size > mapped) {
        hs_glibc_note_damage(heap, at);
        size = mapped < USUAL_SIZE ? mapped : USUAL_SIZE;
    }
    /* Behind the records, where memory for the user would be 16-aligned. */
    bool is_first = (arena & ~4095ull) == at;
    uint64_t start = is_first ? arena + HS_ARENA_SIZE : at + header_size(arena);
    struct hs_glibc_run run = {
        .start = (start + 15) & ~15ull, .end = at + size, .arena = index};
    uint64_t writable = hs_glibc_word(heap, at + HS_HEAP_WRITABLE);
    struct hs_span span = {at,
                           at + (writable > size && writable < mapped ? writable : size)};
    return hs_array_push(&heap->runs, run) && hs_array_push(&heap->owned, span) ? 0
                                                                                : -ENOMEM;
}

/* Heaps in [start, end), of whose pages all hold something. */
static int look(struct hs_glibc *heap, uint64_t start, uint64_t end)
{
    for (uint64_t at = (start + STEP - 1) & ~(STEP - 1); at < end; at += STEP) {
        uint32_t arena = arena_of_heap(heap, at);
        if (arena != UINT32_MAX && add_heap(heap, at, arena) < 0)
            return -ENOMEM;
    }
    return 0;
}

int hs_glibc_list_heaps(struct hs_glibc *heap)
{
    const struct hs_memory *memory = heap->reader->memory;
    for (size_t i = 0; i < memory->n_ranges; i++) {
        const struct hs_memory_range *range = &memory->ranges[i];
        if (!hs_reader_is_data(range) || range->end > 1ull << 47)
            continue;
        uint64_t at = range->start, from, to;
        while (at < range->end && hs_memory_present(memory, at, range->end, &from, &to)
               && to > at) {
            if (look(heap, from, to) < 0)
                return -ENOMEM;
            at = to;
        }
    }
    return 0;
}

// SPDX-License-Identifier: MIT

/*
 * Where is the main arena? Distributions strip its symbol, but nothing else looks like it:
 * 127 heads of circular lists, each of which is alone or is pointed back to, a ring
 * pointer, and two sizes in order.
 *
 * libc is searched first, then the program (static glibc), then everything else.
 */

#include <string.h>

#include "libheapsnap/heap/glibc.h"

/* Of 127 lists; somebody may have been stopped while changing some. */
#define GOOD_BINS 120u
#define ADDRESS_LIMIT (1ull << 47)

static bool is_address(const struct hs_glibc *heap, uint64_t address)
{
    const struct hs_memory_range *range =
        address % 16 ? NULL : hs_memory_find(heap->reader->memory, address);
    return range && hs_reader_is_data(range);
}

/* A list is alone with its head, or one of its neighbours points back to it. */
static bool is_bin(struct hs_glibc *heap, uint64_t bin)
{
    uint64_t next, previous, back;
    if (!hs_reader_word(heap->reader, bin + 16, &next)
        || !hs_reader_word(heap->reader, bin + 24, &previous) || next < 4096)
        return false;
    if (next == bin && previous == bin)
        return true;
    if (next % 16 || previous % 16)
        return false;
    return (hs_reader_word(heap->reader, next + 24, &back) && back == bin)
           || (hs_reader_word(heap->reader, previous + 16, &back) && back == bin);
}

bool hs_glibc_is_arena(struct hs_glibc *heap, uint64_t address)
{
    uint64_t next = hs_glibc_word(heap, address + HS_ARENA_NEXT);
    uint64_t size = hs_glibc_word(heap, address + HS_ARENA_SYSTEM_MEM);
    uint64_t max = hs_glibc_word(heap, address + HS_ARENA_MAX_SYSTEM_MEM);
    uint64_t first_bin = address + HS_ARENA_BINS - 16;
    if (next == 0 || next % 16 || size > max || max >= ADDRESS_LIMIT)
        return false;
    uint64_t top = hs_glibc_word(heap, address + HS_ARENA_TOP);
    if (top != first_bin && (size == 0 || !is_address(heap, top)))
        return false;

    unsigned bad = 0;
    for (unsigned i = 0; i < HS_ARENA_N_BINS && bad <= HS_ARENA_N_BINS - GOOD_BINS; i++)
        bad += !is_bin(heap, first_bin + 16ull * i);
    return bad <= HS_ARENA_N_BINS - GOOD_BINS;
}

/* As the file has it before the first malloc: alone in its ring, with one thread. */
static bool is_unused_arena(struct hs_glibc *heap, uint64_t address)
{
    if (hs_glibc_word(heap, address + HS_ARENA_NEXT) != address
        || hs_glibc_word(heap, address + HS_ARENA_NEXT + 16) != 1)
        return false;
    for (uint64_t at = 8; at < HS_ARENA_SIZE; at += 8)
        if (at != HS_ARENA_NEXT && at != HS_ARENA_NEXT + 16
            && hs_glibc_word(heap, address + at) != 0)
            return false;
    return true;
}

static uint64_t search(struct hs_glibc *heap, uint64_t start, uint64_t end,
                       uint64_t *ret_unused)
{
    for (uint64_t at = (start + 15) & ~15ull; at + HS_ARENA_SIZE <= end; at += 16) {
        uint64_t next = hs_glibc_word(heap, at + HS_ARENA_NEXT);
        if (next == 0 || next % 16)
            continue;
        if (hs_glibc_is_arena(heap, at))
            return at;
        if (*ret_unused == 0 && next == at && is_unused_arena(heap, at))
            *ret_unused = at;
    }
    return 0;
}

/* The writable memory of a module, bss included. */
static uint64_t search_module(struct hs_glibc *heap,
                              const struct hs_memory_module *module, uint64_t *ret_unused)
{
    const struct hs_memory *memory = heap->reader->memory;
    size_t i = hs_reader_range_index(heap->reader, module->start);
    for (; i < memory->n_ranges && memory->ranges[i].start < module->end; i++) {
        if (!hs_reader_is_data(&memory->ranges[i]))
            continue;
        uint64_t start = memory->ranges[i].start;
        uint64_t end = hs_reader_data_end(heap->reader, start);
        if (end > module->end)
            end = module->end;
        uint64_t found = search(heap, start, end, ret_unused);
        if (found)
            return found;
        while (i + 1 < memory->n_ranges && memory->ranges[i + 1].start < end)
            i++;
    }
    return 0;
}

/* 0: libc by its name, 1: the program itself, 2: any other. */
static int rank(const struct hs_memory_module *module)
{
    const char *slash = strrchr(module->path, '/');
    const char *name = slash ? slash + 1 : module->path;
    if (strncmp(name, "libc.so.6", 9) == 0 || strncmp(name, "libc-2.", 7) == 0)
        return 0;
    return module->is_executable ? 1 : 2;
}

uint64_t hs_glibc_find(struct hs_glibc *heap)
{
    const struct hs_memory *memory = heap->reader->memory;
    uint64_t unused = 0;
    for (int wanted = 0; wanted <= 2; wanted++)
        for (size_t i = 0; i < memory->n_modules; i++) {
            if (rank(&memory->modules[i]) != wanted)
                continue;
            uint64_t found = search_module(heap, &memory->modules[i], &unused);
            if (found)
                return found;
        }
    heap->is_unused = unused != 0;
    return unused;
}

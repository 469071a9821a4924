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
#define RING_MAX 65536u

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

/* How many of its lists are right, if it can be an arena at all; 0: it cannot. */
static unsigned count_bins(struct hs_glibc *heap, uint64_t address)
{
    uint64_t next = hs_glibc_word(heap, address + HS_ARENA_NEXT);
    uint64_t size = hs_glibc_word(heap, address + HS_ARENA_SYSTEM_MEM);
    uint64_t max = hs_glibc_word(heap, address + HS_ARENA_MAX_SYSTEM_MEM);
    uint64_t first_bin = address + HS_ARENA_BINS - 16;
    if (next == 0 || next % 16 || size > max || max >= ADDRESS_LIMIT)
        return 0;
    uint64_t top = hs_glibc_word(heap, address + HS_ARENA_TOP);
    if (top != first_bin && (size == 0 || !is_address(heap, top)))
        return 0;

    unsigned bad = 0;
    for (unsigned i = 0; i < HS_ARENA_N_BINS && bad <= HS_ARENA_N_BINS - GOOD_BINS; i++)
        bad += !is_bin(heap, first_bin + 16ull * i);
    return bad <= HS_ARENA_N_BINS - GOOD_BINS ? HS_ARENA_N_BINS - bad : 0;
}

bool hs_glibc_is_arena(struct hs_glibc *heap, uint64_t address)
{
    return count_bins(heap, address) > 0;
}

/* Does the ring of arenas lead back? */
static bool is_ring(struct hs_glibc *heap, uint64_t address)
{
    uint64_t at = address;
    for (unsigned i = 0; i < RING_MAX; i++) {
        at = hs_glibc_word(heap, at + HS_ARENA_NEXT);
        if (at == address)
            return true;
        if (!is_address(heap, at))
            return false;
    }
    return false;
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

struct best {
    uint64_t address, unused;
    unsigned score;
};

/* A place a few lists beside the arena has nearly as many right ones, but no ring. */
static void search(struct hs_glibc *heap, uint64_t start, uint64_t end, struct best *best)
{
    for (uint64_t at = (start + 15) & ~15ull; at + HS_ARENA_SIZE <= end; at += 16) {
        uint64_t next = hs_glibc_word(heap, at + HS_ARENA_NEXT);
        if (next == 0 || next % 16)
            continue;
        unsigned score = count_bins(heap, at);
        if (score > 0 && is_ring(heap, at))
            score += HS_ARENA_N_BINS;
        if (score > best->score) {
            best->score = score;
            best->address = at;
        }
        if (best->unused == 0 && next == at && is_unused_arena(heap, at))
            best->unused = at;
    }
}

/* The writable memory of a module, bss included. */
static void search_module(struct hs_glibc *heap, const struct hs_memory_module *module,
                          struct best *best)
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
        search(heap, start, end, best);
        while (i + 1 < memory->n_ranges && memory->ranges[i + 1].start < end)
            i++;
    }
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
    struct best best = {0};
    for (int wanted = 0; wanted <= 2 && best.score == 0; wanted++)
        for (size_t i = 0; i < memory->n_modules; i++)
            if (rank(&memory->modules[i]) == wanted)
                search_module(heap, &memory->modules[i], &best);
    heap->is_unused = best.score == 0 && best.unused != 0;
    return best.score ? best.address : best.unused;
}

// SPDX-License-Identifier: MIT

/*
 * Writable memory that nobody has accounted for: mapped by raw system calls (the heap of
 * another language's runtime), by the loader, or before tracking began. A pointer in it is
 * weak evidence, but better than none.
 *
 * So everything else must be known exactly. Free memory of the allocator would hold what
 * was freed long ago, and our tables hold every block there is. glibc maps its arenas and
 * its large chunks past every hook, but both say what they are: an arena's heap begins with
 * a record of itself at an aligned address, a chunk has its extent in front of its block.
 * Other allocators map their memory through our hooks; a stretch in which blocks live
 * belongs to the allocator all the same, because some make their system calls themselves.
 *
 * The stacks of ended threads, which glibc keeps for new ones, are garbage.
 */

#include <errno.h>
#include <string.h>

#include "probes/freeze/freeze.h"
#include "probes/freeze/image.h"
#include "probes/freeze/stacks.h"
#include "probes/tracker/own.h"
#include "probes/tracker/regions.h"

#define PAGE 4096ull
#define ARENA_STEP (2ull << 20)   /* glibc's heaps are aligned to at least that */
#define ARENA_ALIGN (64ull << 20) /* by default, and looked for in what is large */
#define LARGE (1ull << 30)

struct span {
    uint64_t start, end;
};

bool hs_taken_add(uint64_t start, uint64_t end)
{
    hs_image.taken.size = sizeof(struct span);
    struct span *span = hs_vector_push(&hs_image.taken, 1);
    if (!span)
        return false;
    *span = (struct span){start, end};
    return true;
}

static void take(uint64_t start, uint64_t end)
{
    if (start < end && !hs_taken_add(start, end))
        hs_image.taken_is_full = true;
}

static void take_piece(uint64_t start, uint64_t size, void *context)
{
    (void)context;
    take(start & ~(PAGE - 1), (start + size + PAGE - 1) & ~(PAGE - 1));
}

static bool is_candidate(const struct hs_range *range)
{
    const uint32_t needed = HS_BLOCK_READ | HS_BLOCK_WRITE;
    const char *path = hs_maps_path(&hs_image.maps, range);
    return (range->flags & needed) == needed && !(range->flags & HS_BLOCK_SHARED)
           && strcmp(path, "[heap]") != 0 && strcmp(path, "[stack]") != 0;
}

/* ---- what glibc's malloc has mapped ---- */

#ifdef __GLIBC__
/* malloc/arena.c, heap_info: the same in all versions, but for what comes behind. */
struct heap_record {
    uint64_t arena, previous, size, writable_size;
};

/* The first heap of an arena holds the arena itself, behind its record. */
static bool is_heap_record(const struct heap_record *record, uint64_t at)
{
    uint64_t owner = record->arena & ~(PAGE - 1), offset = record->arena & (PAGE - 1);
    if (offset < sizeof(*record) || offset > 128 || offset % 16 != 0
        || owner % ARENA_STEP != 0)
        return false;
    if ((owner == at) != (record->previous == 0) || record->previous % ARENA_STEP != 0)
        return false;
    return record->size >= PAGE / 4 && record->size % PAGE == 0
           && record->writable_size >= record->size && record->writable_size % PAGE == 0
           && record->writable_size <= 2 * ARENA_ALIGN;
}

/* Under the fault guard. */
static void take_arenas(void *context)
{
    const struct hs_range *range = context;
    uint64_t step = range->end - range->start > LARGE ? ARENA_ALIGN : ARENA_STEP;
    for (uint64_t at = (range->start + step - 1) & ~(step - 1); at < range->end;
         at += step) {
        const struct heap_record *record = (const void *)(uintptr_t)at;
        if (is_heap_record(record, at))
            take(at, at + record->writable_size);
    }
}

/* A chunk of its own mapping: its size, marked as such, and how far in it begins. */
static bool take_chunk(uint64_t block)
{
    const uint64_t *head = (const void *)(uintptr_t)(block - 16);
    uint64_t start = block - 16 - head[0], size = head[1];
    if (block % 16 != 0 || (size & 7) != 2 || start % PAGE != 0 || start > block
        || ((size & ~7ull) + head[0]) % PAGE != 0)
        return false;
    take(start, block - 16 + (size & ~7ull));
    return true;
}

#else
static void take_arenas(void *context)
{
    (void)context;
}

static bool take_chunk(uint64_t block)
{
    (void)block;
    return false;
}
#endif

/* What of a living thread's stack counts is a root already. */
static void take_stack(void *context)
{
    const struct hs_range *range = context;
    if (hs_stack_find_record(range))
        take(range->start, range->end);
}

/* ---- blocks ---- */

static uint64_t first_block_beyond(uint64_t address)
{
    const struct hs_scan_block *blocks = (const void *)hs_image.scan_blocks.items;
    uint64_t low = 0, high = hs_image.scan_blocks.count;
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        if (blocks[middle].start + blocks[middle].size <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Mappings are blocks, large chunks stand alone, and small blocks have neighbours. Under
 * the fault guard. */
static void take_blocks(void *context)
{
    const struct hs_range *range = context;
    const struct hs_capture_block *blocks = (const void *)hs_image.blocks.items;
    for (uint64_t i = first_block_beyond(range->start);
         i < hs_image.blocks.count && blocks[i].address < range->end; i++) {
        if (blocks[i].flags & HS_BLOCK_MAPPING)
            take(blocks[i].address, blocks[i].address + blocks[i].size);
        else if (!take_chunk(blocks[i].address)) {
            take(range->start, range->end);
            return;
        }
    }
}

/* ---- all that is taken, and what is left ---- */

static void take_modules(void)
{
    const struct hs_capture_module *modules = (const void *)hs_image.modules.items;
    for (uint64_t i = 0; i < hs_image.modules.count; i++)
        if (!(modules[i].flags & HS_MODULE_UNLOADED))
            take(modules[i].start, modules[i].end);
}

static void take_roots(void)
{
    const struct hs_root_range *roots = (const void *)hs_image.roots.items;
    for (uint64_t i = 0; i < hs_image.roots.count; i++)
        if (!roots[i].memory)
            take(roots[i].start, roots[i].end);
}

static void sort_taken(void)
{
    struct span *spans = (void *)hs_image.taken.items;
    static const uint32_t gaps[] = {41461, 16001, 6927, 2861, 1213, 503,
                                    202,   86,    36,   15,   6,    1};
    for (size_t g = 0; g < sizeof(gaps) / sizeof(gaps[0]); g++)
        for (uint64_t i = gaps[g]; i < hs_image.taken.count; i++) {
            struct span moved = spans[i];
            uint64_t at = i;
            for (; at >= gaps[g] && spans[at - gaps[g]].start > moved.start;
                 at -= gaps[g])
                spans[at] = spans[at - gaps[g]];
            spans[at] = moved;
        }
}

/* What of the range is in no span; `next` is the first span that may reach into it. */
static int add_rest(const struct hs_range *range, uint64_t *next)
{
    const struct span *spans = (const void *)hs_image.taken.items;
    uint64_t at = range->start;
    int err = 0;
    for (uint64_t i = *next; i < hs_image.taken.count && spans[i].start < range->end;
         i++) {
        if (err == 0 && spans[i].start > at)
            err = hs_roots_add(at, spans[i].start, HS_ROOT_WEAK, UINT32_MAX);
        if (spans[i].end > at)
            at = spans[i].end;
        if (i == *next && spans[i].end <= range->start)
            ++*next;
    }
    if (err == 0 && at < range->end)
        err = hs_roots_add(at, range->end, HS_ROOT_WEAK, UINT32_MAX);
    return err;
}

struct regions {
    int err;
};

static bool add_region(uint64_t start, uint64_t size, void *context)
{
    struct regions *regions = context;
    regions->err = hs_roots_add(start, start + size, HS_ROOT_REGION, UINT32_MAX);
    return regions->err == 0;
}

int hs_weak_collect(void)
{
    const struct hs_range *ranges = (const void *)hs_image.maps.ranges.items;
    struct regions regions = {0};
    uint64_t fault, next = 0;

    hs_region_each(add_region, &regions);
    if (regions.err < 0)
        return regions.err;
    if (!hs_own_each(take_piece, NULL))
        return 0; /* better no evidence than that of our own tables */
    hs_scratch_each(take_piece, NULL);
    take_modules();
    take_roots();
    for (uint64_t i = 0; i < hs_image.maps.ranges.count; i++) {
        if (!is_candidate(&ranges[i]))
            continue;
        hs_fault_guard(take_arenas, (void *)&ranges[i], &fault);
        hs_fault_guard(take_stack, (void *)&ranges[i], &fault);
        if (!hs_fault_guard(take_blocks, (void *)&ranges[i], &fault))
            take(ranges[i].start, ranges[i].end);
    }
    sort_taken();
    for (uint64_t i = 0; i < hs_image.maps.ranges.count && !hs_image.taken_is_full; i++) {
        int err = is_candidate(&ranges[i]) ? add_rest(&ranges[i], &next) : 0;
        if (err < 0)
            return err;
    }
    return hs_image.taken_is_full ? -ENOMEM : 0;
}

// SPDX-License-Identifier: MIT

/*
 * What is allocated: the tracker's blocks and the program's own mappings as one array in
 * address order, and the index over it.
 *
 * A mapping inside which blocks live belongs to an allocator, not to the program's data:
 * it is left out, and its blocks speak for it.
 */

#include <errno.h>
#include <string.h>

#include "probes/freeze/freeze.h"
#include "probes/freeze/image.h"
#include "probes/freeze/workers.h"
#include "probes/tracker/ignore.h"
#include "probes/tracker/live.h"
#include "probes/tracker/mappings.h"
#include "probes/tracker/raw.h"
#include "probes/tracker/sample.h"

#define GET_UNTAG_MASK 0x4001 /* ARCH_GET_UNTAG_MASK of Linux 6.4 */

struct merge {
    struct hs_vector mappings; /* struct hs_mapping */
    uint64_t next;             /* the next mapping to place */
    bool is_full;
};

/* Blocks never overlap; a record that survived its block gives way to the newer one, whole
 * where both begin at the same address, as they may in a sample. */
static bool add(struct merge *merge, const struct hs_capture_block *block)
{
    struct hs_capture_block *last = (void *)hs_image.blocks.items;
    last += hs_image.blocks.count;
    if (hs_image.blocks.count > 0 && block->address == last[-1].address) {
        if (block->birth_epoch >= last[-1].birth_epoch)
            last[-1] = *block;
        return true;
    }
    if (hs_image.blocks.count > 0 && block->address - last[-1].address < last[-1].size)
        last[-1].size = block->address - last[-1].address;

    struct hs_capture_block *copy = hs_vector_push(&hs_image.blocks, 1);
    struct hs_scan_block *range = copy ? hs_vector_push(&hs_image.scan_blocks, 1) : NULL;
    if (!range) {
        merge->is_full = true;
        return false;
    }
    *copy = *block;
    return true;
}

static uint32_t protection(uint64_t address)
{
    const struct hs_range *range = hs_maps_find(&hs_image.maps, address);
    if (!range || range->start > address)
        return 0;
    return range->flags & (HS_BLOCK_READ | HS_BLOCK_WRITE | HS_BLOCK_EXECUTE);
}

/* Place the mappings that end before `address`; drop one that holds it. */
static bool place_mappings(struct merge *merge, uint64_t address)
{
    const struct hs_mapping *mappings = (const void *)merge->mappings.items;
    for (; merge->next < merge->mappings.count; merge->next++) {
        const struct hs_mapping *mapping = &mappings[merge->next];
        if (mapping->address + mapping->size > address) {
            if (mapping->address > address)
                return true;
            continue;
        }
        struct hs_capture_block block = {
            .address = mapping->address,
            .size = mapping->size,
            .stack = mapping->stack,
            .birth_epoch = mapping->birth_epoch,
            .flags = HS_BLOCK_MAPPING | mapping->flags | protection(mapping->address),
        };
        if (!add(merge, &block))
            return false;
    }
    return true;
}

static bool on_block(const struct hs_live_block *live, void *context)
{
    struct merge *merge = context;
    if (!place_mappings(merge, live->address))
        return false;
    struct hs_capture_block block = {
        .address = live->address,
        .size = live->size,
        .stack = live->stack,
        .birth_epoch = live->birth_epoch,
        .flags = hs_ignore_is(live->stack) ? HS_BLOCK_IGNORED : 0,
    };
    return add(merge, &block);
}

static bool on_mapping(const struct hs_mapping *mapping, void *context)
{
    struct merge *merge = context;
    if (mapping->flags & HS_MAPPING_OF_ALLOCATOR) {
        merge->is_full =
            !hs_taken_add(mapping->address, mapping->address + mapping->size);
        return !merge->is_full;
    }
    struct hs_mapping *copy = hs_vector_push(&merge->mappings, 1);
    if (!copy) {
        merge->is_full = true;
        return false;
    }
    *copy = *mapping;
    return true;
}

/* Tags in the upper bits of pointers, where the program has asked for them. */
static void note_tags(void)
{
#if defined(__x86_64__)
    uint64_t mask = 0;
    if (!hs_workers_are_filtered() && hs_raw(SYS_arch_prctl, GET_UNTAG_MASK, &mask) == 0
        && mask)
        hs_scan_index_mask(hs_image.index, mask);
#endif
}

int hs_heap_collect(void)
{
    struct merge merge = {.mappings = {.size = sizeof(struct hs_mapping)}};

    hs_image.blocks.size = sizeof(struct hs_capture_block);
    hs_image.scan_blocks.size = sizeof(struct hs_scan_block);
    hs_mapping_each(on_mapping, &merge);
    if (!merge.is_full)
        hs_live_each(on_block, &merge);
    if (!merge.is_full)
        place_mappings(&merge, UINT64_MAX);
    if (merge.is_full)
        return -ENOMEM;

    struct hs_capture_block *blocks = (void *)hs_image.blocks.items;
    struct hs_scan_block *ranges = (void *)hs_image.scan_blocks.items;
    for (uint64_t i = 0; i < hs_image.blocks.count; i++) {
        ranges[i].start = blocks[i].address;
        ranges[i].size = blocks[i].size;
        if (blocks[i].birth_epoch > hs_job.epoch)
            blocks[i].birth_epoch = hs_job.epoch;
    }
    hs_image.index =
        hs_scan_index_create(ranges, (uint32_t)hs_image.blocks.count, hs_scratch_map);
    if (!hs_image.index)
        return -ENOMEM;
    note_tags();
    return 0;
}

const struct hs_capture_block *hs_heap_find(uint64_t address)
{
    uint32_t inside, found = hs_scan_find(hs_image.index, address, &inside);
    if (found == UINT32_MAX || inside == HS_SCAN_PAST_END)
        return NULL;
    return (const struct hs_capture_block *)(const void *)hs_image.blocks.items + found;
}

static void add_usable(void *context)
{
    uint64_t *sum = context;
    const struct hs_capture_block *blocks = (const void *)hs_image.blocks.items;
    for (uint64_t i = 0; i < hs_image.blocks.count; i++)
        if (!(blocks[i].flags & HS_BLOCK_MAPPING))
            *sum += hs_known.usable_size((void *)(uintptr_t)blocks[i].address);
}

uint64_t hs_heap_usable_bytes(void)
{
    uint64_t sum = 0, fault;
    if (!hs_known.usable_size || hs_sample_rate
        || !hs_fault_guard(add_usable, &sum, &fault))
        return 0;
    return sum;
}

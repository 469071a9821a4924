// SPDX-License-Identifier: MIT

/*
 * A stack is a stretch of mapped memory that ends with libc's record of its thread, or at
 * a block, or with its mapping. The record names the thread it belongs to, and so a thread
 * that does not tell its registers can still be found a stack.
 */

#include "probes/freeze/stacks.h"

#include <string.h>

#include "probes/freeze/freeze.h"
#include "probes/freeze/machine.h"

#define RECORD_MAX 16384u /* from the end of a stack, with its static TLS */

static uint64_t page_up(uint64_t address)
{
    return (address + 4095) & ~4095ull;
}

/* End of libc's thread record, which ends a thread's memory. */
static uint64_t thread_end(uint64_t thread_pointer)
{
    return page_up(thread_pointer + hs_known.thread_size);
}

/* Where the blocks above `address` begin: a stack never reaches into them. */
static uint64_t next_block(uint64_t address, uint64_t limit)
{
    const struct hs_scan_block *blocks = (const void *)hs_image.scan_blocks.items;
    uint64_t low = 0, high = hs_image.scan_blocks.count;
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        if (blocks[middle].start < address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < hs_image.scan_blocks.count && blocks[low].start < limit)
        return blocks[low].start;
    return limit;
}

struct hs_span hs_stack_live(const struct hs_slot *slot, bool *ret_in_block)
{
    uint64_t sp = slot->registers[HS_MACHINE_SP], thread_pointer = slot->thread_pointer;
    const struct hs_range *range = hs_maps_find(&hs_image.maps, sp);
    const struct hs_capture_block *block = hs_heap_find(sp);
    struct hs_span span = {slot->is_at_call ? sp : sp - HS_RED_ZONE, 0};

    *ret_in_block = block != NULL;
    if (!range || range->start > sp)
        return (struct hs_span){0, 0};
    if (span.start < range->start)
        span.start = range->start;
    if (block) {
        if (span.start < block->address)
            span.start = block->address;
        span.end = block->address + block->size;
        return span;
    }
    span.end = next_block(sp, range->end);
    if (thread_pointer > sp && thread_end(thread_pointer) < span.end)
        span.end = thread_end(thread_pointer);
    return span;
}

/* Where the blocks below `address` end. */
static uint64_t start_of_gap(const struct hs_range *range, uint64_t address)
{
    const struct hs_scan_block *blocks = (const void *)hs_image.scan_blocks.items;
    uint64_t start = range->start;
    for (uint64_t at = next_block(start, address); at < address;) {
        uint32_t number = hs_scan_find(hs_image.index, at, NULL);
        if (number == UINT32_MAX)
            break;
        start = blocks[number].start + blocks[number].size;
        at = next_block(start, address);
    }
    return start;
}

static struct hs_span main_stack(void)
{
    const struct hs_range *ranges = (const void *)hs_image.maps.ranges.items;
    for (uint64_t i = 0; i < hs_image.maps.ranges.count; i++)
        if (strcmp(hs_maps_path(&hs_image.maps, &ranges[i]), "[stack]") == 0)
            return (struct hs_span){ranges[i].start, ranges[i].end};
    return (struct hs_span){0, 0};
}

struct hs_span hs_stack_native(const struct hs_slot *slot)
{
    uint64_t pointer = slot->thread_pointer, sp = slot->registers[HS_MACHINE_SP];
    const struct hs_range *range = hs_maps_find(&hs_image.maps, pointer);
    bool is_mapped = range && range->start <= pointer && !hs_heap_find(pointer);
    /* After fork in another thread that one's stack is the only thread's. */
    if (slot->tid == hs_job.program_pid
        && !(is_mapped && sp >= range->start && sp < pointer))
        return main_stack();
    if (!is_mapped)
        return (struct hs_span){0, 0};
    uint64_t end = thread_end(pointer);
    return (struct hs_span){start_of_gap(range, pointer),
                            end < range->end ? end : range->end};
}

struct hs_span hs_stack_around(uint64_t address)
{
    const struct hs_range *range = hs_maps_find(&hs_image.maps, address);
    if (!range || range->start > address || hs_heap_find(address))
        return (struct hs_span){0, 0};
    return (struct hs_span){start_of_gap(range, address),
                            next_block(address, range->end)};
}

/* ---- libc's record of a thread ---- */

/* In front of the stack there is a guard page. */
static bool is_guarded(const struct hs_range *range)
{
    const uint32_t any = HS_BLOCK_READ | HS_BLOCK_WRITE | HS_BLOCK_EXECUTE;
    return range != (const void *)hs_image.maps.ranges.items
           && range[-1].end == range->start && !(range[-1].flags & any);
}

uint64_t hs_stack_find_record(const struct hs_range *range)
{
#if defined(__x86_64__) && defined(__GLIBC__)
    /* It begins with its own address, has the table of dynamic TLS next, and its own
     * address again (nptl's tcbhead_t, which the ABI of TLS fixes). */
    uint64_t size = range->end - range->start;
    uint64_t from = range->end - (size < RECORD_MAX ? size : RECORD_MAX);
    if (!is_guarded(range) || !(range->flags & HS_BLOCK_READ))
        return 0;
    for (uint64_t at = (from + 63) & ~63ull; at + 24 <= range->end; at += 64) {
        const uint64_t *record = (const void *)(uintptr_t)at;
        if (record[0] == at && record[2] == at && record[1] != at && record[1] > 4096)
            return at;
    }
#else
    (void)is_guarded;
    (void)range;
#endif
    return 0;
}

struct search {
    int32_t tid;
    uint32_t tid_offset;
    const struct hs_range *range;
    uint64_t found;
};

static void look_for_thread(void *context)
{
    struct search *search = context;
    uint64_t record = hs_stack_find_record(search->range);
    if (record && record + search->tid_offset + 4 <= search->range->end
        && *(const int32_t *)(uintptr_t)(record + search->tid_offset) == search->tid)
        search->found = record;
}

uint64_t hs_stack_find_thread(int32_t tid, uint32_t tid_offset)
{
    const struct hs_range *ranges = (const void *)hs_image.maps.ranges.items;
    struct search search = {.tid = tid, .tid_offset = tid_offset};
    uint64_t fault;
    for (uint64_t i = 0; tid_offset && i < hs_image.maps.ranges.count; i++) {
        search.range = &ranges[i];
        if (ranges[i].flags & HS_BLOCK_WRITE && !ranges[i].inode
            && hs_fault_guard(look_for_thread, &search, &fault) && search.found)
            return search.found;
    }
    return 0;
}

struct learn {
    int32_t tid;
    uint64_t thread_pointer;
    uint32_t offset;
};

static void look_for_tid(void *context)
{
    struct learn *learn = context;
    for (uint32_t at = 64; at < hs_known.thread_size && !learn->offset; at += 4)
        if (*(const int32_t *)(uintptr_t)(learn->thread_pointer + at) == learn->tid)
            learn->offset = at;
}

uint32_t hs_stack_tid_offset(int32_t tid, uint64_t thread_pointer)
{
    struct learn learn = {.tid = tid, .thread_pointer = thread_pointer};
    uint64_t fault;
    if (thread_pointer && hs_fault_guard(look_for_tid, &learn, &fault))
        return learn.offset;
    return 0;
}

// SPDX-License-Identifier: MIT

/*
 * The threads and what they hold: registers, thread-local memory, the live part of the
 * stack.
 *
 * A stack pointer inside a block means a coroutine or a stack the program allocated: then
 * only that block is live stack, and the thread's native stack, which nobody knows how
 * deep it is used, counts as a whole.
 */

#include <errno.h>
#include <string.h>

#include "probes/freeze/freeze.h"
#include "probes/freeze/image.h"
#include "probes/freeze/machine.h"
#include "probes/tracker/raw.h"
#include "probes/tracker/report.h"

#define COPY_MAX (1u << 20)

struct span {
    uint64_t start, end;
};

static uint64_t page_up(uint64_t address)
{
    return (address + 4095) & ~4095ull;
}

static void read_name(struct hs_capture_thread *thread)
{
    char path[64], name[32];
    hs_format(path, sizeof(path), "/proc/%d/task/%d/comm", (int64_t)hs_job.program_pid,
              (int64_t)thread->tid);
    if (hs_read_file(path, name, sizeof(name)) <= 0)
        return;
    for (size_t i = 0; i + 1 < sizeof(thread->name) && name[i] && name[i] != '\n'; i++)
        thread->name[i] = name[i];
}

/* Field 22 of the thread's stat file; its name may hold anything, so count behind it. */
static void read_start(struct hs_capture_thread *thread)
{
    char path[64], text[512];
    hs_format(path, sizeof(path), "/proc/%d/task/%d/stat", (int64_t)hs_job.program_pid,
              (int64_t)thread->tid);
    long size = hs_read_file(path, text, sizeof(text));
    while (size > 0 && text[size - 1] != ')')
        size--;
    if (size <= 0)
        return;
    const char *at = text + size;
    for (int field = 2; *at && field < 22; at++)
        field += *at == ' ';
    while (*at >= '0' && *at <= '9')
        thread->start_ticks = thread->start_ticks * 10 + (uint32_t)(*at++ - '0');
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

static struct span live_stack(const struct hs_slot *slot, bool *ret_in_block)
{
    uint64_t sp = slot->registers[HS_MACHINE_SP], thread_pointer = slot->thread_pointer;
    const struct hs_range *range = hs_maps_find(&hs_image.maps, sp);
    const struct hs_capture_block *block = hs_heap_find(sp);
    struct span span = {slot->is_at_call ? sp : sp - HS_RED_ZONE, 0};

    *ret_in_block = block != NULL;
    if (!range || range->start > sp)
        return (struct span){0, 0};
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

/* All of the stack the thread was born with, except what blocks occupy around it. */
static struct span native_stack(int32_t tid, uint64_t thread_pointer)
{
    const struct hs_range *ranges = (const void *)hs_image.maps.ranges.items;
    if (tid == hs_job.program_pid) {
        for (uint64_t i = 0; i < hs_image.maps.ranges.count; i++)
            if (strcmp(hs_maps_path(&hs_image.maps, &ranges[i]), "[stack]") == 0)
                return (struct span){ranges[i].start, ranges[i].end};
        return (struct span){0, 0};
    }
    const struct hs_range *range = hs_maps_find(&hs_image.maps, thread_pointer);
    if (!range || range->start > thread_pointer || hs_heap_find(thread_pointer))
        return (struct span){0, 0};
    const struct hs_scan_block *blocks = (const void *)hs_image.scan_blocks.items;
    uint64_t start = range->start, end = thread_end(thread_pointer);
    for (uint64_t at = next_block(start, thread_pointer); at < thread_pointer;) {
        uint32_t number = hs_scan_find(hs_image.index, at, NULL);
        if (number == UINT32_MAX)
            break;
        start = blocks[number].start + blocks[number].size;
        at = next_block(start, thread_pointer);
    }
    return (struct span){start, end < range->end ? end : range->end};
}

/* Static TLS, libc's thread record, and glibc's table of dynamic TLS it points to. */
static int add_tls(const struct hs_slot *slot, uint32_t owner, uint64_t *ret_start)
{
    uint64_t pointer = slot->thread_pointer;
    const struct hs_range *range = pointer ? hs_maps_find(&hs_image.maps, pointer) : NULL;
    *ret_start = UINT64_MAX;
    if (!range || range->start > pointer || !(range->flags & HS_BLOCK_READ))
        return 0;
    uint64_t start = pointer - hs_known.tls_below;
    uint64_t end = pointer + hs_known.thread_size;
    if (start < range->start)
        start = range->start;
    if (end > range->end)
        end = range->end;
    *ret_start = start;
    int err = hs_roots_add(start, end, HS_ROOT_TLS, owner);

#if defined(__x86_64__) && defined(__GLIBC__)
    uint64_t table = ((const uint64_t *)(uintptr_t)pointer)[1];
    const struct hs_range *of_table = hs_maps_find(&hs_image.maps, table - 16);
    if (err < 0 || table < 4096 || !of_table || of_table->start > table - 16
        || of_table->end < table || !(of_table->flags & HS_BLOCK_READ)
        || hs_heap_find(table))
        return err;
    uint64_t count = *(const uint64_t *)(uintptr_t)(table - 16);
    uint64_t table_end = count < 65536 ? table + (count + 1) * 16 : table;
    if (table_end > of_table->end)
        table_end = of_table->end;
    if (table_end < start || table - 16 >= end)
        err = hs_roots_add(table - 16, table_end, HS_ROOT_TLS, owner);
#endif
    return err;
}

static int add_roots(const struct hs_slot *slot, struct hs_capture_thread *thread,
                     uint32_t owner)
{
    uint64_t tls = UINT64_MAX;
    bool in_block = false;
    int err = hs_registers_add(slot, owner);
    if (err == 0)
        err = add_tls(slot, owner, &tls);
    if (err < 0)
        return err;

    struct span stack = live_stack(slot, &in_block);
    thread->stack_start = stack.start;
    thread->stack_end = stack.end > stack.start ? stack.end : stack.start;
    /* In a pthread's stack the TLS is at the end and has a root of its own. */
    bool holds_tls = tls >= stack.start && tls < stack.end;
    err = hs_roots_add(stack.start, holds_tls ? tls : stack.end, HS_ROOT_STACK, owner);
    if (err == 0 && in_block) {
        struct span native = native_stack(slot->tid, slot->thread_pointer);
        if (tls > native.start && tls < native.end)
            native.end = tls;
        err = hs_roots_add(native.start, native.end, HS_ROOT_STACK, owner);
    }
    return err;
}

static int collect(const struct hs_slot *slot)
{
    if (slot->state != HS_SLOT_ARRIVED && slot->state != HS_SLOT_MISSED)
        return 0;
    struct hs_capture_thread *thread = hs_vector_push(&hs_image.threads, 1);
    if (!thread)
        return -ENOMEM;
    uint32_t owner = (uint32_t)hs_image.threads.count - 1;
    thread->tid = slot->tid;
    thread->stopped = slot->state == HS_SLOT_ARRIVED;
    thread->thread_pointer = slot->thread_pointer;
    read_name(thread);
    read_start(thread);
    if (slot->registers[HS_MACHINE_SP] == 0)
        return 0;
    thread->n_registers = HS_MACHINE_REGISTERS;
    memcpy(thread->registers, slot->registers, sizeof(thread->registers));
    return add_roots(slot, thread, owner);
}

static void sort_slots(void)
{
    struct hs_slot *slots = hs_job.slots;
    for (uint32_t i = 1; i < hs_job.n_slots; i++) {
        struct hs_slot moved = slots[i];
        uint32_t at = i;
        while (at > 0 && slots[at - 1].tid > moved.tid) {
            slots[at] = slots[at - 1];
            at--;
        }
        slots[at] = moved;
    }
}

int hs_threads_collect(void)
{
    hs_image.threads.size = sizeof(struct hs_capture_thread);
    sort_slots();
    for (uint32_t i = 0; i < hs_job.n_slots; i++) {
        int err = collect(&hs_job.slots[i]);
        if (err < 0)
            return err;
    }
    struct hs_capture_thread *threads = (void *)hs_image.threads.items;
    uint64_t offset = 0;
    for (uint64_t i = 0; i < hs_image.threads.count; i++) {
        uint64_t size = threads[i].stack_end - threads[i].stack_start;
        threads[i].stacks_offset = offset;
        threads[i].stacks_size = size < COPY_MAX ? size : COPY_MAX;
        offset += threads[i].stacks_size;
    }
    return 0;
}

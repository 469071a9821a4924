// SPDX-License-Identifier: MIT

/*
 * The threads and what they hold: registers, thread-local memory, the live part of the
 * stack.
 *
 * A stack pointer outside of the thread's native stack means a coroutine or another stack
 * of the program's: then that one is the live stack, and the native one, which nobody
 * knows how deep it is used, counts as a whole. Inside a block the live stack begins at the
 * stack pointer; in other memory, where there may be more such stacks, all of it counts.
 */

#include <errno.h>
#include <string.h>

#include "probes/freeze/freeze.h"
#include "probes/freeze/image.h"
#include "probes/freeze/machine.h"
#include "probes/freeze/stacks.h"
#include "probes/tracker/raw.h"
#include "probes/tracker/report.h"

#define COPY_MAX (1u << 20)
#if defined(__x86_64__)
#define TLS_TABLE_WORD 1 /* of what the thread pointer points to */
#else
#define TLS_TABLE_WORD 0
#endif

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

#ifdef __GLIBC__
    uint64_t table = ((const uint64_t *)(uintptr_t)pointer)[TLS_TABLE_WORD];
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

/* Without the TLS, which in a pthread's stack is at the end and has a root of its own. */
static int add_stack(struct hs_span span, uint64_t tls, uint32_t owner)
{
    if (tls > span.start && tls < span.end)
        span.end = tls;
    return hs_roots_add(span.start, span.end, HS_ROOT_STACK, owner);
}

/* Is it a module's own data? Then it is a root already. */
static bool is_module_data(uint64_t address)
{
    const struct hs_root_range *segments = (const void *)hs_image.segments.items;
    for (uint64_t i = 0; i < hs_image.segments.count; i++)
        if (address >= segments[i].start && address < segments[i].end)
            return true;
    return false;
}

/* The thread runs on another stack than its own. */
static int add_far_stack(uint64_t sp, struct hs_span native, bool is_in_block,
                         uint64_t tls, uint32_t owner)
{
    int err = add_stack(native, tls, owner);
    if (err < 0 || is_in_block || is_module_data(sp))
        return err;
    struct hs_span around = hs_stack_around(sp);
    if (around.end > sp)
        around.end = sp; /* from there on it is the live stack */
    return hs_roots_add(around.start, around.end, HS_ROOT_STACK, owner);
}

static int add_roots(const struct hs_slot *slot, struct hs_capture_thread *thread,
                     uint32_t owner)
{
    uint64_t sp = slot->registers[HS_MACHINE_SP], tls = UINT64_MAX;
    bool is_in_block = false;
    int err = add_tls(slot, owner, &tls);
    struct hs_span native = hs_stack_native(slot);
    if (err == 0 && !hs_taken_add(native.start, native.end))
        err = -ENOMEM;
    if (err < 0)
        return err;
    if (sp == 0) /* did not stop, and the kernel does not tell where it is */
        return add_stack(native, tls, owner);

    err = hs_registers_add(slot, owner);
    struct hs_span stack = hs_stack_live(slot, &is_in_block);
    thread->stack_start = stack.start;
    thread->stack_end = stack.end > stack.start ? stack.end : stack.start;
    if (err == 0)
        err = add_stack(stack, tls, owner);
    if (err == 0 && (is_in_block || sp < native.start || sp >= native.end))
        err = add_far_stack(sp, native, is_in_block, tls, owner);
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
    if (slot->registers[HS_MACHINE_SP]) {
        thread->n_registers = HS_MACHINE_REGISTERS;
        memcpy(thread->registers, slot->registers, sizeof(thread->registers));
    }
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

/* Those that did not stop have not told their thread pointers. */
static void find_missed(void)
{
    uint32_t offset = 0;
    for (uint32_t i = 0; i < hs_job.n_slots && !offset; i++)
        if (hs_job.slots[i].state == HS_SLOT_ARRIVED)
            offset =
                hs_stack_tid_offset(hs_job.slots[i].tid, hs_job.slots[i].thread_pointer);
    for (uint32_t i = 0; i < hs_job.n_slots; i++)
        if (hs_job.slots[i].state == HS_SLOT_MISSED && !hs_job.slots[i].thread_pointer)
            hs_job.slots[i].thread_pointer =
                hs_stack_find_thread(hs_job.slots[i].tid, offset);
}

int hs_threads_collect(void)
{
    hs_image.threads.size = sizeof(struct hs_capture_thread);
    sort_slots();
    find_missed();
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

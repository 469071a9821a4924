// SPDX-License-Identifier: MIT

/*
 * The threads and what they hold: registers, thread-local memory, the live part of the
 * stack; the same rules as the shim's (probes/freeze/threads.c).
 *
 * A stack pointer inside a block, or in a mapping other than the thread's own stack, means
 * a coroutine: then the thread's own stack, which nobody knows how deep it is used, counts
 * as a whole.
 */

#include <errno.h>
#include <string.h>

#include "libheapsnap/heap/making.h"

#define COPY_MAX (1u << 20)
/* Vector state is named as registers from 64 on; the first 52 words are those of FXSAVE,
 * and of what we have nobody knows which register it was in. */
#define VECTOR_NUMBER (64u + 52u)

static int add_memory(struct hs_making *making, uint64_t number, const void *memory,
                      uint32_t words, uint32_t owner)
{
    struct hs_making_root root = {.start = number * 8,
                                  .end = (number + words) * 8,
                                  .memory = memory,
                                  .kind = HS_ROOT_REGISTERS,
                                  .owner = owner};
    return words == 0 || hs_array_push(&making->roots, root) ? 0 : -ENOMEM;
}

/* Does the thread wait in the kernel? Then its vector registers are stale: no function
 * has to preserve them, and whoever called libc has given up what was in them. */
static bool is_in_system_call(struct hs_making *making,
                              const struct hs_memory_thread *thread)
{
#if defined(__x86_64__)
    uint8_t before[2], at[2];
    uint64_t ip = thread->registers[16];
    static const uint8_t instruction[] = {0x0f, 0x05};
    return (hs_reader_copy(&making->reader, ip - 2, before, 2)
            && memcmp(before, instruction, 2) == 0)
           || (hs_reader_copy(&making->reader, ip, at, 2)
               && memcmp(at, instruction, 2) == 0);
#else
    (void)making;
    (void)thread;
    return false;
#endif
}

static int add_registers(struct hs_making *making, const struct hs_memory_thread *thread,
                         uint32_t owner)
{
    uint32_t vector =
        thread->n_vector < HS_MEMORY_VECTOR_MAX ? thread->n_vector : HS_MEMORY_VECTOR_MAX;
    int err = add_memory(making, 0, thread->registers, thread->n_registers, owner);
    if (err == 0 && !is_in_system_call(making, thread))
        err = add_memory(making, VECTOR_NUMBER, thread->vector, vector, owner);
    return err;
}

/* The table of dynamic TLS, where it is no block itself: the main thread's. */
static int add_dtv(struct hs_making *making, uint64_t pointer, uint32_t owner)
{
    uint64_t table, count;
    if (!hs_reader_word(&making->reader, pointer + 8, &table) || table % 8 || table < 4096
        || hs_making_find(making, table)
        || !hs_reader_word(&making->reader, table - 16, &count) || count >= 65536)
        return 0;
    return hs_making_add_root(making, table - 16, table + (count + 1) * 16, HS_ROOT_TLS,
                              owner);
}

/* Static TLS and libc's record of the thread. */
static int add_tls(struct hs_making *making, uint64_t pointer, uint64_t lowest,
                   uint32_t owner, uint64_t *ret_start)
{
    const struct hs_memory_range *range = hs_memory_find(making->memory, pointer);
    *ret_start = UINT64_MAX;
    if (pointer == 0 || !range || !hs_reader_is_data(range))
        return 0;
    uint64_t below = (making->tls_size + 63) & ~63ull;
    uint64_t start = pointer - range->start > below ? pointer - below : range->start;
    uint64_t end = pointer + HS_THREAD_RECORD;
    if (start < lowest && lowest < pointer)
        start = lowest;
    *ret_start = start;
    int err = hs_making_add_root(making, start, end < range->end ? end : range->end,
                                 HS_ROOT_TLS, owner);
    return err < 0 ? err : add_dtv(making, pointer, owner);
}

static struct hs_span live_stack(const struct hs_making *making, uint64_t sp,
                                 const struct hs_span *native)
{
    const struct hs_memory_range *range = hs_memory_find(making->memory, sp);
    const struct hs_capture_block *block = hs_making_find(making, sp);
    if (!range)
        return (struct hs_span){0, 0};
    struct hs_span span = {sp - HS_RED_ZONE, range->end};
    uint64_t lowest = block ? block->address : range->start;
    if (span.start < lowest)
        span.start = lowest;
    if (block)
        span.end = block->address + block->size;
    else if (sp >= native->start && sp < native->end)
        span.end = native->end;
    else
        span.end = hs_making_next_block(making, sp, range->end);
    return span;
}

static int add_stack(struct hs_making *making, struct hs_capture_thread *thread,
                     uint32_t owner)
{
    uint64_t sp = thread->registers[HS_REGISTER_SP], tls;
    struct hs_span native = hs_making_native_stack(making, owner);
    struct hs_span live =
        thread->n_registers ? live_stack(making, sp, &native) : (struct hs_span){0, 0};
    bool is_native = live.start < live.end && sp >= native.start && sp < native.end;
    thread->stack_start = live.start;
    thread->stack_end = live.end;
    int err = add_tls(making, thread->thread_pointer, is_native ? sp : 0, owner, &tls);
    if (err == 0) /* in a pthread's stack the TLS is at the end and a root of its own */
        err = hs_making_add_root(making, live.start,
                                 tls >= live.start && tls < live.end ? tls : live.end,
                                 HS_ROOT_STACK, owner);
    if (err == 0 && !is_native)
        err =
            hs_making_add_root(making, native.start,
                               tls >= native.start && tls < native.end ? tls : native.end,
                               HS_ROOT_STACK, owner);
    return err;
}

int hs_making_threads(struct hs_making *making)
{
    const struct hs_memory *memory = making->memory;
    uint64_t offset = 0;
    for (size_t i = 0; i < memory->n_threads; i++) {
        const struct hs_memory_thread *from = &memory->threads[i];
        struct hs_capture_thread thread = {
            .tid = from->tid,
            .stopped = from->is_stopped,
            .id = hs_making_id(making),
            .stack_id = hs_making_id(making),
            .thread_pointer = from->thread_pointer,
        };
        memcpy(thread.name, from->name, sizeof(thread.name) - 1);
        if (from->is_stopped && from->n_registers <= HS_REGISTERS_MAX)
            thread.n_registers = from->n_registers;
        memcpy(thread.registers, from->registers, sizeof(thread.registers));
        making->header.threads_missed += !from->is_stopped;
        if ((thread.n_registers && add_registers(making, from, (uint32_t)i) < 0)
            || add_stack(making, &thread, (uint32_t)i) < 0)
            return -ENOMEM;
        uint64_t size = thread.stack_end - thread.stack_start;
        thread.stacks_offset = offset;
        thread.stacks_size = size < COPY_MAX ? size : COPY_MAX;
        offset += thread.stacks_size;
        if (!hs_array_push(&making->threads, thread))
            return -ENOMEM;
    }
    return 0;
}

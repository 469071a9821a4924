// SPDX-License-Identifier: MIT

/*
 * Where in memory a thread's stack is.
 */

#ifndef HEAPSNAP_PROBES_FREEZE_STACKS_H
#define HEAPSNAP_PROBES_FREEZE_STACKS_H

#include <stdbool.h>
#include <stdint.h>

#include "probes/freeze/image.h"

struct hs_slot;

struct hs_span {
    uint64_t start, end; /* end 0: none */
};

/* From the stack pointer (and what lies below it in use) up to the end of what it points
 * into: the thread's own stack, or another; `ret_in_block`: one that the program has
 * allocated. */
struct hs_span hs_stack_live(const struct hs_slot *slot, bool *ret_in_block);

/* All of the stack the thread was born with, except what blocks occupy around it. */
struct hs_span hs_stack_native(const struct hs_slot *slot);

/* All of the memory around `address` that no block occupies. */
struct hs_span hs_stack_around(uint64_t address);

/* libc's record at the end of a thread's memory: its thread pointer, or 0 when the range
 * is no thread's. Under the fault guard only. */
uint64_t hs_stack_find_record(const struct hs_range *range);

/* The thread pointer of thread `tid` by libc's record, which names it at `tid_offset`;
 * 0: not found. */
uint64_t hs_stack_find_thread(int32_t tid, uint32_t tid_offset);

/* Where libc's record of a thread has its number; 0: not known. */
uint32_t hs_stack_tid_offset(int32_t tid, uint64_t thread_pointer);

#endif

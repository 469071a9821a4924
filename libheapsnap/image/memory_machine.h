// SPDX-License-Identifier: MIT

/*
 * Private to image/: all that depends on the processor. One file each implements it:
 * registers as ptrace and core files hand them out, and the few instructions that make a
 * stopped thread do a system call for us (memory_call.h).
 */

#ifndef HEAPSNAP_IMAGE_MEMORY_MACHINE_H
#define HEAPSNAP_IMAGE_MEMORY_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#include "heapsnap/memory.h"

/* The general registers, laid out as NT_PRSTATUS has them. */
struct hs_machine_registers {
    struct user_regs_struct raw;
};

/* Registers of a thread that this thread has stopped by ptrace; false: it is gone. */
bool hs_machine_get(pid_t tid, struct hs_machine_registers *ret);
bool hs_machine_set(pid_t tid, const struct hs_machine_registers *registers);

/* Into the numbering of DWARF, thread pointer included where it is among them. */
void hs_machine_show(const struct hs_machine_registers *registers,
                     struct hs_memory_thread *ret);

/* What ptrace has beyond the general registers: vector state, thread pointer. */
void hs_machine_show_rest(pid_t tid, struct hs_memory_thread *ret);

/* A note of a core file that belongs to `thread`, of whatever type; others are ignored. */
void hs_machine_take_note(uint32_t type, const void *data, size_t size,
                          struct hs_memory_thread *thread);

/*
 * ---- a system call in another process ----
 *
 * The code runs in place of the thread's own, calls, and then puts back everything that it
 * has changed and goes on where the thread was: so that a tool which dies at any moment
 * leaves the thread as it was. Normally the tool stops the thread after the call and puts
 * the registers back itself. A child that the call made ends at once when it ever runs,
 * with HS_MACHINE_EXIT.
 */

#define HS_MACHINE_CODE_MAX 384
#define HS_MACHINE_EXIT 104

struct hs_machine_call {
    bool makes_child; /* 0 returned means: this is the child */
    long number;
    uint64_t arguments[6];
};

/* Is the thread in a system call or between two instructions, so that code can run there?
 * The first is better: a thread in its own code may be in a restartable sequence. */
enum hs_machine_place { HS_PLACE_CALL, HS_PLACE_CODE, HS_PLACE_STRANGE };
enum hs_machine_place hs_machine_place(pid_t tid,
                                       const struct hs_machine_registers *registers);

/*
 * The code for `call`, to be written at `address`, with room for HS_MACHINE_CODE_MAX bytes
 * in `ret`; `signals` is the signal mask to restore. Sets `ret_registers` to what starts it.
 * Returns its size; 0: not on this processor.
 */
size_t hs_machine_prepare(const struct hs_machine_registers *registers, uint64_t signals,
                          const struct hs_machine_call *call, uint64_t address,
                          uint8_t *ret, struct hs_machine_registers *ret_registers);

/* Is this what a tool left that was killed in the middle of a call? Also part of the code:
 * it is written and wiped in words of 8 bytes, so that the first one is there longest. */
bool hs_machine_is_code(const uint8_t *bytes, size_t size);

/* Where the thread stands. */
uint64_t hs_machine_pc(const struct hs_machine_registers *registers);

/* What the system call returned to a thread that stands behind it. */
int64_t hs_machine_result(const struct hs_machine_registers *registers);

#endif

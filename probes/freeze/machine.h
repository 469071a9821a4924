// SPDX-License-Identifier: MIT

/*
 * What C cannot say, a few instructions an architecture: a clone onto another stack, a
 * jump out of a fault, the registers of the calling thread. libc's versions of these
 * touch thread-local state, which the image and its helpers share with a stopped thread.
 */

#ifndef HEAPSNAP_PROBES_FREEZE_MACHINE_H
#define HEAPSNAP_PROBES_FREEZE_MACHINE_H

#include <stddef.h>
#include <stdint.h>

#include "probes/abi.h"

#if defined(__x86_64__)
#define HS_MACHINE_REGISTERS 17
#define HS_MACHINE_SP 7
#define HS_MACHINE_IP 16
#define HS_RED_ZONE 128
#else
#define HS_MACHINE_REGISTERS 33
#define HS_MACHINE_SP 31
#define HS_MACHINE_IP 32
#define HS_RED_ZONE 0
#endif

/*
 * clone(2) with `flags`; the child runs function(argument) on the stack that ends at
 * `stack_top` (16-aligned) and must not return. `child_tid` is for CLONE_CHILD_CLEARTID.
 * Returns the pid, or -errno.
 */
long hs_machine_clone(unsigned long flags, void *stack_top, void (*function)(void *),
                      void *argument, int32_t *child_tid);

struct hs_jump {
    uint64_t saved[22];
};

/* As setjmp and longjmp, without signal masks and without libc. */
int hs_machine_mark(struct hs_jump *jump) __attribute__((returns_twice));
void hs_machine_jump(struct hs_jump *jump) __attribute__((noreturn));

/* What the caller's callers may still use: callee-saved registers, sp, ip; others 0. */
void hs_machine_registers(uint64_t registers[HS_REGISTERS_MAX]);

/* sa_restorer for a raw rt_sigaction. */
void hs_machine_restorer(void);

/* The thread pointer of the calling thread. */
static inline uint64_t hs_machine_thread_pointer(void)
{
    uint64_t pointer;
#if defined(__x86_64__)
    __asm__("mov %%fs:0, %0" : "=r"(pointer));
#else
    __asm__("mrs %0, tpidr_el0" : "=r"(pointer));
#endif
    return pointer;
}

/* Registers and vector state as the interrupted code had them, from a handler's third
 * argument. The vector state stays where it is: `ret_vector`, `ret_vector_size`. */
void hs_machine_context(const void *context, uint64_t registers[HS_REGISTERS_MAX],
                        const void **ret_vector, size_t *ret_vector_size);

#endif

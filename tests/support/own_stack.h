// SPDX-License-Identifier: MIT

/*
 * This thread's own stack and registers at one moment, as a captured thread.
 */

#ifndef HEAPSNAP_TESTS_SUPPORT_OWN_STACK_H
#define HEAPSNAP_TESTS_SUPPORT_OWN_STACK_H

#include <stdint.h>
#include <ucontext.h>

#include "tests/support/fake_capture.h"

#if defined(__x86_64__)

#define OWN_STACK_BYTES 16384

struct own_stack {
    ucontext_t context;
    uint64_t start;
    uint8_t bytes[OWN_STACK_BYTES];
};

/* Whole frames with all that lies between their variables: a sanitizer need not look. */
__attribute__((noinline, no_sanitize("address"), unused)) static void
own_stack_take(struct own_stack *own)
{
    getcontext(&own->context);
    own->start = (uint64_t)own->context.uc_mcontext.gregs[REG_RSP];
    const volatile uint8_t *stack = (const uint8_t *)(uintptr_t)own->start;
    for (size_t i = 0; i < OWN_STACK_BYTES; i++)
        own->bytes[i] = stack[i];
}

/* The main thread's stack may be shorter than the copy: begin with this many bytes. */
#define own_stack_reserve()                              \
    do {                                                 \
        char *room_ = __builtin_alloca(OWN_STACK_BYTES); \
        __asm__ volatile("" : : "r"(room_) : "memory");  \
    } while (0)

__attribute__((unused)) static uint32_t own_stack_add(struct fake *fake,
                                                      const struct own_stack *own)
{
    /* DWARF's order of the registers. */
    static const int order[] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI,
                                REG_RBP, REG_RSP, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};
    uint32_t index = fake_thread(fake, 4242, "main");
    fake_stack(fake, index, own->start, own->bytes, OWN_STACK_BYTES);
    struct hs_capture_thread *thread = fake_thread_at(fake, index);
    thread->n_registers = 17;
    for (int i = 0; i < 17; i++)
        thread->registers[i] = (uint64_t)own->context.uc_mcontext.gregs[order[i]];
    return index;
}

#endif

#endif

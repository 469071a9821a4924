// SPDX-License-Identifier: MIT

/*
 * This thread's own stack and registers as a captured thread: a local variable's address
 * must be found in the frame of the function that has it.
 */

#include "heapsnap/symbols.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

#include "tests/support/self_module.h"

struct moment {
    ucontext_t context;
    uint64_t inner_slot, outer_slot;
};

#define STACK_BYTES 16384

static uint8_t stack_copy[STACK_BYTES];
static uint64_t stack_copy_start;

#if defined(__x86_64__)
/* DWARF's order of the registers. */
static const int register_order[] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI,
                                     REG_RBP, REG_RSP, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                     REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};

/* Whole frames with all that lies between their variables: a sanitizer need not look. */
__attribute__((noinline, no_sanitize("address"))) static void copy_stack(void)
{
    const volatile uint8_t *stack = (const uint8_t *)(uintptr_t)stack_copy_start;
    for (size_t i = 0; i < STACK_BYTES; i++)
        stack_copy[i] = stack[i];
}

static void take_moment(struct moment *moment)
{
    getcontext(&moment->context);
    stack_copy_start = (uint64_t)moment->context.uc_mcontext.gregs[REG_RSP];
    copy_stack();
}

__attribute__((noinline)) static void inner_function(struct moment *moment)
{
    volatile long slot[4] = {1, 2, 3, 4};
    moment->inner_slot = (uint64_t)(uintptr_t)&slot[2];
    take_moment(moment);
    slot[0]++;
}

__attribute__((noinline)) static void outer_function(struct moment *moment)
{
    volatile long slot[4] = {1, 2, 3, 4};
    moment->outer_slot = (uint64_t)(uintptr_t)&slot[2];
    inner_function(moment);
    slot[0]++;
}

static void set_registers(struct hs_capture_thread *thread, const ucontext_t *context)
{
    thread->n_registers = 17;
    for (int i = 0; i < 17; i++)
        thread->registers[i] = (uint64_t)context->uc_mcontext.gregs[register_order[i]];
}

/* The whole main thread's stack above may be shorter than the copy. */
static char room[STACK_BYTES];

Test(unwind, a_slot_belongs_to_the_frame_that_has_the_variable)
{
    struct moment moment;
    volatile char *touched = __builtin_alloca(STACK_BYTES); /* so much lies above */
    touched[0] = room[0];
    outer_function(&moment);
    struct fake *fake = fake_create();
    self_module(fake, NULL);
    uint32_t thread = fake_thread(fake, 4242, "main");
    fake_stack(fake, thread, stack_copy_start, stack_copy, STACK_BYTES);
    set_registers(fake_thread_at(fake, thread), &moment.context);
    struct hs_capture capture = fake_open(fake);
    struct hs_symbols *symbols;
    cr_assert(eq(int, hs_symbols_create(&capture, &symbols, NULL), 0));

    const char *inner = hs_symbols_slot(symbols, thread, moment.inner_slot);
    const char *outer = hs_symbols_slot(symbols, thread, moment.outer_slot);

    cr_assert(inner != NULL && outer != NULL);
    cr_expect(eq(int, strncmp(inner, "inner_function() test_unwind.c:", 31), 0), "%s",
              inner);
    cr_expect(eq(int, strncmp(outer, "outer_function() test_unwind.c:", 31), 0), "%s",
              outer);
    hs_symbols_destroy(symbols);
    fake_close(&capture);
    fake_destroy(fake);
}
#endif

Test(unwind, a_thread_that_did_not_stop_has_no_names)
{
    struct fake *fake = fake_create();
    uint32_t thread = fake_thread(fake, 4242, "main");
    fake_thread_at(fake, thread)->stopped = 0;
    struct hs_capture capture = fake_open(fake);
    struct hs_symbols *symbols;
    cr_assert(eq(int, hs_symbols_create(&capture, &symbols, NULL), 0));

    cr_expect(eq(ptr, (void *)hs_symbols_slot(symbols, thread, 0x7ffe0000), NULL));
    cr_expect(eq(ptr, (void *)hs_symbols_slot(symbols, 77, 0x7ffe0000), NULL));
    hs_symbols_destroy(symbols);
    fake_close(&capture);
    fake_destroy(fake);
}

Test(unwind, registers_of_nonsense_end_the_walk_quietly)
{
    struct fake *fake = fake_create();
    self_module(fake, NULL);
    uint32_t thread = fake_thread(fake, 4242, "main");
    uint64_t junk[8] = {0x1111, 0x2222, 0x3333};
    fake_stack(fake, thread, 0x7ffe0000, junk, sizeof(junk));
    struct hs_capture_thread *entry = fake_thread_at(fake, thread);
    entry->n_registers = 33;
    memset(entry->registers, 0xab, sizeof(entry->registers));
    struct hs_capture capture = fake_open(fake);
    struct hs_symbols *symbols;
    cr_assert(eq(int, hs_symbols_create(&capture, &symbols, NULL), 0));

    cr_expect(eq(ptr, (void *)hs_symbols_slot(symbols, thread, 0x7ffe0008), NULL));
    hs_symbols_destroy(symbols);
    fake_close(&capture);
    fake_destroy(fake);
}

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

#include "tests/support/own_stack.h"
#include "tests/support/self_module.h"

#if defined(__x86_64__)
struct moment {
    struct own_stack own;
    uint64_t inner_slot, outer_slot;
};

__attribute__((noinline)) static void inner_function(struct moment *moment)
{
    volatile long slot[4] = {1, 2, 3, 4};
    moment->inner_slot = (uint64_t)(uintptr_t)&slot[2];
    own_stack_take(&moment->own);
    slot[0]++;
}

__attribute__((noinline)) static void outer_function(struct moment *moment)
{
    volatile long slot[4] = {1, 2, 3, 4};
    moment->outer_slot = (uint64_t)(uintptr_t)&slot[2];
    inner_function(moment);
    slot[0]++;
}

Test(unwind, a_slot_belongs_to_the_frame_that_has_the_variable)
{
    static struct moment moment;
    own_stack_reserve();
    outer_function(&moment);
    struct fake *fake = fake_create();
    self_module(fake, NULL);
    uint32_t thread = own_stack_add(fake, &moment.own);
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

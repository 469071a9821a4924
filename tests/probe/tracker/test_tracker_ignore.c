// SPDX-License-Identifier: MIT

/* Stacks below the second root of the trie, and blocks that are moved there. */

#include "probes/tracker/ignore.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "probes/tracker/control.h"
#include "probes/tracker/guard.h"
#include "probes/tracker/live.h"
#include "probes/tracker/thread.h"
#include "tests/support/trie.h"

static uint32_t outer, inner;

static void make_stacks(void)
{
    hs_live_init(4);
    hs_intern_init();
    hs_tracking_is_on = true;
    outer = trie_intern(HS_STACK_NONE, 0x1000);
    inner = trie_intern(outer, 0x2000);
}

static bool keep_stack(const struct hs_live_block *block, void *context)
{
    *(uint32_t *)context = block->stack;
    return true;
}

/* Of the one live block. */
static uint32_t stack_of_block(void)
{
    uint32_t stack = HS_STACK_NONE;
    hs_live_each(keep_stack, &stack);
    return stack;
}

Test(ignore, a_stack_has_one_twin_with_the_same_frames, .init = make_stacks)
{
    uint32_t twin = hs_ignore_stack(inner);
    uint32_t count;
    const struct hs_capture_frame *nodes = hs_stack_nodes(&count);

    cr_expect(ne(u32, twin, inner));
    cr_expect(eq(u64, nodes[twin].address, 0x2000));
    cr_expect(eq(u64, nodes[nodes[twin].parent].address, 0x1000));
    cr_expect(eq(u32, hs_ignore_stack(inner), twin));
    cr_expect(eq(u32, hs_ignore_stack(twin), twin));
}

Test(ignore, only_twins_are_ignored, .init = make_stacks)
{
    cr_expect(not(hs_ignore_is(inner)));

    uint32_t twin = hs_ignore_stack(inner);

    cr_expect(hs_ignore_is(twin));
    cr_expect(hs_ignore_is(hs_ignore_stack(HS_STACK_UNKNOWN)));
    cr_expect(not(hs_ignore_is(inner)));
    cr_expect(not(hs_ignore_is(outer)));
    cr_expect(not(hs_ignore_is(HS_STACK_UNKNOWN)));
}

Test(ignore, begins_are_counted_by_each_thread, .init = make_stacks)
{
    cr_expect(not(hs_ignore_end()));
    hs_ignore_begin();
    hs_ignore_begin();
    cr_expect(hs_ignore_end());
    cr_expect(eq(u32, hs_ignore_depth, 1));
    cr_expect(hs_ignore_end());
    cr_expect(not(hs_ignore_end()));
}

Test(ignore, a_block_is_found_by_any_of_its_bytes_and_by_no_other, .init = make_stacks)
{
    static const uint64_t outside[] = {0x7000f8, 0x6fffff, 0x0};
    static const uint64_t inside[] = {0x700000, 0x700001, 0x7000f7};
    hs_live_insert(0x700000, 0xf8, inner);

    for (int i = 0; i < 3; i++) {
        hs_ignore_block(outside[i]);
        cr_expect(eq(u32, stack_of_block(), inner));
    }
    for (int i = 0; i < 3; i++) {
        hs_live_remove(0x700000, NULL);
        hs_live_insert(0x700000, 0xf8, inner);
        hs_ignore_block(inside[i]);
        cr_expect(eq(u32, stack_of_block(), hs_ignore_stack(inner)));
    }
}

Test(ignore, the_middle_of_a_large_block_is_enough, .init = make_stacks)
{
    hs_live_insert(0x10000000, (uint64_t)1 << 30, inner);

    hs_ignore_block(0x10000000 + (1 << 29));

    cr_expect(hs_ignore_is(stack_of_block()));
}

Test(ignore, a_free_forgets_that_a_block_was_ignored, .init = make_stacks)
{
    hs_live_insert(0x700000, 64, inner);
    hs_ignore_block(0x700000);
    hs_live_remove(0x700000, NULL);

    hs_live_insert(0x700000, 64, inner);

    cr_expect(eq(u32, stack_of_block(), inner));
}

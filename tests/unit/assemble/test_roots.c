// SPDX-License-Identifier: MIT

/*
 * Threads, and the names of what holds a block from outside the heap.
 */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "picture.h"

#define BLOCK "<malloc" NBSP "←" NBSP "(before" NBSP "tracking) 0x1000>"
#define THREAD "<thread 1 \"worker\" tid 4243>"

/* One block at 0x1000 that a thread holds at `address` by a root of `kind`. */
static struct fake *held_by_thread(enum hs_root_kind kind, uint64_t address)
{
    struct fake *fake = fake_create();
    uint32_t thread = fake_thread(fake, 4243, "worker");
    uint8_t bytes[256] = {0};
    fake_stack(fake, thread, 0x7ffe0000, bytes, sizeof(bytes));
    fake_thread_at(fake, thread)->thread_pointer = 0x7fff0000;
    fake_block(fake, 0x1000, 64, HS_STACK_UNKNOWN);
    uint32_t root = fake_root(fake, kind, thread, 0, UINT64_MAX);
    fake_root_edge(fake, root, address, 0, 0);
    return fake;
}

static void expect_edge(const struct hs_snapshot *snapshot, const char *expected)
{
    const char *edge = picture_edge(snapshot, picture_node(snapshot, THREAD),
                                    picture_node(snapshot, BLOCK));
    cr_expect(eq(str, (char *)edge, (char *)expected));
}

Test(roots, a_stack_that_cannot_be_unwound_gives_an_offset)
{
    struct hs_snapshot *snapshot =
        picture_of(held_by_thread(HS_ROOT_STACK, 0x7ffe0040), 1);

    expect_edge(snapshot, "context stack+0x40");
    hs_snapshot_destroy(snapshot);
}

#if defined(__x86_64__)
Test(roots, a_register_is_called_by_its_name)
{
    struct hs_snapshot *snapshot =
        picture_of(held_by_thread(HS_ROOT_REGISTERS, 3 * 8), 1);

    expect_edge(snapshot, "context register rbx");
    hs_snapshot_destroy(snapshot);
}

Test(roots, both_halves_of_a_vector_register_have_its_name)
{
    /* Vector state from number 64 on; xmm0 is 160 bytes into it. */
    uint64_t xmm1 = 64 * 8 + 160 + 16;
    struct hs_snapshot *low = picture_of(held_by_thread(HS_ROOT_REGISTERS, xmm1), 1);
    struct hs_snapshot *high = picture_of(held_by_thread(HS_ROOT_REGISTERS, xmm1 + 8), 1);

    expect_edge(low, "context register xmm1");
    expect_edge(high, "context register xmm1");
    hs_snapshot_destroy(low);
    hs_snapshot_destroy(high);
}
#endif

Test(roots, thread_local_data_is_named_by_its_distance_from_the_thread_pointer)
{
    struct hs_snapshot *below = picture_of(held_by_thread(HS_ROOT_TLS, 0x7ffeffe8), 1);
    struct hs_snapshot *above = picture_of(held_by_thread(HS_ROOT_TLS, 0x7fff0310), 1);

    expect_edge(below, "property TLS-0x18");
    expect_edge(above, "property TLS+0x310");
    hs_snapshot_destroy(below);
    hs_snapshot_destroy(above);
}

Test(roots, a_threads_stack_is_hidden_memory_of_its_own)
{
    struct hs_snapshot *snapshot = picture_of(held_by_thread(HS_ROOT_TLS, 0x7ffeffe8), 1);

    uint32_t stack = picture_node(snapshot, "stack of thread 1");
    cr_expect(eq(u32, snapshot->node_size[stack], 256));
    cr_expect(eq(int, snapshot->node_type[stack], HS_NODE_HIDDEN));
    cr_expect(eq(str,
                 (char *)picture_edge(snapshot, picture_node(snapshot, THREAD), stack),
                 "internal stack"));
    hs_snapshot_destroy(snapshot);
}

Test(roots, data_without_a_symbol_is_named_by_its_place_in_the_module)
{
    struct fake *fake = fake_create();
    uint32_t module = fake_module(fake, "/nowhere/server", 0x400000, 0x500000, 64);
    fake_block(fake, 0x1000, 64, HS_STACK_UNKNOWN);
    fake_block(fake, 0x2000, 64, HS_STACK_UNKNOWN);
    uint32_t root = fake_root(fake, HS_ROOT_MODULE, module, 0x4f0000, 0x4f1000);
    fake_root_edge(fake, root, 0x4f0010, 0, 0);
    fake_root_edge(fake, root, 0x4f0018, 1, 8);

    struct hs_snapshot *snapshot = picture_of(fake, 1);

    uint32_t node = picture_node(snapshot, "server (.data, .bss)");
    cr_expect(eq(str, (char *)picture_edge(snapshot, node, picture_node(snapshot, BLOCK)),
                 "property data+0xf0010"));
    uint32_t inner = picture_node(snapshot, "<malloc" NBSP "←" NBSP "(before" NBSP
                                            "tracking) 0x2000>");
    cr_expect(
        eq(str, (char *)picture_edge(snapshot, node, inner), "internal data+0xf0018"));
    hs_snapshot_destroy(snapshot);
}

/* One block that memory at 0x700000 holds, which is no module's and no thread's. */
static const char *edge_from_other(enum hs_root_kind kind, bool has_owner,
                                   struct hs_snapshot **ret)
{
    struct fake *fake = fake_create();
    uint32_t module = fake_module(fake, "/bin/a", 0x500000, 0x600000, 0x1000);
    fake_block(fake, 0x1000, 64, HS_STACK_UNKNOWN);
    uint32_t data = fake_root(fake, HS_ROOT_MODULE, module, 0x500000, 0x501000);
    uint32_t other = fake_root(fake, kind, UINT32_MAX, 0x700000, 0x701000);
    if (has_owner)
        fake_root_edge(fake, data, 0x500010, 0, 0);
    fake_root_edge(fake, other, 0x700018, 0, 0);
    *ret = picture_of(fake, 1);
    return picture_edge(*ret, picture_node(*ret, "(Mappings)"),
                        picture_node(*ret, BLOCK));
}

Test(roots, other_memory_holds_what_nothing_else_does)
{
    struct hs_snapshot *alone, *borrowed, *declared;

    const char *edge = edge_from_other(HS_ROOT_WEAK, false, &alone);
    cr_expect(eq(str, (char *)edge, "property memory 0x700000+0x18"));
    edge = edge_from_other(HS_ROOT_WEAK, true, &borrowed);
    cr_expect(eq(str, (char *)edge, "weak memory 0x700000+0x18"));
    edge = edge_from_other(HS_ROOT_REGION, true, &declared);
    cr_expect(eq(str, (char *)edge, "property root region 0x700000+0x18"));

    hs_snapshot_destroy(alone);
    hs_snapshot_destroy(borrowed);
    hs_snapshot_destroy(declared);
}

Test(roots, a_stack_only_borrows_what_data_owns)
{
    struct fake *fake = held_by_thread(HS_ROOT_STACK, 0x7ffe0040);
    uint32_t module = fake_module(fake, "/nowhere/server", 0x400000, 0x500000, 64);
    uint32_t data = fake_root(fake, HS_ROOT_MODULE, module, 0x4f0000, 0x4f1000);
    fake_root_edge(fake, data, 0x4f0010, 0, 0);

    struct hs_snapshot *snapshot = picture_of(fake, 1);

    expect_edge(snapshot, "weak stack+0x40");
    hs_snapshot_destroy(snapshot);
}

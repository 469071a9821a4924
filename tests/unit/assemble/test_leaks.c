// SPDX-License-Identifier: MIT

/*
 * (Unreachable: leaked): who is listed, under which stack, and who is not.
 */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "picture.h"

#define NAME(address) "<malloc" NBSP "←" NBSP "server+0x1000 " address ">"

/* Frames of "server", which has no file: they are named by their offsets. */
static struct fake *with_stack(uint32_t *ret_stack)
{
    struct fake *fake = fake_create();
    uint32_t module = fake_module(fake, "/nowhere/server", 0x400000, 0x500000, 64);
    uint32_t caller = fake_frame(fake, 0, 0x402000, module);
    *ret_stack = fake_frame(fake, caller, 0x401000, module);
    return fake;
}

Test(leaks, leaders_of_one_stack_share_one_node_with_their_number)
{
    uint32_t stack;
    struct fake *fake = with_stack(&stack);
    for (uint32_t i = 0; i < 3; i++)
        fake_block(fake, 0x1000 * (i + 1), 100, stack);

    struct hs_snapshot *snapshot = picture_of(fake, 1);

    uint32_t stack_node =
        picture_node(snapshot, "server+0x1000 ← server+0x2000 — 3 blocks");
    uint32_t group = picture_node(snapshot, "(Unreachable: leaked)");
    uint32_t second = picture_node(snapshot, NAME("0x2000"));
    cr_expect(
        eq(str, (char *)picture_edge(snapshot, group, stack_node), "property lost at"));
    cr_expect(eq(str, (char *)picture_edge(snapshot, stack_node, second), "element 2"));
    cr_expect(eq(int, snapshot->node_detachedness[second], HS_DETACHEDNESS_DETACHED));
    hs_snapshot_destroy(snapshot);
}

Test(leaks, followers_hang_from_their_leader_and_are_not_marked)
{
    uint32_t stack;
    struct fake *fake = with_stack(&stack);
    fake_block(fake, 0x1000, 100, stack);
    fake_block(fake, 0x2000, 100, stack);
    fake_edge(fake, 0, 1, 1, 0);

    struct hs_snapshot *snapshot = picture_of(fake, 1);

    uint32_t stack_node =
        picture_node(snapshot, "server+0x1000 ← server+0x2000 — 1 block");
    uint32_t follower = picture_node(snapshot, NAME("0x2000"));
    cr_expect(eq(str, (char *)picture_edge(snapshot, stack_node, follower), "none"));
    cr_expect(eq(
        str,
        (char *)picture_edge(snapshot, picture_node(snapshot, NAME("0x1000")), follower),
        "property +0x8"));
    cr_expect(eq(int, snapshot->node_detachedness[follower], HS_DETACHEDNESS_UNKNOWN));
    hs_snapshot_destroy(snapshot);
}

Test(leaks, live_blocks_are_not_listed)
{
    uint32_t stack;
    struct fake *fake = with_stack(&stack);
    fake_block(fake, 0x1000, 100, stack);
    uint32_t root = fake_root(fake, HS_ROOT_MODULE, 0, 0x4f0000, 0x4f1000);
    fake_root_edge(fake, root, 0x4f0000, 0, 0);

    struct hs_snapshot *snapshot = picture_of(fake, 1);

    uint32_t group = picture_node(snapshot, "(Unreachable: leaked)");
    cr_expect(eq(u32, snapshot->first_edge[group], snapshot->first_edge[group + 1]));
    hs_snapshot_destroy(snapshot);
}

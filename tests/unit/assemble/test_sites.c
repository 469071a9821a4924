// SPDX-License-Identifier: MIT

/*
 * (Allocation sites): the call tree, its counts, and the way back from a block.
 */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "picture.h"

/* main → a (two blocks of 100) and main → b (one of 1600); c has nothing alive. */
static struct fake *two_branches(void)
{
    struct fake *fake = fake_create();
    uint32_t module = fake_module(fake, "/nowhere/server", 0x400000, 0x500000, 64);
    uint32_t main_frame = fake_frame(fake, 0, 0x401000, module);
    uint32_t a = fake_frame(fake, main_frame, 0x40a000, module);
    uint32_t b = fake_frame(fake, main_frame, 0x40b000, module);
    fake_frame(fake, main_frame, 0x40c000, module);
    fake_block(fake, 0x1000, 100, a);
    fake_block(fake, 0x2000, 100, a);
    fake_block(fake, 0x3000, 1600, b);
    uint32_t root = fake_root(fake, HS_ROOT_MODULE, module, 0x4f0000, 0x4f1000);
    for (uint32_t i = 0; i < 3; i++)
        fake_root_edge(fake, root, 0x4f0000 + i * 8, i, 0);
    return fake;
}

Test(sites, counts_and_bytes_include_callees)
{
    struct hs_snapshot *snapshot = picture_of(two_branches(), 1);

    uint32_t group = picture_node(snapshot, "(Allocation sites)");
    uint32_t top = picture_node(snapshot, "server+0x1000 — 3 live, 1.8 kB");
    uint32_t a = picture_node(snapshot, "server+0xa000 — 2 live, 200 B");
    uint32_t b = picture_node(snapshot, "server+0xb000 — 1 live, 1.6 kB");
    cr_expect(eq(str, (char *)picture_edge(snapshot, group, top), "property entry"));
    cr_expect(eq(str, (char *)picture_edge(snapshot, top, a), "property calls"));
    cr_expect(eq(str, (char *)picture_edge(snapshot, b, top), "weak called from"));
    cr_expect(eq(u32, snapshot->node_size[top], 0));
    hs_snapshot_destroy(snapshot);
}

Test(sites, a_block_points_weakly_to_where_it_was_allocated)
{
    struct hs_snapshot *snapshot = picture_of(two_branches(), 1);

    uint32_t block =
        picture_node(snapshot, "<malloc" NBSP "←" NBSP "server+0xb000 0x3000>");
    uint32_t site = picture_node(snapshot, "server+0xb000 — 1 live, 1.6 kB");
    cr_expect(eq(str, (char *)picture_edge(snapshot, block, site), "weak allocated at"));
    hs_snapshot_destroy(snapshot);
}

Test(sites, calls_that_read_the_same_are_one)
{
    struct fake *fake = fake_create();
    uint32_t outer = fake_frame(fake, 0, 0x7f0000001000, UINT32_MAX);
    uint32_t outer_again = fake_frame(fake, 0, 0x7f0000001000, UINT32_MAX);
    uint32_t a = fake_frame(fake, outer, 0x7f0000002000, UINT32_MAX);
    uint32_t b = fake_frame(fake, outer_again, 0x7f0000002000, UINT32_MAX);
    fake_block(fake, 0x1000, 10, a);
    fake_block(fake, 0x2000, 10, b);

    struct hs_snapshot *snapshot = picture_of(fake, 1);

    cr_expect(picture_has_node(snapshot, "JIT 0x7f0000001000 — 2 live, 20 B"));
    picture_node(snapshot, "JIT 0x7f0000002000 — 2 live, 20 B");
    hs_snapshot_destroy(snapshot);
}

Test(sites, stacks_with_nothing_alive_are_left_out)
{
    struct hs_snapshot *snapshot = picture_of(two_branches(), 1);

    for (uint32_t i = 0; i < snapshot->node_count; i++)
        cr_expect(strstr(snapshot->strings[snapshot->node_name[i]], "0xc000") == NULL);
    hs_snapshot_destroy(snapshot);
}

Test(sites, of_a_sample_counts_are_the_estimates)
{
    struct fake *fake = two_branches();
    fake_header(fake)->sample_rate = 4096;
    fake_total(fake, 3, 80, 8000); /* a */
    fake_total(fake, 4, 4, 6400);  /* b */

    struct hs_snapshot *snapshot = picture_of(fake, 1);

    cr_expect(picture_has_node(snapshot, "server+0x1000 — ~84 live, ~14.4 kB"));
    cr_expect(picture_has_node(snapshot, "server+0xb000 — ~4 live, ~6.4 kB"));
    hs_snapshot_destroy(snapshot);
}

Test(sites, say_what_was_ever_allocated_where_nothing_lives_too)
{
    struct fake *fake = two_branches();
    fake_total_ever(fake, 3, 900, 90000); /* a */
    fake_total_ever(fake, 5, 7, 700);     /* c */

    struct hs_snapshot *snapshot = picture_of(fake, 1);

    cr_expect(
        picture_has_node(snapshot, "server+0x1000 — 3 live, 1.8 kB; 907 ever, 90.7 kB"));
    cr_expect(
        picture_has_node(snapshot, "server+0xa000 — 2 live, 200 B; 900 ever, 90.0 kB"));
    cr_expect(picture_has_node(snapshot, "server+0xc000 — 0 live, 0 B; 7 ever, 700 B"));
    hs_snapshot_destroy(snapshot);
}

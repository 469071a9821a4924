// SPDX-License-Identifier: MIT

/* Which node is meant, and the shortest way to it. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "tests/unit/analysis/support.h"

static void expect_path(const char *edges, const char *node, enum hs_holding holding,
                        const char *expected)
{
    struct graph graph = graph_create(edges);
    char text[256];

    enum hs_holding found =
        hs_path_text(graph.analysis, graph_find(&graph, node), text, sizeof(text));

    cr_expect(eq(int, (int)found, (int)holding));
    cr_expect(eq(str, text, (char *)expected));
    graph_destroy(&graph);
}

Test(holders, the_shortest_way_names_fields_slots_and_repeated_steps)
{
    expect_path("r>(g) (g)>top top>list=head list>n1=17 n1>n2=next n2>n3=next n3>v=value "
                "(g)>far far>far2 far2>far3 far3>far4 far4>far5 far5>far6 far6>v",
                "v", HS_HELD, "top → .head → [17] → .next ×2 → .value");
}

Test(holders, offsets_and_sentences_get_no_dot)
{
    expect_path("r>(g) (g)>top top>a=+0x18 a>b=sess_in_main()", "b", HS_HELD,
                "top → +0x18 → sess in main()");
}

Test(holders, of_what_is_lost_the_way_begins_at_the_leader)
{
    static const char edges[] = "r>(Unreachable:_leaked) (Unreachable:_leaked)>(s) "
                                "(s)>a!=1 a!>b=left b>c=right";

    expect_path(edges, "c", HS_HELD_BY_THE_LOST, "@7 → .left → .right");
    expect_path(edges, "a!", HS_HELD_BY_THE_LOST, "@7");
}

Test(holders, to_what_nothing_holds_there_is_no_way)
{
    expect_path("r>(g) (g)>a a~>b", "b", HS_HELD_BY_NOTHING, "");
    expect_path("r>(g) (g)>a", "", HS_HELD_BY_NOTHING, "");
}

static struct hs_snapshot *snapshot_of(const char *const *names, const uint32_t *sizes,
                                       uint32_t count)
{
    struct hs_snapshot_builder *builder;
    struct hs_snapshot *snapshot;
    cr_assert(eq(int, hs_snapshot_builder_create(&builder, NULL), 0));
    hs_snapshot_builder_node(builder, HS_NODE_SYNTHETIC,
                             hs_snapshot_builder_string(builder, ""), 1, 0, 0);
    for (uint32_t i = 0; i < count; i++)
        hs_snapshot_builder_node(builder, HS_NODE_NATIVE,
                                 hs_snapshot_builder_string(builder, names[i]), 2 * i + 3,
                                 sizes[i], 0);
    cr_assert(eq(int, hs_snapshot_builder_finish(builder, NULL, &snapshot, NULL), 0));
    return snapshot;
}

Test(holders, an_address_means_the_smallest_block_around_it)
{
    static const char *const names[] = {"<mmap\u00a0rw-p 0x1000>",
                                        "<struct\u00a0a 0x1100>",
                                        "<struct\u00a0b 0x1120>",
                                        "<big 0x1000 part 2>",
                                        "0x1100",
                                        "<struct c 0x1100 >",
                                        "text 0x3000 ← f (a.c:1)",
                                        "text 0x3000"};
    static const uint32_t sizes[] = {4096, 16, 16, 9, 9, 9, 20, 9};
    struct hs_snapshot *snapshot = snapshot_of(names, sizes, 8);

    cr_expect(eq(u32, hs_node_find_address(snapshot, 0x1100), 2));
    cr_expect(eq(u32, hs_node_find_address(snapshot, 0x110f), 2));
    cr_expect(eq(u32, hs_node_find_address(snapshot, 0x1110), 1));
    cr_expect(eq(u32, hs_node_find_address(snapshot, 0x1120), 3));
    cr_expect(eq(u32, hs_node_find_address(snapshot, 0x2000), HS_ANALYSIS_NONE));
    cr_expect(eq(u32, hs_node_find_address(snapshot, 0x3001), 7));

    hs_snapshot_destroy(snapshot);
}

Test(holders, an_id_means_its_node)
{
    static const char *const names[] = {"a", "b"};
    static const uint32_t sizes[] = {1, 1};
    struct hs_snapshot *snapshot = snapshot_of(names, sizes, 2);

    cr_expect(eq(u32, hs_node_find_id(snapshot, 5), 2));
    cr_expect(eq(u32, hs_node_find_id(snapshot, 6), HS_ANALYSIS_NONE));

    hs_snapshot_destroy(snapshot);
}

Test(holders, an_edge_starts_from_its_node_also_behind_nodes_without_edges)
{
    struct graph graph = graph_create("r>(g) (g)>a (g)>b (g)>c c>d d>a");

    for (uint32_t node = 0; node < graph.snapshot->node_count; node++)
        for (uint32_t e = graph.snapshot->first_edge[node];
             e < graph.snapshot->first_edge[node + 1]; e++)
            cr_expect(eq(u32, hs_edge_find_source(graph.snapshot, e), node));

    graph_destroy(&graph);
}

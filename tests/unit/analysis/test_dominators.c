// SPDX-License-Identifier: MIT

/* Who keeps what alive. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "tests/unit/analysis/support.h"

static void expect_dominator(const struct graph *graph, const char *node,
                             const char *dominator)
{
    cr_expect(eq(str, (char *)graph_dominator(graph, node), (char *)dominator), "of %s",
              node);
}

Test(dominators, what_two_hold_belongs_to_who_holds_both)
{
    struct graph graph = graph_create("r>(g) (g)>a a>b a>c b>d c>d d>e");

    expect_dominator(&graph, "d", "a");
    expect_dominator(&graph, "e", "d");
    cr_expect(eq(int, graph_retained(&graph, "a"), 50));
    cr_expect(eq(int, graph_retained(&graph, "b"), 10));
    cr_expect(eq(int, graph_retained(&graph, "d"), 20));

    graph_destroy(&graph);
}

Test(dominators, the_flow_graph_of_lengauer_and_tarjan)
{
    struct graph graph = graph_create(
        "r>(a) r>b r>c (a)>d b>(a) b>d b>e c>f c>g d>l e>h f>i g>i g>j h>e h>k i>k j>i "
        "k>i k>r l>h");

    static const char *const expected[][2] = {
        {"d", ""},  {"e", ""}, {"f", "c"}, {"g", "c"}, {"h", ""}, {"i", ""},
        {"j", "g"}, {"k", ""}, {"l", "d"}, {"b", ""},  {"c", ""}};
    for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++)
        expect_dominator(&graph, expected[i][0], expected[i][1]);

    graph_destroy(&graph);
}

Test(dominators, weak_edges_and_edges_to_oneself_hold_nothing)
{
    struct graph graph = graph_create("r>(g) (g)>a a>a a>b (g)>c c~>b");

    expect_dominator(&graph, "b", "a");
    cr_expect(eq(int, graph_retained(&graph, "c"), 10));

    graph_destroy(&graph);
}

Test(dominators, what_is_only_weakly_held_hangs_from_the_root_with_what_it_holds)
{
    struct graph graph = graph_create("r>(g) (g)>a a~>b b>c c>d a>d");

    expect_dominator(&graph, "b", "");
    expect_dominator(&graph, "c", "b");
    expect_dominator(&graph, "d", "");
    cr_expect(eq(int, graph_retained(&graph, "b"), 20));

    graph_destroy(&graph);
}

Test(dominators, cycles_that_nothing_holds_hang_from_the_root_and_hold_nothing)
{
    struct graph graph = graph_create("r>(g) (g)>a x>y y>x y>a a>b");

    expect_dominator(&graph, "x", "");
    expect_dominator(&graph, "y", "");
    expect_dominator(&graph, "a", "(g)");
    cr_expect(eq(int, graph_retained(&graph, ""), 40));

    graph_destroy(&graph);
}

Test(dominators, a_list_of_a_hundred_thousand_needs_no_stack)
{
    struct hs_snapshot_builder *builder;
    struct hs_snapshot *snapshot;
    struct hs_analysis *analysis;
    cr_assert(eq(int, hs_snapshot_builder_create(&builder, NULL), 0));
    uint32_t next = hs_snapshot_builder_string(builder, "next");
    const uint32_t count = 100000;
    for (uint32_t i = 0; i < count; i++) {
        hs_snapshot_builder_node(builder, i ? HS_NODE_NATIVE : HS_NODE_SYNTHETIC, next,
                                 2 * i + 1, 1, 0);
        if (i > 0)
            hs_snapshot_builder_edge(builder, i - 1, HS_EDGE_PROPERTY, next, i);
    }
    cr_assert(eq(int, hs_snapshot_builder_finish(builder, NULL, &snapshot, NULL), 0));
    struct hs_analysis_options options = {.with_retained = true};

    cr_assert(eq(int, hs_analysis_create(snapshot, &options, &analysis, NULL), 0));

    cr_expect(eq(u64, analysis->retained[0], count));
    cr_expect(eq(u32, analysis->dominator[count - 1], count - 2));
    hs_analysis_destroy(analysis);
    hs_snapshot_destroy(snapshot);
}

/* The definition, straight: a dominates b when b cannot be reached without a. */
static void check_by_removal(const struct graph *graph)
{
    const struct hs_snapshot *snapshot = graph->snapshot;
    uint32_t count = snapshot->node_count;
    for (uint32_t removed = 1; removed < count; removed++) {
        bool is_seen[GRAPH_NODES] = {[0] = true};
        for (bool is_new = true; is_new;) {
            is_new = false;
            for (uint32_t from = 0; from < count; from++)
                for (uint32_t e = snapshot->first_edge[from];
                     is_seen[from] && e < snapshot->first_edge[from + 1]; e++) {
                    uint32_t to = snapshot->edge_to[e];
                    is_new |= to != removed && !is_seen[to];
                    is_seen[to] |= to != removed;
                }
        }
        for (uint32_t node = 1; node < count; node++) {
            bool dominates = false;
            for (uint32_t up = node; up != 0; up = graph->analysis->dominator[up])
                dominates |= up == removed;
            cr_expect(eq(int, dominates, !is_seen[node]), "%u without %u", node, removed);
        }
    }
}

Test(dominators, agree_with_the_definition_on_random_graphs)
{
    unsigned state = 1;
    for (int round = 0; round < 200; round++) {
        char text[2048] = "";
        size_t used = 0;
        const unsigned nodes = 12;
        for (unsigned i = 1; i < nodes; i++) { /* a tree keeps everything reachable */
            state = state * 1103515245 + 12345;
            used += (size_t)snprintf(text + used, sizeof(text) - used, "n%u>n%u ",
                                     (state >> 16) % i, i);
        }
        for (unsigned i = 0; i < 14; i++) {
            state = state * 1103515245 + 12345;
            unsigned from = (state >> 16) % nodes;
            state = state * 1103515245 + 12345;
            used += (size_t)snprintf(text + used, sizeof(text) - used, "n%u>n%u ", from,
                                     (state >> 16) % nodes);
        }
        struct graph graph = graph_create(text);

        check_by_removal(&graph);

        graph_destroy(&graph);
    }
}

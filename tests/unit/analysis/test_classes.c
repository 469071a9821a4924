// SPDX-License-Identifier: MIT

/* DevTools' names, distances and sums. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "tests/unit/analysis/support.h"

Test(classes, distances_count_from_the_root_when_all_its_children_are_groups)
{
    struct graph graph = graph_create("r>(g) (g)>a a>b b>c a~>d (g)>e e>d");

    cr_expect(eq(int, graph.analysis->distance[graph_find(&graph, "a")], 2));
    cr_expect(eq(int, graph.analysis->distance[graph_find(&graph, "c")], 4));
    cr_expect(eq(int, graph.analysis->distance[graph_find(&graph, "d")], 3));

    graph_destroy(&graph);
}

Test(classes, user_roots_come_before_groups)
{
    struct graph graph = graph_create("r>window window>a r>(g) (g)>b (g)>a");

    cr_expect(eq(int, graph.analysis->distance[graph_find(&graph, "window")], 1));
    cr_expect(eq(int, graph.analysis->distance[graph_find(&graph, "a")], 2));
    cr_expect(eq(int, graph.analysis->distance[graph_find(&graph, "b")],
                 HS_DISTANCE_SYSTEM + 2));

    graph_destroy(&graph);
}

Test(classes, what_no_strong_edge_reaches_has_no_distance)
{
    struct graph graph = graph_create("r>(g) (g)>a a~>b b>c");

    cr_expect(eq(int, graph.analysis->distance[graph_find(&graph, "c")],
                 HS_DISTANCE_UNREACHED));

    graph_destroy(&graph);
}

/* Three nodes a→b→c; names and types are given. */
static struct graph chain(const char *const *names, const enum hs_node_type *types,
                          const uint8_t *detachedness)
{
    struct graph graph;
    struct hs_snapshot_builder *builder;
    cr_assert(eq(int, hs_snapshot_builder_create(&builder, NULL), 0));
    uint32_t next = hs_snapshot_builder_string(builder, "next");
    hs_snapshot_builder_node(builder, HS_NODE_SYNTHETIC,
                             hs_snapshot_builder_string(builder, ""), 1, 0, 0);
    hs_snapshot_builder_node(builder, HS_NODE_SYNTHETIC, next, 3, 0, 0);
    hs_snapshot_builder_edge(builder, 0, HS_EDGE_ELEMENT, 1, 1);
    for (uint32_t i = 0; i < 3; i++) {
        hs_snapshot_builder_node(builder, types[i],
                                 hs_snapshot_builder_string(builder, names[i]), 2 * i + 5,
                                 10, detachedness[i]);
        hs_snapshot_builder_edge(builder, i + 1, HS_EDGE_PROPERTY, next, i + 2);
    }
    struct hs_analysis_options options = {.with_retained = true};
    cr_assert(
        eq(int, hs_snapshot_builder_finish(builder, NULL, &graph.snapshot, NULL), 0));
    cr_assert(
        eq(int, hs_analysis_create(graph.snapshot, &options, &graph.analysis, NULL), 0));
    return graph;
}

Test(classes, text_after_a_space_tells_instances_apart)
{
    static const char *const names[] = {"<thread 1 main>", "<thread 2 worker>",
                                        "<thread>"};
    static const enum hs_node_type types[] = {HS_NODE_NATIVE, HS_NODE_NATIVE,
                                              HS_NODE_OBJECT};
    struct graph graph = chain(names, types, (const uint8_t[3]){0});

    cr_expect(eq(u32, graph_class(&graph, "<thread>")->count, 3));
    cr_expect(eq(u64, graph_class(&graph, "<thread>")->retained, 30),
              "a chain must not count double");

    graph_destroy(&graph);
}

Test(classes, types_have_classes_of_their_own)
{
    static const char *const names[] = {"x", "y", "z"};
    static const enum hs_node_type types[] = {HS_NODE_HIDDEN, HS_NODE_CODE,
                                              HS_NODE_STRING};
    struct graph graph = chain(names, types, (const uint8_t[3]){0});

    cr_expect(eq(u32, graph_class(&graph, "(system)")->count, 1));
    cr_expect(eq(u32, graph_class(&graph, "(compiled code)")->count, 1));
    cr_expect(eq(u32, graph_class(&graph, "(string)")->count, 1));

    graph_destroy(&graph);
}

Test(classes, what_a_detached_node_holds_is_detached_too)
{
    static const char *const names[] = {"request", "<headers 1>", "body"};
    static const enum hs_node_type types[] = {HS_NODE_NATIVE, HS_NODE_NATIVE,
                                              HS_NODE_NATIVE};
    struct graph graph = chain(names, types, (const uint8_t[3]){2, 0, 0});

    cr_expect(eq(u32, graph_class(&graph, "Detached request")->count, 1));
    cr_expect(eq(u32, graph_class(&graph, "Detached <headers>")->count, 1));
    cr_expect(eq(u32, graph_class(&graph, "Detached body")->count, 1));

    graph_destroy(&graph);
}

Test(classes, only_native_nodes_pass_detachedness_on)
{
    static const char *const names[] = {"request", "text", "body"};
    static const enum hs_node_type types[] = {HS_NODE_NATIVE, HS_NODE_STRING,
                                              HS_NODE_NATIVE};
    struct graph graph = chain(names, types, (const uint8_t[3]){2, 0, 0});

    cr_expect(eq(u32, graph_class(&graph, "body")->count, 1));

    graph_destroy(&graph);
}

Test(classes, names_for_people_have_no_control_characters_and_no_tricks)
{
    struct graph graph = graph_create("r>(g) (g)>a");
    char text[64];

    hs_name_text(graph.snapshot,
                 "a\u00a0b\033[31m\xc2\x9b"
                 "c\x7f",
                 text, sizeof(text));
    cr_expect(eq(str, text, "a b?[31m?c?"));
    hs_name_text(graph.snapshot, "ééééé", text, 6);
    cr_expect(eq(str, text, "éé"));

    graph_destroy(&graph);
}

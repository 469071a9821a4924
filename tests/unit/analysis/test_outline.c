// SPDX-License-Identifier: MIT

/* Trees of what a node holds and of who holds it. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "tests/unit/analysis/support.h"

static const struct hs_outline_options contents = {.kind = HS_OUTLINE_CONTENTS,
                                                   .depth = 9};
static const struct hs_outline_options holders = {.kind = HS_OUTLINE_HOLDERS, .depth = 9};

/* "a(b(c+) d^ …2)": rows in brackets below their own; + is folded, ^ elsewhere, @ a cycle,
 * …2 left out. */
static void print_rows(const struct graph *graph, const struct hs_outline *outline,
                       char *text, size_t size)
{
    static const char *const marks[] = {"", "@", "^", "+"};
    const struct hs_snapshot *snapshot = graph->snapshot;
    size_t used = 0;
    uint32_t left[16] = {0};
    for (size_t i = 0; i <= outline->count; i++) {
        const struct hs_outline_row *row = &outline->rows[i];
        uint32_t depth = i < outline->count ? row->depth : 0;
        for (uint32_t above = i > 0 ? outline->rows[i - 1].depth + 1 : 0;
             i > 0 && above > depth; above--) {
            if (left[above - 1] > 0)
                used +=
                    (size_t)snprintf(text + used, size - used, "%s…%u",
                                     text[used - 1] == '(' ? "" : " ", left[above - 1]);
            bool has_rows = text[used - 1] == '(';
            used -= has_rows;
            text[used] = '\0';
            if (!has_rows)
                used += (size_t)snprintf(text + used, size - used, ")");
        }
        if (i == outline->count)
            break;
        const char *name = snapshot->strings[snapshot->node_name[row->node]];
        left[row->depth] = row->left_out;
        used += (size_t)snprintf(text + used, size - used, "%s%s%s(",
                                 i == 0 || text[used - 1] == '(' ? "" : " ",
                                 *name ? name : "r", marks[row->mark]);
    }
}

static void expect_rows(const char *edges, const char *node,
                        const struct hs_outline_options *options, const char *expected)
{
    struct graph graph = graph_create(edges);
    struct hs_outline *outline = NULL;
    char text[512] = "";

    cr_assert(eq(int,
                 hs_outline_create(graph.analysis, *node ? graph_find(&graph, node) : 0,
                                   options, &outline, NULL),
                 0));

    print_rows(&graph, outline, text, sizeof(text));
    cr_expect(eq(str, text, (char *)expected));
    hs_outline_destroy(outline);
    graph_destroy(&graph);
}

Test(outline, what_retains_most_comes_first_then_by_the_edge)
{
    expect_rows("r>(g) (g)>c (g)>b (g)>a a>x a>y b>z", "(g)", &contents,
                "(g)(a(x y) b(z) c)");
    expect_rows("r>(g) (g)>z=10 (g)>y=9 (g)>x=name", "(g)", &contents, "(g)(x y z)");
}

Test(outline, a_cycle_is_cut_where_it_closes)
{
    expect_rows("r>(g) (g)>a a>b b>c c>a", "a", &contents, "a(b(c(a@)))");
    expect_rows("r>(g) (g)>a a>a", "a", &contents, "a(a@)");
}

Test(outline, what_two_hold_is_opened_where_it_is_nearest)
{
    expect_rows("r>(g) (g)>a a>a2 a2>s (g)>s s>t (g)>big big>b1 big>b2 big>b3", "(g)",
                &contents, "(g)(big(b1 b2 b3) a(a2(s^)) s(t))");
}

Test(outline, two_edges_to_one_node_open_it_once)
{
    expect_rows("r>(g) (g)>a a>b=head a>b=tail b>c", "a", &contents, "a(b(c) b^)");
}

Test(outline, two_edges_to_one_node_are_one_row_when_merged)
{
    struct graph graph = graph_create("r>(g) (g)>a a>b=tail a>b=head a>c c>d b>b2 b2>b3");
    struct hs_outline_options options = contents;
    struct hs_outline *outline = NULL;
    char text[128];
    options.is_merged = true;

    hs_outline_create(graph.analysis, graph_find(&graph, "a"), &options, &outline, NULL);

    print_rows(&graph, outline, text, sizeof(text));
    cr_expect(eq(str, text, "a(b(b2(b3)) c(d))"));
    cr_expect(eq(u32, outline->rows[1].repeated, 1));
    cr_expect(eq(u32, outline->rows[4].repeated, 0));
    hs_outline_destroy(outline);
    graph_destroy(&graph);
}

Test(outline, deeper_than_asked_nothing_is_opened)
{
    struct hs_outline_options options = contents;
    options.depth = 2;

    expect_rows("r>(g) (g)>a a>b b>c c>d", "a", &options, "a(b(c+))");
}

Test(outline, more_than_asked_are_counted_with_what_they_alone_retain)
{
    struct graph graph =
        graph_create("r>(g) (g)>l l>a l>b l>c l>s (g)>s a>a1 a1>a2 b>b1 s>s1 s1>s2 s2>s3 "
                     "l>t (g)>t");
    struct hs_outline_options options = contents;
    struct hs_outline *outline = NULL;
    options.top = 2;

    hs_outline_create(graph.analysis, graph_find(&graph, "l"), &options, &outline, NULL);

    cr_expect(eq(u32, outline->rows[0].left_out, 3));
    cr_expect(eq(u64, outline->rows[0].left_out_bytes, 30)); /* b, b1, c; not t */
    cr_expect(outline->rows[1].is_shared);                   /* s */
    hs_outline_destroy(outline);
    graph_destroy(&graph);
}

Test(outline, what_is_small_is_left_out_or_not_opened)
{
    struct hs_outline_options options = contents;

    options.min_bytes = 20;
    expect_rows("r>(g) (g)>a a>b a>c c>d", "a", &options, "a(c(…1) …1)");
    options.min_bytes = 0;
    options.open_bytes = 30;
    expect_rows("r>(g) (g)>a a>b b>c a>d d>e e>f", "a", &options, "a(d(e+) b+)");
}

Test(outline, what_is_shared_is_not_opened_where_only_parts_of_the_whole_are)
{
    struct hs_outline_options options = contents;
    options.open_bytes = 1;

    expect_rows("r>(g) (g)>a a>s (g)>s s>t", "a", &options, "a(s+)");
}

Test(outline, weak_edges_are_shown_when_asked_for_and_never_opened)
{
    struct hs_outline_options options = contents;

    expect_rows("r>(g) (g)>a a~>b b>c", "a", &options, "a");
    options.has_weak = true;
    expect_rows("r>(g) (g)>a a~>b b>c", "a", &options, "a(b+)");
}

static bool is_x(void *data, uint32_t node, uint32_t edge)
{
    const struct hs_snapshot *const *snapshot = data;
    (void)edge;
    return strchr((*snapshot)->strings[(*snapshot)->node_name[node]], 'x') != NULL;
}

Test(outline, a_filter_keeps_what_matches_and_the_way_there)
{
    struct graph graph = graph_create("r>(g) (g)>a a>b b>x1 a>c c>d a>x2");
    struct hs_outline_options options = contents;
    struct hs_outline *outline = NULL;
    char text[128];
    options.matches = is_x;
    options.data = &graph.snapshot;

    hs_outline_create(graph.analysis, graph_find(&graph, "a"), &options, &outline, NULL);

    print_rows(&graph, outline, text, sizeof(text));
    cr_expect(eq(str, text, "a(b(x1) x2)"));
    hs_outline_destroy(outline);
    graph_destroy(&graph);
}

/* ---- holders ---- */

Test(outline, the_nearest_holder_comes_first_and_is_opened_alone)
{
    expect_rows("r>(g) (g)>a a>b b>x (g)>c c>x x>y", "y", &holders, "y(x(c((g)) b+))");
}

Test(outline, all_holders_are_opened_once_when_asked)
{
    struct hs_outline_options options = holders;
    options.is_complete = true;

    expect_rows("r>(g) (g)>a a>b b>x (g)>c c>x c>b x>y", "y", &options,
                "y(x(c((g)) b(a((g)) c^)))");
}

Test(outline, holders_in_a_cycle_are_cut)
{
    struct hs_outline_options options = holders;
    options.is_complete = true;

    expect_rows("r>(g) (g)>a a>b b>c c>a", "a", &options, "a((g) c(b(a@)))");
}

Test(outline, the_root_is_no_holder_worth_a_row)
{
    expect_rows("r>(g) (g)>a", "(g)", &holders, "(g)");
}

Test(outline, of_equally_near_holders_the_later_edge_of_one_name_comes_first)
{
    struct graph graph = graph_create("r>(g) (g)>a a>x=one a>x=two");
    struct hs_outline *outline = NULL;

    hs_outline_create(graph.analysis, graph_find(&graph, "x"), &holders, &outline, NULL);

    cr_assert(ge(sz, outline->count, 3));
    cr_expect(eq(u32, outline->rows[1].edge, outline->rows[outline->count - 1].edge + 1));
    hs_outline_destroy(outline);
    graph_destroy(&graph);
}

Test(outline, two_edges_from_one_holder_are_one_row_when_merged)
{
    struct graph graph = graph_create("r>(g) (g)>a (g)>b a>x=one a>x=two b>x a>b");
    struct hs_outline_options options = holders;
    struct hs_outline *outline = NULL;
    char text[128];
    options.is_merged = true;
    options.is_complete = true;

    hs_outline_create(graph.analysis, graph_find(&graph, "x"), &options, &outline, NULL);

    print_rows(&graph, outline, text, sizeof(text));
    cr_expect(eq(str, text, "x(a((g)) b((g) a^))"));
    cr_expect(eq(u32, outline->rows[1].repeated, 1));
    cr_expect(eq(u32, outline->rows[3].repeated, 0));
    cr_expect(eq(u32, outline->rows[5].repeated, 0));
    hs_outline_destroy(outline);
    graph_destroy(&graph);
}

Test(outline, a_list_of_fifty_thousand_is_no_problem)
{
    struct hs_snapshot_builder *builder;
    struct hs_snapshot *snapshot;
    struct hs_analysis *analysis;
    struct hs_outline *outline = NULL;
    struct hs_outline_options options = contents;
    struct hs_analysis_options with_retained = {.with_retained = true};
    hs_snapshot_builder_create(&builder, NULL);
    uint32_t name = hs_snapshot_builder_string(builder, "n");
    for (uint32_t i = 0; i < 50000; i++)
        hs_snapshot_builder_node(builder, HS_NODE_NATIVE, name, 2 * i + 1, 10, 0);
    for (uint32_t i = 0; i + 1 < 50000; i++)
        hs_snapshot_builder_edge(builder, i, HS_EDGE_PROPERTY, name, i + 1);
    hs_snapshot_builder_finish(builder, NULL, &snapshot, NULL);
    cr_assert(eq(int, hs_analysis_create(snapshot, &with_retained, &analysis, NULL), 0));
    options.depth = UINT32_MAX;

    cr_assert(eq(int, hs_outline_create(analysis, 0, &options, &outline, NULL), 0));

    cr_expect(eq(sz, outline->count, HS_OUTLINE_DEPTH + 1));
    cr_expect(eq(int, (int)outline->rows[HS_OUTLINE_DEPTH].mark, HS_OUTLINE_FOLDED));
    hs_outline_destroy(outline);
    hs_analysis_destroy(analysis);
    hs_snapshot_destroy(snapshot);
}

// SPDX-License-Identifier: MIT

/* What changed, and how it is explained. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <jansson.h>

#include "tests/unit/analysis/support.h"

/*
 * A little server: module data holds a list of sessions by g_sessions; every session has
 * its allocation site; `lost` requests are held by nothing.
 */
static struct graph server(uint32_t sessions, uint32_t lost, uint32_t first_id)
{
    struct graph graph;
    struct hs_snapshot_builder *b;
    cr_assert(eq(int, hs_snapshot_builder_create(&b, NULL), 0));
    static const struct {
        enum hs_node_type type;
        const char *name;
    } fixed[] = {
        {HS_NODE_SYNTHETIC, ""},
        {HS_NODE_SYNTHETIC, "(Modules)"},
        {HS_NODE_SYNTHETIC, "(Unreachable: leaked)"},
        {HS_NODE_SYNTHETIC, "main (server.c:88) — 9 live, 1.7 kB"},
        {HS_NODE_SYNTHETIC, "session_new (session.c:24) — 8 live, 1.7 kB"},
        {HS_NODE_NATIVE, "server (.data, .bss)"},
    };
    for (uint32_t i = 0; i < 6; i++)
        hs_snapshot_builder_node(b, fixed[i].type,
                                 hs_snapshot_builder_string(b, fixed[i].name), 2 * i + 1,
                                 i == 5 ? 100 : 0, 0);
    uint32_t next = hs_snapshot_builder_string(b, "next"),
             at = hs_snapshot_builder_string(b, "allocated at"),
             global = hs_snapshot_builder_string(b, "g_sessions"),
             name = hs_snapshot_builder_string(b, "<struct\u00a0session 0x1>"),
             request = hs_snapshot_builder_string(b, "<struct\u00a0request 0x2>");
    hs_snapshot_builder_edge(b, 0, HS_EDGE_ELEMENT, 1, 1);
    hs_snapshot_builder_edge(b, 0, HS_EDGE_ELEMENT, 2, 2);
    hs_snapshot_builder_edge(b, 1, HS_EDGE_PROPERTY, next, 5);
    hs_snapshot_builder_edge(b, 4, HS_EDGE_WEAK,
                             hs_snapshot_builder_string(b, "called from"), 3);
    for (uint32_t i = 0; i < sessions + lost; i++) {
        bool is_lost = i >= sessions;
        uint32_t node =
            hs_snapshot_builder_node(b, HS_NODE_NATIVE, is_lost ? request : name,
                                     first_id + 2 * i, 50, is_lost ? 2 : 0);
        hs_snapshot_builder_edge(b,
                                 is_lost ? 2
                                 : i     ? node - 1
                                         : 5,
                                 HS_EDGE_PROPERTY, i ? next : global, node);
        hs_snapshot_builder_edge(b, node, HS_EDGE_WEAK, at, 4);
    }
    cr_assert(
        eq(int, hs_snapshot_builder_finish(b, json_object(), &graph.snapshot, NULL), 0));
    cr_assert(
        eq(int, hs_analysis_create(graph.snapshot, NULL, &graph.analysis, NULL), 0));
    return graph;
}

static struct hs_comparison *compare(const struct graph *before,
                                     const struct graph *after, enum hs_comparison_by by)
{
    struct hs_comparison *comparison = NULL;
    cr_assert(
        eq(int,
           hs_comparison_create(before->analysis, after->analysis, by, &comparison, NULL),
           0));
    return comparison;
}

Test(comparison, counts_what_is_new_and_what_is_gone)
{
    struct graph before = server(3, 0, 201), after = server(10, 2, 203);
    struct hs_comparison *comparison = compare(&before, &after, HS_BY_CLASS);

    cr_assert(eq(sz, comparison->row_count, 2));
    struct hs_comparison_row *row = &comparison->rows[0];
    cr_expect(eq(str, (char *)row->name, "<struct\u00a0session>"));
    cr_expect(eq(u32, row->added, 8));
    cr_expect(eq(u32, row->removed, 1));
    cr_expect(eq(u64, row->added_bytes, 400));
    cr_expect(eq(u64, row->removed_bytes, 50));
    cr_expect(eq(u32, row->count_before, 3));
    cr_expect(eq(u64, row->bytes_after, 500));
    cr_expect(
        eq(str, (char *)comparison->rows[1].name, "Detached <struct\u00a0request>"));

    hs_comparison_destroy(comparison);
    graph_destroy(&before);
    graph_destroy(&after);
}

Test(comparison, a_quiet_program_has_no_rows)
{
    struct graph before = server(3, 1, 201), after = server(3, 1, 201);
    struct hs_comparison *comparison = compare(&before, &after, HS_BY_CLASS);

    cr_expect(eq(sz, comparison->row_count, 0));

    hs_comparison_destroy(comparison);
    graph_destroy(&before);
    graph_destroy(&after);
}

Test(comparison, sites_have_no_running_totals_in_their_names)
{
    struct graph before = server(3, 0, 201), after = server(4, 1, 201);
    struct hs_comparison *comparison = compare(&before, &after, HS_BY_SITE);

    cr_assert(eq(sz, comparison->row_count, 1));
    cr_expect(eq(str, (char *)comparison->rows[0].name, "session_new (session.c:24)"));
    cr_expect(eq(u32, comparison->rows[0].added, 2));

    hs_comparison_destroy(comparison);
    graph_destroy(&before);
    graph_destroy(&after);
}

Test(comparison, modules_own_what_their_data_holds_and_the_lost_are_apart)
{
    struct graph before = server(3, 0, 201), after = server(9, 1, 201);
    struct hs_comparison *comparison = compare(&before, &after, HS_BY_MODULE);

    cr_assert(eq(sz, comparison->row_count, 2));
    cr_expect(eq(str, (char *)comparison->rows[0].name, "server"));
    cr_expect(eq(str, (char *)comparison->rows[1].name, "(lost)"));

    hs_comparison_destroy(comparison);
    graph_destroy(&before);
    graph_destroy(&after);
}

Test(comparison, a_holder_is_told_from_the_global_on)
{
    struct graph after = server(40, 1, 201);
    char text[256];

    cr_expect(hs_holder_text(after.analysis, 6, text, sizeof(text)));
    cr_expect(eq(str, text, "g_sessions (server)"));
    cr_expect(hs_holder_text(after.analysis, 6 + 39, text, sizeof(text)));
    cr_expect(eq(str, text, "g_sessions (server) → .next ×39"));
    cr_expect(not(hs_holder_text(after.analysis, 6 + 40, text, sizeof(text))),
              "a lost block has no holder");

    graph_destroy(&after);
}

Test(comparison, a_stack_is_told_from_the_innermost_frame_on)
{
    struct graph after = server(2, 0, 201);
    char text[256];

    uint32_t site = hs_site_find(after.snapshot, 6);
    hs_site_text(after.snapshot, site, text, sizeof(text));

    cr_expect(eq(str, text, "session_new (session.c:24) ← main (server.c:88)"));
    hs_site_text(after.snapshot, site, text, 10);
    cr_expect(lt(sz, strlen(text), 10));
    graph_destroy(&after);
}

Test(comparison, names_of_our_own_classes_lose_their_brackets_for_people)
{
    struct graph own = server(1, 0, 201);
    char text[64];

    hs_name_text(own.snapshot, "Detached <struct\u00a0request>", text, sizeof(text));

    cr_expect(eq(str, text, "Detached struct request"));
    graph_destroy(&own);
}

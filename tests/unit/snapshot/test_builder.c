// SPDX-License-Identifier: MIT

/* From additions in any order to columns. */

#include "heapsnap/snapshot.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static struct hs_snapshot_builder *create(void)
{
    struct hs_snapshot_builder *builder = NULL;
    cr_assert(eq(int, hs_snapshot_builder_create(&builder, NULL), 0));
    return builder;
}

static uint32_t add_node(struct hs_snapshot_builder *builder, const char *name)
{
    return hs_snapshot_builder_node(builder, HS_NODE_NATIVE,
                                    hs_snapshot_builder_string(builder, name), 1, 16, 0);
}

static struct hs_snapshot *finish(struct hs_snapshot_builder *builder)
{
    struct hs_snapshot *snapshot = NULL;
    struct hs_error err = {0};
    cr_assert(eq(int, hs_snapshot_builder_finish(builder, NULL, &snapshot, &err), 0),
              "%s", err.text);
    return snapshot;
}

Test(builder, equal_texts_share_one_string)
{
    struct hs_snapshot_builder *builder = create();

    uint32_t first = hs_snapshot_builder_string(builder, "struct session");
    uint32_t other = hs_snapshot_builder_string(builder, "struct sessions");
    uint32_t again = hs_snapshot_builder_string(builder, "struct session");

    cr_expect(eq(u32, first, again));
    cr_expect(ne(u32, first, other));
    hs_snapshot_builder_destroy(builder);
}

Test(builder, many_strings_stay_what_they_were)
{
    struct hs_snapshot_builder *builder = create();
    add_node(builder, "");
    char text[32];
    uint32_t first = hs_snapshot_builder_string(builder, "0");
    for (uint32_t i = 1; i < 20000; i++) {
        snprintf(text, sizeof(text), "%u", i);
        cr_assert(eq(u32, hs_snapshot_builder_string(builder, text), first + i));
    }

    struct hs_snapshot *snapshot = finish(builder);

    for (uint32_t i = 0; i < 20000; i++) {
        snprintf(text, sizeof(text), "%u", i);
        cr_assert(eq(str, (char *)snapshot->strings[first + i], text));
    }
    hs_snapshot_destroy(snapshot);
}

Test(builder, bytes_that_are_no_utf8_are_replaced)
{
    struct hs_snapshot_builder *builder = create();
    static const struct {
        const char *given, *kept;
    } cases[] = {
        {"caf\xc3\xa9", "café"},
        {"caf\xe9", "caf\xef\xbf\xbd"},
        {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},                   /* overlong */
        {"\xed\xa0\x80!", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd!"}, /* surrogate */
        {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
        {"cut \xf0\x9f\x98", "cut \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    };
    size_t count = sizeof(cases) / sizeof(*cases);
    uint32_t numbers[sizeof(cases) / sizeof(*cases)];
    add_node(builder, "");
    for (size_t i = 0; i < count; i++)
        numbers[i] = hs_snapshot_builder_string(builder, cases[i].given);

    struct hs_snapshot *snapshot = finish(builder);

    for (size_t i = 0; i < count; i++)
        cr_expect(eq(str, (char *)snapshot->strings[numbers[i]], (char *)cases[i].kept));
    hs_snapshot_destroy(snapshot);
}

Test(builder, edges_in_any_order_are_grouped_by_source_and_keep_their_order)
{
    struct hs_snapshot_builder *builder = create();
    uint32_t root = add_node(builder, ""), a = add_node(builder, "a"),
             b = add_node(builder, "b");
    static const uint32_t from[] = {2, 0, 1, 2, 0, 2}, to[] = {0, 1, 2, 1, 2, 2};
    for (uint32_t i = 0; i < 6; i++)
        hs_snapshot_builder_edge(builder, from[i], HS_EDGE_ELEMENT, i, to[i]);

    struct hs_snapshot *snapshot = finish(builder);

    static const uint32_t first[] = {0, 2, 3, 6}, names[] = {1, 4, 2, 0, 3, 5};
    cr_expect(root == 0 && a == 1 && b == 2);
    for (uint32_t i = 0; i < 4; i++)
        cr_expect(eq(u32, snapshot->first_edge[i], first[i]));
    for (uint32_t i = 0; i < 6; i++) {
        cr_expect(eq(u32, snapshot->edge_name[i], names[i]));
        cr_expect(eq(u32, snapshot->edge_to[i], to[names[i]]));
    }
    hs_snapshot_destroy(snapshot);
}

Test(builder, edges_in_order_need_no_sorting)
{
    struct hs_snapshot_builder *builder = create();
    add_node(builder, "");
    add_node(builder, "a");
    hs_snapshot_builder_edge(builder, 0, HS_EDGE_ELEMENT, 5, 1);
    hs_snapshot_builder_edge(builder, 1, HS_EDGE_ELEMENT, 6, 0);

    struct hs_snapshot *snapshot = finish(builder);

    cr_expect(eq(u32, snapshot->first_edge[1], 1));
    cr_expect(eq(u32, snapshot->first_edge[2], 2));
    cr_expect(eq(u32, snapshot->edge_name[1], 6));
    hs_snapshot_destroy(snapshot);
}

Test(builder, a_node_can_be_renamed_until_the_end)
{
    struct hs_snapshot_builder *builder = create();
    uint32_t node = add_node(builder, "f (a.c:1)");
    hs_snapshot_builder_rename(builder, node,
                               hs_snapshot_builder_string(builder, "f (a.c:1) — 3 live"));

    struct hs_snapshot *snapshot = finish(builder);

    cr_expect(eq(str, (char *)snapshot->strings[snapshot->node_name[node]],
                 "f (a.c:1) — 3 live"));
    hs_snapshot_destroy(snapshot);
}

Test(builder, mistakes_come_out_at_the_end_and_metadata_is_not_leaked)
{
    struct hs_snapshot *snapshot = NULL;
    struct hs_error err = {0};
    struct hs_snapshot_builder *builder = create();
    add_node(builder, "");
    hs_snapshot_builder_edge(builder, 0, HS_EDGE_ELEMENT, 0, 7);

    int result = hs_snapshot_builder_finish(builder, json_object(), &snapshot, &err);

    cr_expect(eq(int, result, -EINVAL));
    cr_expect(eq(str, err.text, "edge 0 joins a node that was never added"));
    cr_expect(eq(ptr, snapshot, NULL));
    cr_expect(
        eq(int, hs_snapshot_builder_finish(create(), NULL, &snapshot, NULL), -EINVAL),
        "a snapshot without a root");
}

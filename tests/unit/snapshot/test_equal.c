// SPDX-License-Identifier: MIT

/* Whatever differs between two snapshots is noticed, and named. */

#include "heapsnap/snapshot.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <jansson.h>
#include <string.h>

static struct hs_snapshot *old, *new;

static void load_twice(void)
{
    static const char path[] = GOLDEN "/valid/allocation-traces/input.heapsnapshot";
    cr_assert(eq(int, hs_snapshot_load(path, &old, NULL), 0));
    cr_assert(eq(int, hs_snapshot_load(path, &new, NULL), 0));
}

static void destroy_both(void)
{
    hs_snapshot_destroy(old);
    hs_snapshot_destroy(new);
}

static void expect_difference(const char *what)
{
    struct hs_error err = {0};
    cr_expect(eq(int, hs_snapshot_equal(old, new, &err), 0), "%s", what);
    cr_expect(strstr(err.text, what) != NULL, "%s, not %s", err.text, what);
}

/* Change one entry, see that it is noticed, and take the change back. */
#define EXPECT_NOTICED(entry, what) \
    do {                            \
        entry ^= 1;                 \
        expect_difference(what);    \
        entry ^= 1;                 \
    } while (0)

TestSuite(equal, .init = load_twice, .fini = destroy_both);

Test(equal, a_file_says_the_same_as_itself)
{
    cr_expect(eq(int, hs_snapshot_equal(old, new, NULL), 1));
}

Test(equal, a_change_in_any_column_is_noticed)
{
    uint32_t node = new->node_count - 1, edge = new->edge_count - 1;
    EXPECT_NOTICED(new->node_type[node], "type of node");
    EXPECT_NOTICED(new->node_name[node], "name of node");
    EXPECT_NOTICED(new->node_id[node], "id of node");
    EXPECT_NOTICED(new->node_size[node], "size of node");
    EXPECT_NOTICED(new->node_detachedness[node], "detachedness of node");
    EXPECT_NOTICED(new->node_trace[node], "trace of node");
    EXPECT_NOTICED(new->first_edge[node], "first edge of node");
    EXPECT_NOTICED(new->edge_type[edge], "type of edge");
    EXPECT_NOTICED(new->edge_name[edge], "name of edge");
    EXPECT_NOTICED(new->edge_to[edge], "target of edge");
    cr_expect(eq(int, hs_snapshot_equal(old, new, NULL), 1));
}

Test(equal, a_change_in_what_is_no_column_is_noticed)
{
    EXPECT_NOTICED(new->root, "root");
    EXPECT_NOTICED(new->extra_native_bytes, "extra_native_bytes");
    EXPECT_NOTICED(new->trace_functions[1].line, "trace function 1");
    EXPECT_NOTICED(new->trace_nodes[1].size, "size of trace node 1");
    EXPECT_NOTICED(new->trace_nodes[1].parent, "parent of trace node 1");
    EXPECT_NOTICED(new->string_count, "string count");

    const char *text = new->strings[1];
    new->strings[1] = "another";
    expect_difference("string 1");
    new->strings[1] = text;
    json_object_set_new(new->metadata, "more", json_true());
    expect_difference("metadata");
}

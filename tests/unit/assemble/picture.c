// SPDX-License-Identifier: MIT

/*
 * Linear searches: the heaps of these tests have a dozen blocks.
 */

#include "picture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heapsnap/assemble.h"

static int by_number(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

static void expect_unique_ids(const struct hs_snapshot *snapshot)
{
    uint32_t *ids = calloc(snapshot->node_count, sizeof(*ids));
    memcpy(ids, snapshot->node_id, snapshot->node_count * sizeof(*ids));
    qsort(ids, snapshot->node_count, sizeof(*ids), by_number);
    for (uint32_t i = 1; i < snapshot->node_count; i++)
        cr_expect(ids[i] != ids[i - 1], "id %u is given twice", ids[i]);
    free(ids);
}

static void expect_only_groups_below_root(const struct hs_snapshot *snapshot)
{
    for (uint32_t i = snapshot->first_edge[0]; i < snapshot->first_edge[1]; i++) {
        uint32_t child = snapshot->edge_to[i];
        cr_expect(eq(int, snapshot->node_type[child], HS_NODE_SYNTHETIC));
        for (uint32_t j = snapshot->first_edge[0]; j < i; j++)
            cr_expect(snapshot->edge_to[j] != child, "the root has two edges to a node");
    }
}

static void expect_all_reachable(const struct hs_snapshot *snapshot)
{
    uint8_t *reached = calloc(snapshot->node_count, 1);
    uint32_t *pending = calloc(snapshot->node_count, sizeof(*pending));
    uint32_t count = 1;
    reached[0] = 1;
    while (count > 0) {
        uint32_t node = pending[--count];
        for (uint32_t i = snapshot->first_edge[node]; i < snapshot->first_edge[node + 1];
             i++) {
            uint32_t to = snapshot->edge_to[i];
            if (snapshot->edge_type[i] == HS_EDGE_WEAK || reached[to])
                continue;
            reached[to] = 1;
            pending[count++] = to;
        }
    }
    for (uint32_t i = 0; i < snapshot->node_count; i++)
        cr_expect(reached[i], "nothing holds %s",
                  snapshot->strings[snapshot->node_name[i]]);
    free(pending);
    free(reached);
}

struct hs_snapshot *picture_of(struct fake *fake, int instance_names)
{
    struct hs_capture capture = fake_open(fake);
    struct hs_assemble_options options = {.instance_names = instance_names};
    struct hs_snapshot *snapshot = NULL;
    struct hs_error err = {0};
    cr_assert(eq(int, hs_assemble(&capture, &options, &snapshot, &err), 0), "%s",
              err.text);
    fake_close(&capture);
    fake_destroy(fake);
    expect_unique_ids(snapshot);
    expect_only_groups_below_root(snapshot);
    expect_all_reachable(snapshot);
    return snapshot;
}

static uint32_t find_nodes(const struct hs_snapshot *snapshot, const char *name,
                           uint32_t *ret)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < snapshot->node_count; i++) {
        if (strcmp(snapshot->strings[snapshot->node_name[i]], name) != 0)
            continue;
        *ret = i;
        count++;
    }
    return count;
}

uint32_t picture_node(const struct hs_snapshot *snapshot, const char *name)
{
    uint32_t node = 0;
    uint32_t count = find_nodes(snapshot, name, &node);
    if (count != 1)
        for (uint32_t i = 0; i < snapshot->node_count; i++)
            fprintf(stderr, "  %s\n", snapshot->strings[snapshot->node_name[i]]);
    cr_assert(eq(u32, count, 1), "%u nodes are named %s", count, name);
    return node;
}

bool picture_has_node(const struct hs_snapshot *snapshot, const char *name)
{
    uint32_t node;
    return find_nodes(snapshot, name, &node) > 0;
}

const char *picture_edge(const struct hs_snapshot *snapshot, uint32_t from, uint32_t to)
{
    static const char *const types[] = {"context", "element",  "property", "internal",
                                        "hidden",  "shortcut", "weak"};
    static char text[512];
    uint32_t count = 0;
    snprintf(text, sizeof(text), "none");
    for (uint32_t i = snapshot->first_edge[from]; i < snapshot->first_edge[from + 1];
         i++) {
        if (snapshot->edge_to[i] != to)
            continue;
        const char *type = types[snapshot->edge_type[i]];
        if (snapshot->edge_type[i] == HS_EDGE_ELEMENT)
            snprintf(text, sizeof(text), "%s %u", type, snapshot->edge_name[i]);
        else
            snprintf(text, sizeof(text), "%s %s", type,
                     snapshot->strings[snapshot->edge_name[i]]);
        count++;
    }
    return count > 1 ? "several" : text;
}

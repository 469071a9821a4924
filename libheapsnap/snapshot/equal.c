// SPDX-License-Identifier: MIT

/*
 * Do two snapshots say the same? What reader and writer are tested with: whatever was read,
 * written and read again must not have changed. Columns are compared, not files.
 */

#include "heapsnap/snapshot.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

struct pair {
    const struct hs_snapshot *old, *new;
    struct hs_error *err;
};

static bool same(const struct pair *pair, const char *what, uint64_t old, uint64_t new)
{
    if (old == new)
        return true;
    hs_error_set(pair->err, EINVAL, "%s: %" PRIu64 " became %" PRIu64, what, old, new);
    return false;
}

/* The same for entry `i` of a column. */
static bool same_at(const struct pair *pair, const char *what, uint32_t i, uint64_t old,
                    uint64_t new)
{
    if (old == new)
        return true;
    hs_error_set(pair->err, EINVAL, "%s %" PRIu32 ": %" PRIu64 " became %" PRIu64, what,
                 i, old, new);
    return false;
}

static bool same_column(const struct pair *pair, const char *what, const uint32_t *old,
                        const uint32_t *new, uint32_t count)
{
    if (memcmp(old, new, (size_t)count * sizeof(*old)) == 0)
        return true;
    uint32_t i = 0;
    while (old[i] == new[i])
        i++;
    return same_at(pair, what, i, old[i], new[i]);
}

static bool same_bytes(const struct pair *pair, const char *what, const uint8_t *old,
                       const uint8_t *new, uint32_t count)
{
    if (memcmp(old, new, count) == 0)
        return true;
    uint32_t i = 0;
    while (old[i] == new[i])
        i++;
    return same_at(pair, what, i, old[i], new[i]);
}

static bool same_counts(const struct pair *pair)
{
    const struct hs_snapshot *old = pair->old, *new = pair->new;
    return same(pair, "node count", old->node_count, new->node_count)
           && same(pair, "edge count", old->edge_count, new->edge_count)
           && same(pair, "string count", old->string_count, new->string_count)
           && same(pair, "location count", old->location_count, new->location_count)
           && same(pair, "trace function count", old->trace_function_count,
                   new->trace_function_count)
           && same(pair, "trace node count", old->trace_node_count, new->trace_node_count)
           && same(pair, "count of other types", old->other_type_count,
                   new->other_type_count)
           && same(pair, "root", old->root, new->root)
           && same(pair, "extra_native_bytes", old->extra_native_bytes,
                   new->extra_native_bytes);
}

/* Without traces the column means nothing; one that is missing is one of zeros. */
static bool same_node_traces(const struct pair *pair)
{
    const uint32_t *old = pair->old->node_trace, *new = pair->new->node_trace;
    if (pair->old->trace_function_count == 0)
        return true;
    for (uint32_t i = 0; i < pair->old->node_count; i++)
        if (!same_at(pair, "trace of node", i, old ? old[i] : 0, new ? new[i] : 0))
            return false;
    return true;
}

static bool same_nodes(const struct pair *pair)
{
    const struct hs_snapshot *old = pair->old, *new = pair->new;
    uint32_t count = old->node_count;
    return same_bytes(pair, "type of node", old->node_type, new->node_type, count)
           && same_column(pair, "name of node", old->node_name, new->node_name, count)
           && same_column(pair, "id of node", old->node_id, new->node_id, count)
           && same_column(pair, "size of node", old->node_size, new->node_size, count)
           && same_bytes(pair, "detachedness of node", old->node_detachedness,
                         new->node_detachedness, count)
           && same_column(pair, "first edge of node", old->first_edge, new->first_edge,
                          count + 1)
           && same_node_traces(pair);
}

static uint8_t written_type(uint8_t type)
{
    return type == HS_EDGE_OTHER ? HS_EDGE_PROPERTY : type;
}

static bool same_edges(const struct pair *pair)
{
    const struct hs_snapshot *old = pair->old, *new = pair->new;
    for (uint32_t i = 0; i < old->edge_count; i++)
        if (!same_at(pair, "type of edge", i, written_type(old->edge_type[i]),
                     written_type(new->edge_type[i])))
            return false;
    return same_column(pair, "name of edge", old->edge_name, new->edge_name,
                       old->edge_count)
           && same_column(pair, "target of edge", old->edge_to, new->edge_to,
                          old->edge_count);
}

static bool same_texts(const struct pair *pair)
{
    const struct hs_snapshot *old = pair->old, *new = pair->new;
    for (uint32_t i = 0; i < old->string_count; i++)
        if (strcmp(old->strings[i], new->strings[i]) != 0) {
            hs_error_set(pair->err, EINVAL, "string %" PRIu32 " has another text", i);
            return false;
        }
    for (uint32_t i = 0; i < old->other_type_count; i++)
        if (strcmp(old->other_types[i], new->other_types[i]) != 0) {
            hs_error_set(pair->err, EINVAL, "type %" PRIu32 " has another name", i);
            return false;
        }
    if (json_equal(old->metadata, new->metadata))
        return true;
    hs_error_set(pair->err, EINVAL, "the metadata is another");
    return false;
}

static bool same_traces(const struct pair *pair)
{
    const struct hs_snapshot *old = pair->old, *new = pair->new;
    for (uint32_t i = 0; i < old->trace_function_count; i++)
        if (memcmp(&old->trace_functions[i], &new->trace_functions[i],
                   sizeof(*old->trace_functions))
            != 0)
            return same_at(pair, "trace function", i, 0, 1);
    for (uint32_t i = 0; i < old->trace_node_count; i++) {
        const struct hs_trace_node *a = &old->trace_nodes[i], *b = &new->trace_nodes[i];
        if (!same_at(pair, "id of trace node", i, a->id, b->id)
            || !same_at(pair, "function of trace node", i, a->function, b->function)
            || !same_at(pair, "parent of trace node", i, a->parent, b->parent)
            || !same_at(pair, "count of trace node", i, a->count, b->count)
            || !same_at(pair, "size of trace node", i, a->size, b->size))
            return false;
    }
    return true;
}

static bool same_locations(const struct pair *pair)
{
    const struct hs_snapshot *old = pair->old, *new = pair->new;
    for (uint32_t i = 0; i < old->location_count; i++) {
        const struct hs_location *a = &old->locations[i], *b = &new->locations[i];
        if (!same_at(pair, "node of location", i, a->node, b->node)
            || !same_at(pair, "script of location", i, a->script_id, b->script_id)
            || !same_at(pair, "line of location", i, a->line, b->line)
            || !same_at(pair, "column of location", i, a->column, b->column))
            return false;
    }
    return true;
}

bool hs_snapshot_equal(const struct hs_snapshot *old, const struct hs_snapshot *new,
                       struct hs_error *err)
{
    struct pair pair = {old, new, err};
    return same_counts(&pair) && same_nodes(&pair) && same_edges(&pair)
           && same_texts(&pair) && same_traces(&pair) && same_locations(&pair);
}

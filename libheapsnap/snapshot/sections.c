// SPDX-License-Identifier: MIT

/*
 * Nodes, edges, strings and locations. Numbers go from the text into their columns in one
 * pass; limits are checked where a number is read, so that the message has its offset,
 * except for what only a later section can tell (see load.c).
 */

#include "libheapsnap/snapshot/sections.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/base/array.h"
#include "libheapsnap/snapshot/storage.h"

bool hs_section_no_memory(const struct hs_cursor *cursor)
{
    hs_error_set(cursor->err, ENOMEM, "no memory to load %s", cursor->path);
    return false;
}

/* One tuple. Fields have no common limit, so only what no column can hold is refused. */
static bool read_row(struct hs_cursor *cursor, unsigned width, bool is_first,
                     uint64_t *row, const char *what)
{
    for (unsigned i = 0; i < width; i++)
        if (!hs_cursor_number(cursor, is_first && i == 0, &row[i], UINT64_MAX, what))
            return false;
    return true;
}

static bool is_id_fit(const struct hs_cursor *cursor, uint64_t number, const char *what)
{
    return number <= UINT32_MAX
           || hs_cursor_fail(cursor, "%s before this is %llu, more than 32 bits", what,
                             (unsigned long long)number);
}

static bool store_node(const struct hs_cursor *cursor, const struct hs_layout *layout,
                       const uint64_t *row, struct hs_snapshot *snapshot, uint32_t node)
{
    const int *at = layout->node.at;
    uint64_t type = row[at[HS_NODE_TYPE_AT]], size = row[at[HS_NODE_SIZE_AT]];
    if (type >= layout->node_types)
        return hs_cursor_fail(cursor, "node %u before this has type %llu of %u", node,
                              (unsigned long long)type, layout->node_types);
    if (!is_id_fit(cursor, row[at[HS_NODE_NAME_AT]], "a node's name")
        || !is_id_fit(cursor, row[at[HS_NODE_ID_AT]], "a node's id"))
        return false;
    uint64_t first = snapshot->first_edge[node], edges = row[at[HS_NODE_EDGES_AT]];
    if (edges > layout->edge_count - first)
        return hs_cursor_fail(cursor,
                              "the nodes up to this have more edges than the %llu "
                              "of edge_count",
                              (unsigned long long)layout->edge_count);
    snapshot->first_edge[node + 1] = (uint32_t)(first + edges);
    snapshot->node_type[node] = layout->node_type[type];
    snapshot->node_name[node] = (uint32_t)row[at[HS_NODE_NAME_AT]];
    snapshot->node_id[node] = (uint32_t)row[at[HS_NODE_ID_AT]];
    /* V8 may describe more than 4 GiB in one node; our columns then say "4 GiB". */
    snapshot->node_size[node] = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
    if (at[HS_NODE_DETACHEDNESS_AT] >= 0)
        snapshot->node_detachedness[node] = row[at[HS_NODE_DETACHEDNESS_AT]] & 3;
    if (snapshot->node_trace) {
        if (!is_id_fit(cursor, row[at[HS_NODE_TRACE_AT]], "a node's trace_node_id"))
            return false;
        snapshot->node_trace[node] = (uint32_t)row[at[HS_NODE_TRACE_AT]];
    }
    return true;
}

bool hs_section_nodes(struct hs_cursor *cursor, const struct hs_layout *layout,
                      struct hs_snapshot *snapshot)
{
    size_t count = layout->node_count;
    snapshot->node_type = malloc(count);
    snapshot->node_name = malloc(count * sizeof(uint32_t));
    snapshot->node_id = malloc(count * sizeof(uint32_t));
    snapshot->node_size = malloc(count * sizeof(uint32_t));
    snapshot->node_detachedness = calloc(count, 1);
    snapshot->first_edge = malloc((count + 1) * sizeof(uint32_t));
    if (layout->node.at[HS_NODE_TRACE_AT] >= 0 && layout->trace_function_count > 0) {
        snapshot->node_trace = malloc(count * sizeof(uint32_t));
        if (!snapshot->node_trace)
            return hs_section_no_memory(cursor);
    }
    if (!snapshot->node_type || !snapshot->node_name || !snapshot->node_id
        || !snapshot->node_size || !snapshot->node_detachedness || !snapshot->first_edge)
        return hs_section_no_memory(cursor);

    snapshot->has_no_detachedness = layout->node.at[HS_NODE_DETACHEDNESS_AT] < 0;
    uint64_t row[HS_LAYOUT_FIELDS];
    snapshot->node_count = (uint32_t)count;
    snapshot->first_edge[0] = 0;
    if (!hs_cursor_numbers_begin(cursor))
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!read_row(cursor, layout->node.width, i == 0, row, "numbers of a node")
            || !store_node(cursor, layout, row, snapshot, i))
            return false;
    if (!hs_cursor_numbers_finish(cursor, "']' after the last of node_count nodes"))
        return false;
    if (snapshot->first_edge[count] != layout->edge_count)
        return hs_cursor_fail(cursor, "the nodes have %u edges, but edge_count is %llu",
                              snapshot->first_edge[count],
                              (unsigned long long)layout->edge_count);
    return true;
}

static bool store_edge(const struct hs_cursor *cursor, const struct hs_layout *layout,
                       const uint64_t *row, struct hs_snapshot *snapshot, uint32_t edge)
{
    const int *at = layout->edge.at;
    uint64_t type = row[at[HS_EDGE_TYPE_AT]], to = row[at[HS_EDGE_TO_AT]];
    if (type >= layout->edge_types)
        return hs_cursor_fail(cursor, "edge %u before this has type %llu of %u", edge,
                              (unsigned long long)type, layout->edge_types);
    if (to >= layout->node_count * layout->node.width || to % layout->node.width != 0)
        return hs_cursor_fail(cursor,
                              "edge %u before this leads to %llu, which is no node", edge,
                              (unsigned long long)to);
    if (!is_id_fit(cursor, row[at[HS_EDGE_NAME_AT]], "an edge's name"))
        return false;
    snapshot->edge_type[edge] = layout->edge_type[type];
    snapshot->edge_name[edge] = (uint32_t)row[at[HS_EDGE_NAME_AT]];
    snapshot->edge_to[edge] = (uint32_t)(to / layout->node.width);
    return true;
}

bool hs_section_edges(struct hs_cursor *cursor, const struct hs_layout *layout,
                      struct hs_snapshot *snapshot)
{
    size_t count = layout->edge_count;
    snapshot->edge_type = malloc(count + 1);
    snapshot->edge_name = malloc((count + 1) * sizeof(uint32_t));
    snapshot->edge_to = malloc((count + 1) * sizeof(uint32_t));
    if (!snapshot->edge_type || !snapshot->edge_name || !snapshot->edge_to)
        return hs_section_no_memory(cursor);

    uint64_t row[HS_LAYOUT_FIELDS];
    snapshot->edge_count = (uint32_t)count;
    if (!hs_cursor_numbers_begin(cursor))
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!read_row(cursor, layout->edge.width, i == 0, row, "numbers of an edge")
            || !store_edge(cursor, layout, row, snapshot, i))
            return false;
    return hs_cursor_numbers_finish(cursor, "']' after the last of edge_count edges");
}

bool hs_section_strings(struct hs_cursor *cursor, struct hs_snapshot *snapshot)
{
    struct hs_snapshot_storage *storage = snapshot->storage;
    if (!hs_cursor_expect(cursor, '[', "'[' and strings"))
        return false;
    /* Decoded text is never longer than its JSON. */
    storage->text = malloc((size_t)(cursor->end - cursor->at) + 1);
    if (!storage->text)
        return hs_section_no_memory(cursor);
    char *out = storage->text;
    HS_ARRAY(const char *) strings = {0};
    bool is_fine = true;
    if (!hs_cursor_accept(cursor, ']')) {
        do {
            const char *text = out;
            is_fine = hs_cursor_decode(cursor, &out);
            if (is_fine
                && (strings.count >= UINT32_MAX || !hs_array_push(&strings, text)))
                is_fine = hs_section_no_memory(cursor);
        } while (is_fine && hs_cursor_accept(cursor, ','));
        is_fine = is_fine && hs_cursor_expect(cursor, ']', "',' or ']' after a string");
    }
    snapshot->strings = strings.at;
    snapshot->string_count = (uint32_t)strings.count;
    return is_fine;
}

/* The value of a field, 0 where the file has no such field. */
static uint32_t field(const struct hs_layout_tuple *tuple, int name, const uint64_t *row)
{
    uint64_t value = tuple->at[name] >= 0 ? row[tuple->at[name]] : 0;
    return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

bool hs_section_locations(struct hs_cursor *cursor, const struct hs_layout *layout,
                          struct hs_snapshot *snapshot)
{
    const struct hs_layout_tuple *tuple = &layout->location;
    if (tuple->width == 0 || tuple->at[HS_LOCATION_NODE_AT] < 0)
        return hs_cursor_skip_value(cursor);
    HS_ARRAY(struct hs_location) locations = {0};
    uint64_t row[HS_LAYOUT_FIELDS];
    bool is_fine = hs_cursor_numbers_begin(cursor);
    while (is_fine && !hs_cursor_accept(cursor, ']')) {
        is_fine = read_row(cursor, tuple->width, locations.count == 0, row,
                           "numbers of a location");
        if (!is_fine)
            break;
        uint64_t node = row[tuple->at[HS_LOCATION_NODE_AT]];
        if (node >= layout->node_count * layout->node.width
            || node % layout->node.width != 0) {
            is_fine = hs_cursor_fail(cursor,
                                     "a location before this belongs to %llu, "
                                     "which is no node",
                                     (unsigned long long)node);
            break;
        }
        struct hs_location location = {
            .node = (uint32_t)(node / layout->node.width),
            .script_id = field(tuple, HS_LOCATION_SCRIPT_AT, row),
            .line = field(tuple, HS_LOCATION_LINE_AT, row),
            .column = field(tuple, HS_LOCATION_COLUMN_AT, row),
        };
        if (!hs_array_push(&locations, location))
            is_fine = hs_section_no_memory(cursor);
    }
    snapshot->locations = locations.at;
    snapshot->location_count = (uint32_t)locations.count;
    return is_fine;
}

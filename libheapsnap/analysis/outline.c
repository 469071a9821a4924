// SPDX-License-Identifier: MIT

/*
 * A graph as a tree of rows. A node may hang from many: it is opened once, at the place
 * nearest to the start, so that the rows end even where the graph does not.
 * Of holders only the nearest is opened, unless asked: so does DevTools by itself.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "heapsnap/analysis.h"
#include "libheapsnap/analysis/neighbours.h"
#include "libheapsnap/base/array.h"
#include "libheapsnap/base/guard.h"

struct rows {
    struct hs_outline_row *at;
    size_t count, room;
};

enum { ON_PATH = 1, OPENED = 2, KNOWN = 4, BELOW = 8 };

struct builder {
    const struct hs_analysis *analysis;
    const struct hs_outline_options *options;
    struct hs_neighbour_source source;
    uint32_t depth;                 /* of the options, but bounded */
    struct hs_retainers *retainers; /* of holders */
    uint32_t *repeated;             /* by node, of merged contents */
    uint32_t *place;                /* of contents: the edge by which to open a node */
    uint8_t *state;                 /* by node */
    struct rows rows;
    bool has_failed; /* memory ended */
};

static void release(struct builder *builder)
{
    hs_retainers_destroy(builder->retainers);
    free(builder->place);
    free(builder->repeated);
    free(builder->state);
    free(builder->rows.at);
}

/* Is all that `node` retains part of what the first row does? */
static bool is_below_start(struct builder *builder, uint32_t node)
{
    const uint32_t *dominator = builder->analysis->dominator;
    uint32_t start = builder->rows.at[0].node, top = node;
    while (top != start && !(builder->state[top] & KNOWN) && dominator[top] != top)
        top = dominator[top];
    bool is_below = top == start || (builder->state[top] & BELOW);
    for (uint32_t at = node; at != top; at = dominator[at])
        builder->state[at] |= (uint8_t)(KNOWN | (is_below ? BELOW : 0));
    return is_below;
}

static enum hs_outline_mark judge_contents(struct builder *builder,
                                           const struct hs_neighbour *entry,
                                           struct hs_outline_row *row)
{
    const struct hs_outline_options *options = builder->options;
    uint64_t retained = builder->analysis->retained[row->node];
    bool is_weak = builder->analysis->snapshot->edge_type[entry->edge] == HS_EDGE_WEAK;
    bool is_meant =
        retained >= options->open_bytes && !(row->is_shared && options->open_bytes > 0);
    if (!hs_neighbours_exist(&builder->source, row->node))
        return HS_OUTLINE_WHOLE;
    if (!is_weak && builder->place[row->node] != entry->edge)
        return HS_OUTLINE_ELSEWHERE;
    return is_weak || row->depth >= builder->depth || !is_meant ? HS_OUTLINE_FOLDED
                                                                : HS_OUTLINE_WHOLE;
}

/* A root of its own has holders too, but they say nothing; DevTools stops there. */
static bool is_end(const struct builder *builder, uint32_t node)
{
    int32_t distance = builder->analysis->distance[node];
    return (distance >= 0 && distance <= 1)
           || !hs_neighbours_exist(&builder->source, node);
}

static enum hs_outline_mark judge_holder(struct builder *builder,
                                         const struct hs_neighbour *entry,
                                         struct hs_outline_row *row, bool is_first)
{
    const struct hs_analysis *analysis = builder->analysis;
    bool is_all = builder->options->is_complete;
    bool is_weak = analysis->snapshot->edge_type[entry->edge] == HS_EDGE_WEAK;
    bool is_stray = analysis->distance[row->node] == HS_DISTANCE_UNREACHED;
    if (is_end(builder, row->node))
        return HS_OUTLINE_WHOLE;
    if (builder->state[row->node] & OPENED)
        return HS_OUTLINE_ELSEWHERE;
    return is_weak || row->depth >= builder->depth || (!is_all && (!is_first || is_stray))
               ? HS_OUTLINE_FOLDED
               : HS_OUTLINE_WHOLE;
}

/* What is left out counts only where `node` alone holds it, and once. */
static void leave_out(struct builder *builder, size_t row,
                      const struct hs_neighbour *entry)
{
    struct hs_outline_row *above = &builder->rows.at[row];
    const struct hs_analysis *analysis = builder->analysis;
    above->left_out++;
    if (builder->place && analysis->dominator[entry->node] == above->node
        && builder->place[entry->node] == entry->edge)
        above->left_out_bytes += analysis->retained[entry->node];
}

/* Is the node's row that of another edge from the same `node`? */
static bool is_repeated(const struct builder *builder, uint32_t node,
                        const struct hs_neighbour *entry)
{
    const struct hs_snapshot *snapshot = builder->analysis->snapshot;
    if (!builder->repeated || snapshot->edge_type[entry->edge] == HS_EDGE_WEAK)
        return false;
    uint32_t place = builder->place[entry->node];
    return place != entry->edge && place >= snapshot->first_edge[node]
           && place < snapshot->first_edge[node + 1];
}

/* Drop what is repeated, and count it. */
static void merge_contents(struct builder *builder, uint32_t node,
                           struct hs_neighbours *list)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (is_repeated(builder, node, &list->at[i]))
            builder->repeated[list->at[i].node]++;
        else
            list->at[kept++] = list->at[i];
    }
    list->count = kept;
    for (size_t i = 0; builder->repeated && i < kept; i++)
        if (builder->place[list->at[i].node] == list->at[i].edge)
            list->at[i].repeated = builder->repeated[list->at[i].node];
}

/* The edges of one holder stand together, except that some of them may be weak. */
static void merge_holders(const struct builder *builder, struct hs_neighbours *list)
{
    const uint8_t *type = builder->analysis->snapshot->edge_type;
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct hs_neighbour *entry = &list->at[i];
        struct hs_neighbour *last = kept > 0 ? &list->at[kept - 1] : NULL;
        if (last && last->node == entry->node
            && (type[last->edge] == HS_EDGE_WEAK) == (type[entry->edge] == HS_EDGE_WEAK))
            last->repeated++;
        else
            list->at[kept++] = *entry;
    }
    list->count = kept;
}

static bool open_row(struct builder *builder, size_t row);

/* Append a row below `row` with all below it. False when the filter wants none of it. */
static bool add_row(struct builder *builder, size_t row, const struct hs_neighbour *entry,
                    bool is_first)
{
    const struct hs_outline_options *options = builder->options;
    struct hs_outline_row added = {.depth = builder->rows.at[row].depth + 1,
                                   .node = entry->node,
                                   .edge = entry->edge,
                                   .repeated = entry->repeated};
    added.is_shared = builder->place && !is_below_start(builder, entry->node);
    added.mark = builder->state[entry->node] & ON_PATH ? HS_OUTLINE_CYCLE
                 : builder->place ? judge_contents(builder, entry, &added)
                                  : judge_holder(builder, entry, &added, is_first);
    size_t place = builder->rows.count;
    if (!hs_array_push(&builder->rows, added)) {
        builder->has_failed = true;
        return false;
    }
    bool is_wanted =
        !options->matches || options->matches(options->data, entry->node, entry->edge);
    if (added.mark == HS_OUTLINE_WHOLE
        && (builder->place ? hs_neighbours_exist(&builder->source, entry->node)
                           : !is_end(builder, entry->node)))
        is_wanted |= open_row(builder, place);
    if (!is_wanted)
        builder->rows.count = place;
    return is_wanted;
}

/* Add what hangs from `row`. True when the filter wanted something. */
static bool open_row(struct builder *builder, size_t row)
{
    const struct hs_outline_options *options = builder->options;
    uint32_t node = builder->rows.at[row].node;
    struct hs_neighbours list = {0};
    if (!hs_neighbours_list(&builder->source, node, &list))
        builder->has_failed = true;
    if (options->is_merged && builder->place)
        merge_contents(builder, node, &list);
    else if (options->is_merged)
        merge_holders(builder, &list);
    builder->state[node] |= ON_PATH | OPENED;
    size_t shown = 0;
    for (size_t i = 0; i < list.count && !builder->has_failed; i++) {
        bool is_small = builder->analysis->retained[list.at[i].node] < options->min_bytes;
        bool is_full = options->top > 0 && shown == options->top;
        if (!is_small && !is_full)
            shown += add_row(builder, row, &list.at[i], shown == 0);
        else if (!options->matches)
            leave_out(builder, row, &list.at[i]);
    }
    builder->state[node] &= (uint8_t)~ON_PATH;
    free(list.at);
    return shown > 0;
}

/* ---- all ---- */

/* By which edge is each node nearest to `start`? Not further than rows can be. */
static bool find_places(struct builder *builder, uint32_t start)
{
    const struct hs_snapshot *snapshot = builder->analysis->snapshot;
    size_t bytes = (size_t)snapshot->node_count * sizeof(uint32_t);
    hs_auto_free uint32_t *queue = malloc(bytes);
    builder->place = malloc(bytes);
    if (!queue || !builder->place)
        return false;
    memset(builder->place, 0xff, bytes);
    uint32_t count = 0, depth = 0;
    queue[count++] = start;
    for (uint32_t next = 0, level_end = 1; next < count && depth < builder->depth;
         next++) {
        uint32_t node = queue[next], end = snapshot->first_edge[node + 1];
        for (uint32_t e = snapshot->first_edge[node]; e < end; e++) {
            uint32_t to = snapshot->edge_to[e];
            if (snapshot->edge_type[e] == HS_EDGE_WEAK || to == start
                || builder->place[to] != HS_ANALYSIS_NONE)
                continue;
            builder->place[to] = e;
            queue[count++] = to;
        }
        if (next + 1 == level_end) {
            level_end = count;
            depth++;
        }
    }
    return true;
}

int hs_outline_create(const struct hs_analysis *analysis, uint32_t node,
                      const struct hs_outline_options *options, struct hs_outline **ret,
                      struct hs_error *err)
{
    const struct hs_snapshot *snapshot = analysis->snapshot;
    hs_auto(release) struct builder builder = {
        .analysis = analysis,
        .options = options,
        .depth = options->depth < HS_OUTLINE_DEPTH ? options->depth : HS_OUTLINE_DEPTH,
    };
    struct hs_outline_row start = {.node = node, .edge = HS_ANALYSIS_NONE};
    builder.state = calloc(snapshot->node_count, 1);
    bool is_fine = builder.state && hs_array_push(&builder.rows, start);
    if (is_fine && options->kind == HS_OUTLINE_CONTENTS)
        is_fine = find_places(&builder, node);
    else if (is_fine)
        is_fine = (builder.retainers = hs_retainers_create(snapshot)) != NULL;
    if (is_fine && builder.place && options->is_merged)
        is_fine =
            (builder.repeated = calloc(snapshot->node_count, sizeof(uint32_t))) != NULL;
    builder.source =
        (struct hs_neighbour_source){analysis, builder.retainers, options->has_weak};
    if (is_fine && options->depth > 0)
        open_row(&builder, 0);
    struct hs_outline *outline = malloc(sizeof(*outline));
    if (!is_fine || builder.has_failed || !outline) {
        free(outline);
        return hs_error_set(err, ENOMEM, "no memory for a tree below node %u",
                            snapshot->node_id[node]);
    }
    outline->rows = hs_take(builder.rows.at);
    outline->count = builder.rows.count;
    *ret = outline;
    return 0;
}

void hs_outline_destroy(struct hs_outline *outline)
{
    if (!outline)
        return;
    free(outline->rows);
    free(outline);
}

// SPDX-License-Identifier: MIT

/*
 * Reachability: floods over the edges of a capture, the best evidence first.
 *
 * The first starts from data that lives as long as its module or thread, from regions the
 * program has declared, and from what the loader keeps for itself: what it reaches is
 * owned. The second starts from stacks and registers, which hold for a moment. Then come
 * blocks that the program asked to ignore; mappings that nothing reached, because a
 * process holds its mappings by having them, not by pointing to them; and at last memory
 * of which nobody knows whether it is still in use.
 */

#include "heapsnap/graph.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/base/guard.h"
#include "libheapsnap/graph/flood.h"
#include "libheapsnap/graph/lost.h"
#include "libheapsnap/graph/pointer.h"
#include "probes/abi.h"

void hs_graph_destroy(struct hs_graph *graph)
{
    if (!graph)
        return;
    free(graph->reach);
    free(graph->is_owned);
    free(graph->first_edge);
    free(graph->is_leader);
    free(graph->leader);
    free(graph);
}
HS_DEFINE_GUARD(hs_guard_graph, struct hs_graph *, hs_graph_destroy)

static struct hs_graph *graph_allocate(size_t n_blocks)
{
    hs_auto(hs_guard_graph) struct hs_graph *graph = calloc(1, sizeof(*graph));
    if (!graph)
        return NULL;
    size_t room = n_blocks ? n_blocks : 1;
    graph->n_blocks = n_blocks;
    graph->reach = calloc(room, sizeof(*graph->reach));
    graph->is_owned = malloc(room);
    graph->first_edge = calloc(room + 1, sizeof(*graph->first_edge));
    graph->is_leader = calloc(room, sizeof(*graph->is_leader));
    graph->leader = malloc(room * sizeof(*graph->leader));
    if (!graph->reach || !graph->is_owned || !graph->first_edge || !graph->is_leader
        || !graph->leader)
        return NULL;
    memset(graph->leader, 0xff, room * sizeof(*graph->leader));
    return hs_take(graph);
}

/* Edges are ascending by `from`, so one pass tells where each block's begin. */
static void index_edges(const struct hs_capture *capture, struct hs_graph *graph)
{
    size_t edge = 0;
    for (size_t block = 0; block < capture->n_blocks; block++) {
        graph->first_edge[block] = (uint32_t)edge;
        while (edge < capture->n_edges && capture->edges[edge].from <= block)
            edge++;
    }
    graph->first_edge[capture->n_blocks] = (uint32_t)edge;
}

static bool holds(const struct hs_flood *flood, uint32_t to, uint32_t inside)
{
    return hs_pointer_holds(flood->graph, flood->capture, to, inside);
}

static void flood_all(struct hs_flood *flood, struct hs_graph *graph)
{
    flood->value = HS_REACH_ROOT;
    hs_flood_lasting(flood);
    memcpy(graph->is_owned, graph->reach, graph->n_blocks);
    hs_flood_momentary(flood);
    flood->value = HS_REACH_IGNORED;
    hs_flood_ignored(flood);
    flood->value = HS_REACH_MAPPING;
    hs_flood_mappings(flood);
    flood->value = HS_REACH_WEAK;
    hs_flood_weak(flood);
}

/* A mapping is never lost: the process has it. */
static void keep_mappings(const struct hs_capture *capture, struct hs_graph *graph)
{
    for (size_t i = 0; i < capture->n_blocks; i++)
        if (capture->blocks[i].flags & HS_BLOCK_MAPPING)
            graph->reach[i] = HS_REACH_MAPPING;
}

static int find_reachable(const struct hs_capture *capture,
                          const struct hs_graph_options *options, struct hs_graph *graph)
{
    struct hs_flood flood = {.capture = capture,
                             .graph = graph,
                             .options = options,
                             .holds = holds,
                             .mark = graph->reach};
    if (!hs_flood_init(&flood))
        return -ENOMEM;
    flood_all(&flood, graph);
    hs_flood_deinit(&flood);
    if (options->ignores_mappings)
        keep_mappings(capture, graph);
    return 0;
}

int hs_graph_create_as(const struct hs_capture *capture,
                       const struct hs_graph_options *options, struct hs_graph **ret,
                       struct hs_error *err)
{
    static const struct hs_graph_options plain = {0};
    if (!options)
        options = &plain;
    if (capture->n_blocks >= UINT32_MAX || capture->n_edges >= UINT32_MAX)
        return hs_error_set(err, EOVERFLOW, "%zu blocks and %zu pointers are too many",
                            capture->n_blocks, capture->n_edges);

    hs_auto(hs_guard_graph) struct hs_graph *graph = graph_allocate(capture->n_blocks);
    if (!graph)
        return hs_error_set(err, ENOMEM, "no memory for a graph of %zu blocks",
                            capture->n_blocks);
    graph->ignores_past_end = options->ignores_past_end;
    index_edges(capture, graph);
    if (find_reachable(capture, options, graph) < 0
        || hs_graph_find_leaders(capture, graph) < 0)
        return hs_error_set(err, ENOMEM, "no memory to search %zu blocks",
                            capture->n_blocks);
    *ret = hs_take(graph);
    return 0;
}

int hs_graph_create(const struct hs_capture *capture, struct hs_graph **ret,
                    struct hs_error *err)
{
    return hs_graph_create_as(capture, NULL, ret, err);
}

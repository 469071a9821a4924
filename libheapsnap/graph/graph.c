// SPDX-License-Identifier: MIT

/*
 * Reachability: three floods over the edges of a capture.
 *
 * The first starts from data that lives as long as its module or thread, and from what
 * the loader keeps for itself: what it reaches is owned. The second starts from stacks
 * and registers, which hold for a moment. The third starts from mappings that nothing
 * reached, because a process holds its mappings by having them, not by pointing to them.
 * All are iterative with a stack of block numbers: a list of five million nodes must cost
 * memory in the heap, never in our own call stack.
 */

#include "heapsnap/graph.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/base/guard.h"
#include "libheapsnap/graph/loader.h"
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

struct flood {
    const struct hs_capture *capture;
    struct hs_graph *graph;
    uint32_t *pending; /* each block enters at most once: n_blocks entries are enough */
    size_t n_pending;
    uint8_t reach;
};

static void flood_reach(struct flood *flood, uint32_t block)
{
    if (flood->graph->reach[block] != HS_REACH_LOST)
        return;
    flood->graph->reach[block] = flood->reach;
    flood->pending[flood->n_pending++] = block;
}

static void flood_run(struct flood *flood)
{
    const struct hs_capture_edge *edges = flood->capture->edges;
    const uint32_t *first_edge = flood->graph->first_edge;
    while (flood->n_pending > 0) {
        uint32_t block = flood->pending[--flood->n_pending];
        for (uint32_t i = first_edge[block]; i < first_edge[block + 1]; i++)
            if (hs_pointer_counts(flood->capture, edges[i].to, edges[i].inside))
                flood_reach(flood, edges[i].to);
    }
}

static bool is_momentary(const struct hs_capture *capture,
                         const struct hs_capture_root_edge *edge)
{
    uint32_t kind = capture->roots[edge->root].kind;
    return kind == HS_ROOT_STACK || kind == HS_ROOT_REGISTERS;
}

/* From the roots of one sort: those that last, or those of a moment. */
static void flood_roots(struct flood *flood, bool momentary)
{
    const struct hs_capture *capture = flood->capture;
    for (size_t i = 0; i < capture->n_root_edges; i++) {
        if (is_momentary(capture, &capture->root_edges[i]) != momentary)
            continue;
        if (!hs_pointer_counts(capture, capture->root_edges[i].to,
                               capture->root_edges[i].inside))
            continue;
        flood_reach(flood, capture->root_edges[i].to);
        flood_run(flood);
    }
}

static void flood_loader(struct flood *flood)
{
    uint32_t loader = hs_loader_find(flood->capture);
    for (uint32_t i = 0; i < flood->capture->n_blocks; i++) {
        if (!hs_loader_made(flood->capture, loader, i))
            continue;
        flood_reach(flood, i);
        flood_run(flood);
    }
}

static int find_reachable(const struct hs_capture *capture, struct hs_graph *graph)
{
    hs_auto_free uint32_t *pending = malloc((capture->n_blocks + 1) * sizeof(*pending));
    if (!pending)
        return -ENOMEM;
    struct flood flood = {capture, graph, pending, 0, HS_REACH_ROOT};
    flood_roots(&flood, false);
    flood_loader(&flood);
    memcpy(graph->is_owned, graph->reach, capture->n_blocks);
    flood_roots(&flood, true);

    flood.reach = HS_REACH_MAPPING;
    for (size_t i = 0; i < capture->n_blocks; i++) {
        if (!(capture->blocks[i].flags & HS_BLOCK_MAPPING))
            continue;
        flood_reach(&flood, (uint32_t)i);
        flood_run(&flood);
    }
    return 0;
}

int hs_graph_create(const struct hs_capture *capture, struct hs_graph **ret,
                    struct hs_error *err)
{
    if (capture->n_blocks >= UINT32_MAX || capture->n_edges >= UINT32_MAX)
        return hs_error_set(err, EOVERFLOW, "%zu blocks and %zu pointers are too many",
                            capture->n_blocks, capture->n_edges);

    hs_auto(hs_guard_graph) struct hs_graph *graph = graph_allocate(capture->n_blocks);
    if (!graph)
        return hs_error_set(err, ENOMEM, "no memory for a graph of %zu blocks",
                            capture->n_blocks);
    index_edges(capture, graph);
    if (find_reachable(capture, graph) < 0 || hs_graph_find_leaders(capture, graph) < 0)
        return hs_error_set(err, ENOMEM, "no memory to search %zu blocks",
                            capture->n_blocks);
    *ret = hs_take(graph);
    return 0;
}

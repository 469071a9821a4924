// SPDX-License-Identifier: MIT

/*
 * Where a flood may begin. Every beginning is a loop over one table of the capture.
 */

#include "libheapsnap/graph/flood.h"

#include <stdlib.h>

#include "libheapsnap/graph/loader.h"
#include "probes/abi.h"

bool hs_flood_init(struct hs_flood *flood)
{
    flood->n_pending = 0;
    flood->pending = malloc((flood->capture->n_blocks + 1) * sizeof(*flood->pending));
    return flood->pending != NULL;
}

void hs_flood_deinit(struct hs_flood *flood)
{
    free(flood->pending);
}

static bool is_mapping(const struct hs_flood *flood, uint32_t block)
{
    return flood->capture->blocks[block].flags & HS_BLOCK_MAPPING;
}

static void reach(struct hs_flood *flood, uint32_t block)
{
    if (flood->mark[block]
        || (flood->options->ignores_mappings && is_mapping(flood, block)))
        return;
    flood->mark[block] = flood->value;
    flood->pending[flood->n_pending++] = block;
}

void hs_flood_from(struct hs_flood *flood, uint32_t block)
{
    const struct hs_capture_edge *edges = flood->capture->edges;
    const uint32_t *first_edge = flood->graph->first_edge;
    reach(flood, block);
    while (flood->n_pending > 0) {
        uint32_t at = flood->pending[--flood->n_pending];
        for (uint32_t i = first_edge[at]; i < first_edge[at + 1]; i++)
            if (flood->holds(flood, edges[i].to, edges[i].inside))
                reach(flood, edges[i].to);
    }
}

enum sort { LASTING, MOMENTARY, WEAK };

static enum sort sort_of(enum hs_root_kind kind)
{
    switch (kind) {
    case HS_ROOT_STACK:
    case HS_ROOT_REGISTERS:
        return MOMENTARY;
    case HS_ROOT_WEAK:
        return WEAK;
    case HS_ROOT_MODULE:
    case HS_ROOT_TLS:
    case HS_ROOT_REGION:
        break;
    }
    return LASTING;
}

static void flood_roots(struct hs_flood *flood, enum sort wanted)
{
    const struct hs_capture *capture = flood->capture;
    for (size_t i = 0; i < capture->n_root_edges; i++) {
        const struct hs_capture_root_edge *edge = &capture->root_edges[i];
        if (sort_of(capture->roots[edge->root].kind) == wanted
            && flood->holds(flood, edge->to, edge->inside))
            hs_flood_from(flood, edge->to);
    }
}

void hs_flood_lasting(struct hs_flood *flood)
{
    uint32_t loader = hs_loader_find(flood->capture);
    flood_roots(flood, LASTING);
    for (uint32_t i = 0; i < flood->capture->n_blocks; i++)
        if (hs_loader_made(flood->capture, loader, i))
            hs_flood_from(flood, i);
}

void hs_flood_momentary(struct hs_flood *flood)
{
    flood_roots(flood, MOMENTARY);
}

void hs_flood_ignored(struct hs_flood *flood)
{
    const uint8_t *is_held = flood->options->is_held;
    for (uint32_t i = 0; i < flood->capture->n_blocks; i++)
        if ((flood->capture->blocks[i].flags & HS_BLOCK_IGNORED)
            || (is_held && is_held[i]))
            hs_flood_from(flood, i);
}

void hs_flood_mappings(struct hs_flood *flood)
{
    for (uint32_t i = 0; i < flood->capture->n_blocks; i++)
        if (is_mapping(flood, i))
            hs_flood_from(flood, i);
}

void hs_flood_weak(struct hs_flood *flood)
{
    flood_roots(flood, WEAK);
}

// SPDX-License-Identifier: MIT

/*
 * Attached and detached: what the file says of some native nodes holds for the native
 * nodes below them too; attached wins where both lead, unless the file says otherwise of
 * the node itself. Our lost blocks are detached, and so is what only they hold.
 */

#include <stdlib.h>
#include <string.h>

#include "libheapsnap/analysis/parts.h"
#include "libheapsnap/base/guard.h"

struct spread {
    struct hs_analysis *analysis;
    uint8_t *is_visited;
    uint32_t *attached, *detached; /* stacks */
    uint32_t attached_count, detached_count;
};

static void process(struct spread *spread, uint32_t node, uint8_t state)
{
    struct hs_analysis *analysis = spread->analysis;
    if (spread->is_visited[node])
        return;
    spread->is_visited[node] = 1;
    if (analysis->snapshot->node_type[node] != HS_NODE_NATIVE)
        return;
    analysis->node_detachedness[node] = state;
    if (state == HS_DETACHEDNESS_ATTACHED)
        spread->attached[spread->attached_count++] = node;
    if (state == HS_DETACHEDNESS_DETACHED) {
        analysis->node_is_renamed[node] = 1;
        spread->detached[spread->detached_count++] = node;
    }
}

static void process_children(struct spread *spread, uint32_t node, uint8_t state)
{
    const struct hs_snapshot *snapshot = spread->analysis->snapshot;
    for (uint32_t e = snapshot->first_edge[node]; e < snapshot->first_edge[node + 1]; e++)
        if (snapshot->edge_type[e] != HS_EDGE_HIDDEN
            && snapshot->edge_type[e] != HS_EDGE_WEAK)
            process(spread, snapshot->edge_to[e], state);
}

/* Files from before there was a column tell it by the name. */
static void read_from_names(struct hs_analysis *analysis)
{
    const struct hs_snapshot *snapshot = analysis->snapshot;
    static const char prefix[] = "Detached ";
    for (uint32_t node = 0; node < snapshot->node_count; node++)
        if (snapshot->node_type[node] == HS_NODE_NATIVE
            && strncmp(snapshot->strings[snapshot->node_name[node]], prefix,
                       sizeof(prefix) - 1)
                   == 0)
            analysis->node_detachedness[node] = HS_DETACHEDNESS_DETACHED;
}

bool hs_propagate_detachedness(struct hs_analysis *analysis)
{
    const struct hs_snapshot *snapshot = analysis->snapshot;
    size_t count = snapshot->node_count;
    analysis->node_detachedness = malloc(count);
    analysis->node_is_renamed = calloc(count, 1);
    if (!analysis->node_detachedness || !analysis->node_is_renamed)
        return false;
    memcpy(analysis->node_detachedness, snapshot->node_detachedness, count);
    if (snapshot->has_no_detachedness) {
        read_from_names(analysis);
        return true;
    }
    hs_auto_free uint8_t *is_visited = calloc(count, 1);
    hs_auto_free uint32_t *attached = malloc(count * sizeof(*attached));
    hs_auto_free uint32_t *detached = malloc(count * sizeof(*detached));
    if (!is_visited || !attached || !detached)
        return false;
    struct spread spread = {.analysis = analysis,
                            .is_visited = is_visited,
                            .attached = attached,
                            .detached = detached};
    for (uint32_t node = 0; node < count; node++)
        if (analysis->node_detachedness[node] != HS_DETACHEDNESS_UNKNOWN)
            process(&spread, node, analysis->node_detachedness[node]);
    while (spread.attached_count > 0)
        process_children(&spread, attached[--spread.attached_count],
                         HS_DETACHEDNESS_ATTACHED);
    while (spread.detached_count > 0) {
        uint32_t node = detached[--spread.detached_count];
        if (analysis->node_detachedness[node] != HS_DETACHEDNESS_ATTACHED)
            process_children(&spread, node, HS_DETACHEDNESS_DETACHED);
    }
    return true;
}

// SPDX-License-Identifier: MIT

/*
 * V8 keeps an object's elements in arrays and hidden nodes of their own. Where exactly one
 * object owns such a node, DevTools adds its size to the owner and shows the rest as 0.
 * Only snapshots with user roots are treated so; ours have none.
 */

#include <stdlib.h>
#include <string.h>

#include "libheapsnap/analysis/parts.h"
#include "libheapsnap/base/guard.h"

#define UNVISITED UINT32_MAX
#define SHARED (UINT32_MAX - 1)

static bool is_ownable(const struct hs_snapshot *snapshot, uint32_t node)
{
    uint8_t type = snapshot->node_type[node];
    return type == HS_NODE_HIDDEN || type == HS_NODE_ARRAY
           || (type == HS_NODE_NATIVE
               && strcmp(snapshot->strings[snapshot->node_name[node]],
                         "system / ExternalStringData")
                      == 0);
}

/* Spread ownership until nothing changes. A node is put on the list at most twice: when it
 * is first owned, and when it turns out to be shared. */
static void spread_owners(const struct hs_snapshot *snapshot, uint32_t *owners,
                          uint32_t *list)
{
    size_t count = 0;
    for (uint32_t node = 0; node < snapshot->node_count; node++) {
        owners[node] = is_ownable(snapshot, node) ? UNVISITED : node;
        if (owners[node] == node)
            list[count++] = node;
    }
    while (count > 0) {
        uint32_t node = list[--count], owner = owners[node];
        for (uint32_t e = snapshot->first_edge[node]; e < snapshot->first_edge[node + 1];
             e++) {
            uint32_t to = snapshot->edge_to[e];
            if (snapshot->edge_type[e] == HS_EDGE_WEAK || owners[to] == to
                || owners[to] == owner || owners[to] == SHARED)
                continue;
            owners[to] = owners[to] == UNVISITED ? owner : SHARED;
            list[count++] = to;
        }
    }
}

bool hs_transfer_sizes(struct hs_analysis *analysis)
{
    const struct hs_snapshot *snapshot = analysis->snapshot;
    analysis->node_size = snapshot->node_size;
    if (!hs_has_user_roots(snapshot))
        return true;
    size_t count = snapshot->node_count;
    hs_auto_free uint32_t *owners = malloc(count * sizeof(*owners));
    hs_auto_free uint32_t *list = malloc(2 * count * sizeof(*list));
    hs_auto_free uint32_t *sizes = malloc(count * sizeof(*sizes));
    if (!owners || !list || !sizes)
        return false;
    spread_owners(snapshot, owners, list);
    memcpy(sizes, snapshot->node_size, count * sizeof(*sizes));
    for (uint32_t node = 0; node < count; node++) {
        uint32_t owner = owners[node];
        if (owner == UNVISITED || owner == SHARED || owner == node
            || owner == snapshot->root || snapshot->node_type[owner] == HS_NODE_SYNTHETIC)
            continue;
        if (__builtin_add_overflow(sizes[owner], sizes[node], &sizes[owner]))
            sizes[owner] = UINT32_MAX;
        sizes[node] = 0;
    }
    struct hs_analysis_storage *storage = analysis->storage;
    storage->sizes = hs_take(sizes);
    analysis->node_size = storage->sizes;
    return true;
}

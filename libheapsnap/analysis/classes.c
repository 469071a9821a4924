// SPDX-License-Identifier: MIT

/* The rows of Summary. */

#include <stdlib.h>

#include "libheapsnap/analysis/parts.h"
#include "libheapsnap/base/guard.h"

bool hs_count_classes(struct hs_analysis *analysis)
{
    const struct hs_snapshot *snapshot = analysis->snapshot;
    analysis->total = snapshot->extra_native_bytes;
    for (uint32_t node = 0; node < snapshot->node_count; node++) {
        uint32_t size = analysis->node_size[node];
        if (size == 0)
            continue;
        analysis->total += size;
        struct hs_class *class = &analysis->classes[analysis->node_class[node]];
        if (class->count++ == 0 || analysis->distance[node] < class->distance)
            class->distance = analysis->distance[node];
        class->shallow += size;
    }
    return true;
}

/*
 * Only the topmost nodes of a class count, else chains would count double. Nodes come so
 * that a dominator's subtree is one range: a node is below another of its class exactly
 * when it stands before the end of the last counted one's range.
 */
bool hs_retain_classes(struct hs_analysis *analysis, const uint32_t *order,
                       const uint32_t *end)
{
    hs_auto_free uint32_t *covered =
        calloc((size_t)analysis->class_count + 1, sizeof(*covered));
    if (!covered)
        return false;
    for (uint32_t i = 0; i < analysis->snapshot->node_count; i++) {
        uint32_t node = order[i], class = analysis->node_class[node];
        if (i < covered[class] || analysis->node_size[node] == 0)
            continue;
        analysis->classes[class].retained += analysis->retained[node];
        covered[class] = end[i];
    }
    return true;
}

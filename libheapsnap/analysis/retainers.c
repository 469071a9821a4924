// SPDX-License-Identifier: MIT

/* A counting sort by target. Sources are not stored: first_edge tells them. */

#include "libheapsnap/analysis/retainers.h"

#include <stdlib.h>

#include "libheapsnap/base/guard.h"

void hs_retainers_destroy(struct hs_retainers *retainers)
{
    if (!retainers)
        return;
    free(retainers->first);
    free(retainers->edges);
    free(retainers);
}

HS_DEFINE_GUARD(guard_retainers, struct hs_retainers *, hs_retainers_destroy)

struct hs_retainers *hs_retainers_create(const struct hs_snapshot *snapshot)
{
    hs_auto(guard_retainers) struct hs_retainers *retainers =
        calloc(1, sizeof(*retainers));
    if (!retainers)
        return NULL;
    retainers->first = calloc((size_t)snapshot->node_count + 2, sizeof(uint32_t));
    retainers->edges = malloc(((size_t)snapshot->edge_count + 1) * sizeof(uint32_t));
    if (!retainers->first || !retainers->edges)
        return NULL;
    /* One place further than they end up: filling in moves every count to its begin. */
    uint32_t *next = retainers->first + 1;
    for (uint32_t e = 0; e < snapshot->edge_count; e++)
        next[snapshot->edge_to[e]]++;
    for (uint32_t node = 0, place = 0; node < snapshot->node_count; node++) {
        uint32_t count = next[node];
        next[node] = place;
        place += count;
    }
    for (uint32_t e = 0; e < snapshot->edge_count; e++)
        retainers->edges[next[snapshot->edge_to[e]]++] = e;
    return hs_take(retainers);
}

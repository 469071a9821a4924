// SPDX-License-Identifier: MIT

/*
 * Which edges keep their target alive, as far as dominators are concerned: not weak ones,
 * not a node's edge to itself, not shortcuts except from the root, not a WeakMap's edge to
 * a value, and none from the debugger's world into the page's.
 */

#include <stdlib.h>
#include <string.h>

#include "libheapsnap/analysis/ephemerons.h"
#include "libheapsnap/analysis/parts.h"
#include "libheapsnap/base/guard.h"

/*
 * Mark what the page owns: all that is reached from the root's shortcuts. NULL in `*ret`
 * when there are none; then nothing depends on it.
 */
static bool mark_page(const struct hs_snapshot *snapshot, uint8_t **ret)
{
    size_t count = snapshot->node_count;
    hs_auto_free uint8_t *is_page = calloc(count, 1);
    hs_auto_free uint32_t *list = malloc(count * sizeof(*list));
    if (!is_page || !list)
        return false;
    size_t n = 0;
    uint32_t root = snapshot->root;
    for (uint32_t e = snapshot->first_edge[root]; e < snapshot->first_edge[root + 1];
         e++) {
        uint32_t child = snapshot->edge_to[e];
        bool is_document = snapshot->edge_type[e] == HS_EDGE_ELEMENT
                           && snapshot->node_type[child] == HS_NODE_SYNTHETIC
                           && hs_is_user_root(snapshot, child);
        if ((snapshot->edge_type[e] == HS_EDGE_SHORTCUT || is_document)
            && !is_page[child]) {
            is_page[child] = 1;
            list[n++] = child;
        }
    }
    bool is_any = n > 0;
    while (n > 0) {
        uint32_t node = list[--n];
        for (uint32_t e = snapshot->first_edge[node]; e < snapshot->first_edge[node + 1];
             e++) {
            uint32_t to = snapshot->edge_to[e];
            if (is_page[to] || snapshot->edge_type[e] == HS_EDGE_WEAK)
                continue;
            is_page[to] = 1;
            list[n++] = to;
        }
    }
    *ret = is_any ? hs_take(is_page) : NULL;
    return true;
}

uint64_t *hs_find_essential_edges(const struct hs_analysis *analysis)
{
    const struct hs_snapshot *snapshot = analysis->snapshot;
    struct hs_analysis_storage *storage = analysis->storage;
    hs_auto_free uint8_t *is_page = NULL;
    uint64_t *essential =
        calloc((size_t)snapshot->edge_count / 64 + 1, sizeof(*essential));
    if (!essential || !mark_page(snapshot, &is_page)) {
        free(essential);
        return NULL;
    }
    for (uint32_t from = 0; from < snapshot->node_count; from++) {
        bool is_root = from == snapshot->root;
        bool is_blind = is_page && !is_root && !is_page[from];
        for (uint32_t e = snapshot->first_edge[from]; e < snapshot->first_edge[from + 1];
             e++) {
            uint8_t type = snapshot->edge_type[e];
            uint32_t to = snapshot->edge_to[e];
            if (type == HS_EDGE_WEAK || to == from
                || (type == HS_EDGE_SHORTCUT && !is_root) || (is_blind && is_page[to]))
                continue;
            if (type == HS_EDGE_INTERNAL) {
                const struct hs_ephemeron *ephemeron =
                    hs_ephemeron_find(storage->ephemerons, snapshot->edge_name[e]);
                if (ephemeron && ephemeron->table == snapshot->node_id[from])
                    continue;
            }
            essential[e / 64] |= UINT64_C(1) << (e % 64);
        }
    }
    return essential;
}

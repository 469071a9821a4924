// SPDX-License-Identifier: MIT

/*
 * How far every node is from a root: breadth-first, weak edges left out.
 *
 * The program's own roots come first and count from 1; what only the VM's groups reach
 * follows with numbers beyond HS_DISTANCE_SYSTEM. The edge that reached a node first is
 * kept: followed backwards it is the shortest way a user can be told.
 */

#include <stdlib.h>
#include <string.h>

#include "libheapsnap/analysis/ephemerons.h"
#include "libheapsnap/analysis/parts.h"
#include "libheapsnap/base/guard.h"

struct search {
    struct hs_analysis *analysis;
    struct hs_ephemerons *ephemerons;
    uint8_t *pending; /* a pair of which one edge was seen */
    uint32_t pending_room;
    uint32_t count; /* of analysis->order */
};

bool hs_is_user_root(const struct hs_snapshot *snapshot, uint32_t node)
{
    return snapshot->node_type[node] != HS_NODE_SYNTHETIC
           || strcmp(snapshot->strings[snapshot->node_name[node]], "(Document DOM trees)")
                  == 0;
}

bool hs_has_user_roots(const struct hs_snapshot *snapshot)
{
    uint32_t root = snapshot->root;
    for (uint32_t e = snapshot->first_edge[root]; e < snapshot->first_edge[root + 1]; e++)
        if (hs_is_user_root(snapshot, snapshot->edge_to[e]))
            return true;
    return false;
}

/* A WeakMap's value is reached once both the table and the key are. True when `pair` was
 * seen before, which it then no longer was. */
static bool is_second(struct search *search, uint32_t pair)
{
    if (pair >= search->pending_room) {
        uint32_t room = pair < 1024 ? 2048 : pair * 2;
        uint8_t *bigger = realloc(search->pending, room);
        if (!bigger)
            return true;
        memset(bigger + search->pending_room, 0, room - search->pending_room);
        search->pending = bigger;
        search->pending_room = room;
    }
    search->pending[pair] ^= 1;
    return search->pending[pair] == 0;
}

enum node_kind { PLAIN, NATIVE_CONTEXT, MAP_DESCRIPTORS };

static enum node_kind kind_of(const struct hs_snapshot *snapshot, uint32_t node)
{
    uint8_t type = snapshot->node_type[node];
    if (type != HS_NODE_HIDDEN && type != HS_NODE_ARRAY)
        return PLAIN;
    const char *name = snapshot->strings[snapshot->node_name[node]];
    if (type == HS_NODE_HIDDEN)
        return strcmp(name, "system / NativeContext") == 0 ? NATIVE_CONTEXT : PLAIN;
    return strcmp(name, "(map descriptors)") == 0 ? MAP_DESCRIPTORS : PLAIN;
}

/* V8's own structures have edges that would make everything look near. */
static bool is_followed(struct search *search, enum node_kind kind, uint32_t edge)
{
    const struct hs_snapshot *snapshot = search->analysis->snapshot;
    uint8_t type = snapshot->edge_type[edge];
    bool has_number = type == HS_EDGE_ELEMENT || type == HS_EDGE_HIDDEN;
    uint32_t name = snapshot->edge_name[edge];
    if (kind == NATIVE_CONTEXT && !has_number
        && strcmp(snapshot->strings[name], "sloppy_function_map") == 0)
        return false;
    if (kind == MAP_DESCRIPTORS) {
        char *end = NULL;
        long index = has_number ? (long)name : strtol(snapshot->strings[name], &end, 10);
        bool is_number = has_number || end != snapshot->strings[name];
        return !is_number || index < 2 || index % 3 != 1;
    }
    if (type != HS_EDGE_INTERNAL)
        return true;
    const struct hs_ephemeron *ephemeron = hs_ephemeron_find(search->ephemerons, name);
    return !ephemeron || is_second(search, ephemeron->pair);
}

static void visit(struct search *search, uint32_t from, uint32_t edge, int32_t distance)
{
    struct hs_analysis *analysis = search->analysis;
    uint32_t node = analysis->snapshot->edge_to[edge];
    analysis->distance[node] = distance;
    analysis->reached_by[node] = edge;
    analysis->reached_from[node] = from;
    analysis->order[search->count++] = node;
}

/* Go on from order[from…] until nothing new comes. */
static void spread(struct search *search, uint32_t from)
{
    struct hs_analysis *analysis = search->analysis;
    const struct hs_snapshot *snapshot = analysis->snapshot;
    for (uint32_t next = from; next < search->count; next++) {
        uint32_t node = analysis->order[next];
        int32_t distance = analysis->distance[node] + 1;
        enum node_kind kind = kind_of(snapshot, node);
        uint32_t end = snapshot->first_edge[node + 1];
        for (uint32_t e = snapshot->first_edge[node]; e < end; e++) {
            uint8_t type = snapshot->edge_type[e];
            if (type == HS_EDGE_WEAK
                || analysis->distance[snapshot->edge_to[e]] != HS_DISTANCE_UNREACHED)
                continue;
            if ((type == HS_EDGE_INTERNAL || kind != PLAIN)
                && !is_followed(search, kind, e))
                continue;
            visit(search, node, e, distance);
        }
    }
}

bool hs_measure_distances(struct hs_analysis *analysis)
{
    const struct hs_snapshot *snapshot = analysis->snapshot;
    size_t count = snapshot->node_count;
    analysis->distance = malloc(count * sizeof(*analysis->distance));
    analysis->reached_by = malloc(count * sizeof(*analysis->reached_by));
    analysis->reached_from = malloc(count * sizeof(*analysis->reached_from));
    analysis->order = malloc((count + 1) * sizeof(*analysis->order));
    if (!analysis->distance || !analysis->reached_by || !analysis->reached_from
        || !analysis->order)
        return false;
    for (size_t i = 0; i < count; i++)
        analysis->distance[i] = HS_DISTANCE_UNREACHED;
    memset(analysis->reached_by, 0xff, count * sizeof(*analysis->reached_by));
    memset(analysis->reached_from, 0xff, count * sizeof(*analysis->reached_from));

    struct hs_analysis_storage *storage = analysis->storage;
    struct search search = {.analysis = analysis, .ephemerons = storage->ephemerons};
    uint32_t root = snapshot->root;
    for (uint32_t e = snapshot->first_edge[root]; e < snapshot->first_edge[root + 1];
         e++) {
        uint32_t child = snapshot->edge_to[e];
        if (hs_is_user_root(snapshot, child)
            && analysis->distance[child] == HS_DISTANCE_UNREACHED)
            visit(&search, root, e, 1);
    }
    spread(&search, 0);
    uint32_t own = search.count;
    /* The root starts the second search even where something leads back to it. */
    analysis->distance[root] = own > 0 ? HS_DISTANCE_SYSTEM : 0;
    analysis->reached_by[root] = HS_ANALYSIS_NONE;
    analysis->reached_from[root] = HS_ANALYSIS_NONE;
    analysis->order[search.count++] = root;
    spread(&search, own);
    analysis->reached_count = search.count;
    free(search.pending);
    return true;
}

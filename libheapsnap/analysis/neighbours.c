// SPDX-License-Identifier: MIT

/*
 * Contents are ordered as Containment does: by retained size, then by the edge's name,
 * where numbers count as numbers. Holders are ordered as Retainers does: by distance, then
 * by the holder's name, then the later edge first.
 */

#include "libheapsnap/analysis/neighbours.h"

#include <stdlib.h>
#include <string.h>

#include "libheapsnap/base/array.h"

/* ---- order ---- */

static bool has_number(const struct hs_snapshot *snapshot, uint32_t edge)
{
    uint8_t type = snapshot->edge_type[edge];
    return type == HS_EDGE_ELEMENT || type == HS_EDGE_HIDDEN;
}

static int by_edge_name(const struct hs_snapshot *snapshot, uint32_t left, uint32_t right)
{
    bool a = has_number(snapshot, left), b = has_number(snapshot, right);
    uint32_t a_name = snapshot->edge_name[left], b_name = snapshot->edge_name[right];
    if (a != b)
        return a ? 1 : -1;
    if (a)
        return a_name < b_name ? -1 : a_name > b_name;
    return strcmp(snapshot->strings[a_name], snapshot->strings[b_name]);
}

static int by_retained(const void *left, const void *right, void *data)
{
    const struct hs_analysis *analysis = data;
    const struct hs_neighbour *a = left, *b = right;
    uint64_t a_size = analysis->retained[a->node], b_size = analysis->retained[b->node];
    if (a_size != b_size)
        return a_size < b_size ? 1 : -1;
    int order = by_edge_name(analysis->snapshot, a->edge, b->edge);
    return order != 0 ? order : a->edge < b->edge ? -1 : a->edge > b->edge;
}

/* What nothing reaches comes last. */
static uint32_t sort_distance(const struct hs_analysis *analysis, uint32_t node)
{
    int32_t distance = analysis->distance[node];
    return distance == HS_DISTANCE_UNREACHED ? UINT32_MAX : (uint32_t)distance;
}

static int by_distance(const void *left, const void *right, void *data)
{
    const struct hs_analysis *analysis = data;
    const struct hs_snapshot *snapshot = analysis->snapshot;
    const struct hs_neighbour *a = left, *b = right;
    uint32_t near = sort_distance(analysis, a->node);
    uint32_t far = sort_distance(analysis, b->node);
    if (near != far)
        return near < far ? -1 : 1;
    /* DevTools compares "Detached …" where it has put that in front. */
    static const char detached[] = "Detached ";
    bool a_has = analysis->node_is_renamed[a->node];
    bool b_has = analysis->node_is_renamed[b->node];
    const char *a_name = snapshot->strings[snapshot->node_name[a->node]];
    const char *b_name = snapshot->strings[snapshot->node_name[b->node]];
    int order = a_has == b_has ? strcmp(a_name, b_name)
                : a_has        ? strcmp(detached, b_name)
                               : strcmp(a_name, detached);
    return order != 0 ? order : a->edge > b->edge ? -1 : a->edge < b->edge;
}

/* ---- lists ---- */

static bool is_shown(const struct hs_neighbour_source *source, uint32_t edge)
{
    return source->has_weak
           || source->analysis->snapshot->edge_type[edge] != HS_EDGE_WEAK;
}

static bool list_contents(const struct hs_neighbour_source *source, uint32_t node,
                          struct hs_neighbours *ret)
{
    const struct hs_snapshot *snapshot = source->analysis->snapshot;
    uint32_t end = snapshot->first_edge[node + 1];
    for (uint32_t e = snapshot->first_edge[node]; e < end; e++) {
        struct hs_neighbour neighbour = {.edge = e, .node = snapshot->edge_to[e]};
        if (is_shown(source, e) && !hs_array_push(ret, neighbour))
            return false;
    }
    return true;
}

/* That the root holds something says nothing. */
static bool list_holders(const struct hs_neighbour_source *source, uint32_t node,
                         struct hs_neighbours *ret)
{
    const struct hs_snapshot *snapshot = source->analysis->snapshot;
    const struct hs_retainers *retainers = source->retainers;
    for (uint32_t i = retainers->first[node]; i < retainers->first[node + 1]; i++) {
        uint32_t edge = retainers->edges[i];
        struct hs_neighbour neighbour = {.edge = edge,
                                         .node = hs_edge_find_source(snapshot, edge)};
        if (neighbour.node != snapshot->root && is_shown(source, edge)
            && !hs_array_push(ret, neighbour))
            return false;
    }
    return true;
}

bool hs_neighbours_list(const struct hs_neighbour_source *source, uint32_t node,
                        struct hs_neighbours *ret)
{
    bool is_fine = source->retainers ? list_holders(source, node, ret)
                                     : list_contents(source, node, ret);
    if (ret->count > 1)
        qsort_r(ret->at, ret->count, sizeof(*ret->at),
                source->retainers ? by_distance : by_retained, (void *)source->analysis);
    return is_fine;
}

bool hs_neighbours_exist(const struct hs_neighbour_source *source, uint32_t node)
{
    const struct hs_snapshot *snapshot = source->analysis->snapshot;
    const struct hs_retainers *retainers = source->retainers;
    uint32_t first = retainers ? retainers->first[node] : snapshot->first_edge[node];
    uint32_t end =
        retainers ? retainers->first[node + 1] : snapshot->first_edge[node + 1];
    for (uint32_t i = first; i < end; i++) {
        uint32_t edge = retainers ? retainers->edges[i] : i;
        if (is_shown(source, edge)
            && (!retainers || hs_edge_find_source(snapshot, edge) != snapshot->root))
            return true;
    }
    return false;
}

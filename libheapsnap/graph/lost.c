// SPDX-License-Identifier: MIT

/*
 * Who leads the lost blocks: Tarjan's strongly connected components, made iterative.
 *
 * A lost ring has no first block, so single blocks cannot be ranked; components can. A
 * component that no other lost component points to is a leak root, and its largest block
 * stands for it. Everything here is numbered within the lost blocks alone, so that a
 * clean heap of millions costs nothing.
 */

#include "libheapsnap/graph/lost.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/base/guard.h"
#include "libheapsnap/graph/pointer.h"
#include "probes/abi.h"

#define NOT_VISITED 0u
#define NONE UINT32_MAX

/* Columns are indexed by lost number; while the search runs, graph->leader maps a block
 * to its lost number. */
struct lost {
    const struct hs_capture *capture;
    struct hs_graph *graph;
    uint32_t *columns; /* owner of all below */
    size_t count;
    uint32_t *block;     /* ascending */
    uint32_t *visit;     /* order of the first visit, from 1; NOT_VISITED before */
    uint32_t *low;       /* earliest open visit that can be reached from here */
    uint32_t *component; /* NONE until the component is complete */
    uint32_t *cursor;    /* next edge to follow */
    uint32_t *open;      /* stack: visited, in no component yet */
    uint32_t *path;      /* stack: from where the walk began to where it is */
    size_t n_open, n_path;
    uint32_t n_visits, n_components;
};

#define N_COLUMNS 7

static int lost_init(struct lost *lost)
{
    struct hs_graph *graph = lost->graph;
    for (size_t i = 0; i < graph->n_blocks; i++) {
        if (graph->reach[i] != HS_REACH_LOST)
            continue;
        graph->lost_bytes += lost->capture->blocks[i].size;
        graph->leader[i] = (uint32_t)lost->count++;
    }
    graph->lost_blocks = lost->count;

    uint32_t *columns = calloc(lost->count + 1, N_COLUMNS * sizeof(*columns));
    if (!columns)
        return -ENOMEM;
    lost->columns = columns;
    uint32_t **each[N_COLUMNS] = {&lost->block,     &lost->visit,  &lost->low,
                                  &lost->component, &lost->cursor, &lost->open,
                                  &lost->path};
    for (size_t i = 0; i < N_COLUMNS; i++)
        *each[i] = columns + i * lost->count;

    size_t number = 0;
    for (size_t i = 0; i < graph->n_blocks && number < lost->count; i++) {
        if (graph->reach[i] != HS_REACH_LOST)
            continue;
        lost->block[number] = (uint32_t)i;
        lost->component[number] = NONE;
        lost->cursor[number] = graph->first_edge[i];
        number++;
    }
    return 0;
}

/* The lost number of the next lost block that `at` points to, or NONE; does not advance. */
static uint32_t next_target(struct lost *lost, uint32_t at)
{
    uint32_t end = lost->graph->first_edge[lost->block[at] + 1];
    while (lost->cursor[at] < end) {
        const struct hs_capture_edge *edge = &lost->capture->edges[lost->cursor[at]];
        if (lost->graph->reach[edge->to] == HS_REACH_LOST
            && hs_pointer_holds(lost->graph, lost->capture, edge->to, edge->inside))
            return lost->graph->leader[edge->to];
        lost->cursor[at]++;
    }
    return NONE;
}

static void enter(struct lost *lost, uint32_t at)
{
    lost->visit[at] = lost->low[at] = ++lost->n_visits;
    lost->open[lost->n_open++] = at;
    lost->path[lost->n_path++] = at;
}

/* Leave `at`, the end of the path; when it is the first of its component, close that. */
static void leave(struct lost *lost, uint32_t at)
{
    lost->n_path--;
    if (lost->low[at] != lost->visit[at])
        return;
    uint32_t member;
    do {
        member = lost->open[--lost->n_open];
        lost->component[member] = lost->n_components;
    } while (member != at);
    lost->n_components++;
}

static void find_components(struct lost *lost, uint32_t start)
{
    enter(lost, start);
    while (lost->n_path > 0) {
        uint32_t at = lost->path[lost->n_path - 1];
        uint32_t next = next_target(lost, at);
        if (next == NONE) {
            leave(lost, at);
            continue;
        }
        if (lost->visit[next] == NOT_VISITED) {
            enter(lost, next); /* the edge is looked at again when this one has left */
            continue;
        }
        if (lost->component[next] == NONE && lost->low[next] < lost->low[at])
            lost->low[at] = lost->low[next];
        lost->cursor[at]++;
    }
}

/* Components that another one points to are marked in `is_held`. */
static void find_held(struct lost *lost, uint8_t *is_held)
{
    for (uint32_t at = 0; at < lost->count; at++) {
        lost->cursor[at] = lost->graph->first_edge[lost->block[at]];
        uint32_t next;
        while ((next = next_target(lost, at)) != NONE) {
            if (lost->component[next] != lost->component[at])
                is_held[lost->component[next]] = 1;
            lost->cursor[at]++;
        }
    }
}

/* The largest block of each component, the first of equals; into `best` as lost number. */
static void find_largest(const struct lost *lost, uint32_t *best)
{
    const struct hs_capture_block *blocks = lost->capture->blocks;
    for (uint32_t at = 0; at < lost->count; at++) {
        uint32_t *winner = &best[lost->component[at]];
        if (*winner == NONE
            || blocks[lost->block[at]].size > blocks[lost->block[*winner]].size)
            *winner = at;
    }
}

/* Everything that can be reached from `leader` and belongs to nobody yet; `owner` is by
 * lost number. */
static void claim(struct lost *lost, uint32_t leader, uint32_t *owner)
{
    lost->n_path = 0;
    lost->path[lost->n_path++] = leader;
    owner[leader] = leader;
    while (lost->n_path > 0) {
        uint32_t at = lost->path[--lost->n_path];
        uint32_t next;
        lost->cursor[at] = lost->graph->first_edge[lost->block[at]];
        while ((next = next_target(lost, at)) != NONE) {
            if (owner[next] == NONE) {
                owner[next] = leader;
                lost->path[lost->n_path++] = next;
            }
            lost->cursor[at]++;
        }
    }
}

static int name_leaders(struct lost *lost)
{
    hs_auto_free uint8_t *is_held = calloc(lost->n_components + 1, 1);
    hs_auto_free uint32_t *best = malloc((lost->n_components + 1) * sizeof(*best));
    if (!is_held || !best)
        return -ENOMEM;
    memset(best, 0xff, (lost->n_components + 1) * sizeof(*best));
    find_held(lost, is_held);
    find_largest(lost, best);

    uint32_t *owner = lost->visit; /* no longer needed */
    memset(owner, 0xff, lost->count * sizeof(*owner));
    for (uint32_t at = 0; at < lost->count; at++) {
        uint32_t component = lost->component[at];
        if (is_held[component] || best[component] != at)
            continue;
        lost->graph->is_leader[lost->block[at]] = 1;
        claim(lost, at, owner);
    }
    for (uint32_t at = 0; at < lost->count; at++)
        lost->graph->leader[lost->block[at]] = lost->block[owner[at]];
    return 0;
}

int hs_graph_find_leaders(const struct hs_capture *capture, struct hs_graph *graph)
{
    struct lost lost = {.capture = capture, .graph = graph};
    int result = lost_init(&lost);
    if (result == 0 && lost.count > 0) {
        for (uint32_t at = 0; at < lost.count; at++)
            if (lost.visit[at] == NOT_VISITED)
                find_components(&lost, at);
        result = name_leaders(&lost);
    }
    free(lost.columns);
    return result;
}

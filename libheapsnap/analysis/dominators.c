// SPDX-License-Identifier: MIT

/*
 * Dominators by Semi-NCA (Georgiadis, 2005): semidominators with path compression, then
 * the nearest common ancestor, in one array of pairs that fits the cache better than
 * Lengauer–Tarjan's buckets. Everything works on depth-first numbers, 0 is the root, and
 * nothing recurses.
 *
 * Nodes that no essential edge path reaches: those without any essential edge to them hang
 * from the root like its children; what is left then are cycles that nothing holds, whose
 * members all hang from the root, and whose edges hold nothing. So does DevTools.
 */

#include <stdlib.h>
#include <string.h>

#include "libheapsnap/analysis/parts.h"
#include "libheapsnap/base/guard.h"

#define UNSEEN UINT32_MAX

struct link {
    uint32_t up;   /* an ancestor, nearer the root with every compression */
    uint32_t best; /* smallest semidominator between here and below `up` */
};

struct work {
    const struct hs_snapshot *snapshot;
    uint64_t *essential;
    uint32_t *number;    /* of a node */
    uint32_t *vertex;    /* node of a number */
    uint32_t *dominator; /* of a number, as a number; at first the tree's parent */
    uint32_t *next;      /* scratch of a node or number each */
    struct link *links;
    uint32_t *semi;              /* of a number: its semidominator */
    uint32_t *first_from, *from; /* who leads to a number, as numbers */
    uint32_t count;              /* numbers given by depth-first search */
};

static void release(struct work *work)
{
    free(work->essential);
    free(work->number);
    free(work->vertex);
    free(work->dominator);
    free(work->next);
    free(work->links);
    free(work->semi);
    free(work->first_from);
    free(work->from);
}

static void give_number(struct work *work, uint32_t node, uint32_t parent)
{
    work->number[node] = work->count;
    work->vertex[work->count] = node;
    work->dominator[work->count] = parent;
    work->next[work->count] = work->snapshot->first_edge[node];
    work->count++;
}

/* Number what is reached from `node`, whose parent in the tree is number `parent`. */
static void search(struct work *work, uint32_t start, uint32_t parent)
{
    const struct hs_snapshot *snapshot = work->snapshot;
    uint32_t first = work->count;
    give_number(work, start, parent);
    for (uint32_t at = first;;) {
        uint32_t edge = work->next[at], end = snapshot->first_edge[work->vertex[at] + 1];
        while (edge < end
               && (work->number[snapshot->edge_to[edge]] != UNSEEN
                   || !hs_is_essential(work->essential, edge)))
            edge++;
        work->next[at] = edge + 1;
        if (edge < end) {
            uint32_t child = work->count;
            give_number(work, snapshot->edge_to[edge], at);
            at = child;
        } else if (at == first) {
            break;
        } else {
            work->next[at] = end;
            at = work->dominator[at];
        }
    }
}

/* Strays without an essential edge to them become children of the root. */
static bool adopt_strays(struct work *work)
{
    const struct hs_snapshot *snapshot = work->snapshot;
    if (work->count == snapshot->node_count)
        return true;
    hs_auto_free uint8_t *is_held = calloc(snapshot->node_count, 1);
    if (!is_held)
        return false;
    for (uint32_t e = 0; e < snapshot->edge_count; e++)
        if (hs_is_essential(work->essential, e))
            is_held[snapshot->edge_to[e]] = 1;
    for (uint32_t node = 0; node < snapshot->node_count; node++)
        if (work->number[node] == UNSEEN && !is_held[node])
            search(work, node, 0);
    return true;
}

/* Turn the edges around, in numbers. */
static bool find_predecessors(struct work *work)
{
    const struct hs_snapshot *snapshot = work->snapshot;
    uint32_t count = work->count, used = 0;
    work->first_from = calloc((size_t)count + 2, sizeof(uint32_t));
    work->from = malloc(((size_t)snapshot->edge_count + 1) * sizeof(uint32_t));
    hs_auto_free uint32_t *targets =
        malloc(((size_t)snapshot->edge_count + 1) * sizeof(uint32_t));
    if (!work->first_from || !work->from || !targets)
        return false;
    uint32_t *first = work->first_from + 1;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t node = work->vertex[i];
        for (uint32_t e = snapshot->first_edge[node]; e < snapshot->first_edge[node + 1];
             e++)
            if (hs_is_essential(work->essential, e)) {
                uint32_t to = work->number[snapshot->edge_to[e]];
                targets[used++] = to;
                first[to]++;
            }
        work->next[i] = used;
    }
    uint32_t place = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t size = first[i];
        first[i] = place;
        place += size;
    }
    for (uint32_t i = 0, e = 0; i < count; i++)
        for (; e < work->next[i]; e++)
            work->from[first[targets[e]]++] = i;
    return true; /* first_from[i] is now where the edges to i begin */
}

/* The smallest semidominator on the way from `number` up to what is not linked yet. */
static uint32_t evaluate(struct link *links, uint32_t *stack, uint32_t number,
                         uint32_t linked)
{
    uint32_t depth = 0;
    while (links[number].up >= linked) {
        stack[depth++] = number;
        number = links[number].up;
    }
    while (depth > 0) {
        uint32_t below = stack[--depth];
        if (links[number].best < links[below].best)
            links[below].best = links[number].best;
        links[below].up = links[number].up;
        number = below;
    }
    return links[number].best;
}

static void find_semidominators(struct work *work)
{
    struct link *links = work->links;
    uint32_t *stack = work->next;
    for (uint32_t i = 0; i < work->count; i++)
        links[i] = (struct link){.up = work->dominator[i], .best = i};
    for (uint32_t i = work->count; i-- > 1;) {
        uint32_t semi = work->dominator[i];
        for (uint32_t f = work->first_from[i]; f < work->first_from[i + 1]; f++) {
            uint32_t from = work->from[f];
            uint32_t best = from <= i ? from : evaluate(links, stack, from, i + 1);
            if (best < semi)
                semi = best;
        }
        links[i].best = work->semi[i] = semi;
    }
    for (uint32_t i = 1; i < work->count; i++) {
        uint32_t dominator = work->dominator[i];
        while (dominator > work->semi[i])
            dominator = work->dominator[dominator];
        work->dominator[i] = dominator;
    }
}

/* All nodes, each dominator's subtree in one range. `next` is where a node's next child
 * goes; the sizes of the subtrees come up from the leaves first. */
static bool order_tree(struct work *work, uint32_t **ret_order, uint32_t **ret_end)
{
    uint32_t count = work->count;
    hs_auto_free uint32_t *order = malloc(count * sizeof(*order));
    hs_auto_free uint32_t *end = malloc(count * sizeof(*end));
    hs_auto_free uint32_t *size = malloc(count * sizeof(*size));
    if (!order || !end || !size)
        return false;
    for (uint32_t i = 0; i < count; i++)
        size[i] = 1;
    for (uint32_t i = count; i-- > 1;)
        size[work->dominator[i]] += size[i];
    for (uint32_t i = 0; i < count; i++) {
        uint32_t *place = &work->next[work->dominator[i]];
        uint32_t at = i == 0 ? 0 : *place;
        if (i > 0)
            *place += size[i];
        order[at] = work->vertex[i];
        end[at] = at + size[i];
        work->next[i] = at + 1;
    }
    *ret_order = hs_take(order);
    *ret_end = hs_take(end);
    return true;
}

static bool store(struct work *work, struct hs_analysis *analysis)
{
    uint32_t count = work->count;
    analysis->dominator = malloc(count * sizeof(*analysis->dominator));
    analysis->retained = malloc(count * sizeof(*analysis->retained));
    hs_auto_free uint64_t *retained = malloc(count * sizeof(*retained));
    if (!analysis->dominator || !analysis->retained || !retained)
        return false;
    for (uint32_t i = 0; i < count; i++)
        retained[i] = analysis->node_size[work->vertex[i]];
    for (uint32_t i = count; i-- > 1;)
        retained[work->dominator[i]] += retained[i];
    for (uint32_t i = 0; i < count; i++) {
        uint32_t node = work->vertex[i];
        analysis->dominator[node] = work->vertex[work->dominator[i]];
        analysis->retained[node] = retained[i];
    }
    return true;
}

bool hs_find_dominators(struct hs_analysis *analysis, uint32_t **ret_order,
                        uint32_t **ret_end)
{
    const struct hs_snapshot *snapshot = analysis->snapshot;
    size_t room = (size_t)snapshot->node_count + 1;
    hs_auto(release) struct work work = {
        .snapshot = snapshot,
        .essential = hs_find_essential_edges(analysis),
        .number = malloc(room * sizeof(uint32_t)),
        .vertex = malloc(room * sizeof(uint32_t)),
        .dominator = malloc(room * sizeof(uint32_t)),
        .next = malloc(room * sizeof(uint32_t)),
    };
    if (!work.essential || !work.number || !work.vertex || !work.dominator || !work.next)
        return false;
    memset(work.number, 0xff, room * sizeof(uint32_t));
    search(&work, snapshot->root, 0);
    if (!adopt_strays(&work) || !find_predecessors(&work))
        return false;
    free(hs_take(work.essential));
    work.links = malloc(work.count * sizeof(*work.links));
    work.semi = malloc(work.count * sizeof(*work.semi));
    if (!work.links || !work.semi)
        return false;
    find_semidominators(&work);
    free(hs_take(work.from));
    for (uint32_t node = 0; node < snapshot->node_count; node++)
        if (work.number[node] == UNSEEN)
            give_number(&work, node, 0);
    return store(&work, analysis) && order_tree(&work, ret_order, ret_end);
}

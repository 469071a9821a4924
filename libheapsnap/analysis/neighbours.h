// SPDX-License-Identifier: MIT

/* What a node holds, or who holds it, in the order in which DevTools shows that. */

#ifndef HEAPSNAP_ANALYSIS_NEIGHBOURS_H
#define HEAPSNAP_ANALYSIS_NEIGHBOURS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heapsnap/analysis.h"
#include "libheapsnap/analysis/retainers.h"

struct hs_neighbour {
    uint32_t edge, node;
    uint32_t repeated; /* edges like it that were left out for it: none by themselves */
};

struct hs_neighbours {
    struct hs_neighbour *at; /* free() it */
    size_t count, room;
};

struct hs_neighbour_source {
    const struct hs_analysis *analysis;
    const struct hs_retainers *retainers; /* NULL: what a node holds */
    bool has_weak;                        /* weak edges, too */
};

/* Fill in `ret`, which is empty. False when memory ends. */
bool hs_neighbours_list(const struct hs_neighbour_source *source, uint32_t node,
                        struct hs_neighbours *ret);

/* Would there be any? */
bool hs_neighbours_exist(const struct hs_neighbour_source *source, uint32_t node);

#endif

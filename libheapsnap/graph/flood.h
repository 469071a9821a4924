// SPDX-License-Identifier: MIT

/*
 * One flood over a capture: from where it may begin, what lies in its way.
 *
 * Which pointers it follows is a question each tool answers differently, so the caller
 * answers it. Iterative with a stack of block numbers: a list of five million nodes must
 * cost memory in the heap, never in our own call stack.
 */

#ifndef HEAPSNAP_GRAPH_FLOOD_H
#define HEAPSNAP_GRAPH_FLOOD_H

#include <stdbool.h>

#include "heapsnap/graph.h"

struct hs_flood {
    const struct hs_capture *capture;
    const struct hs_graph *graph; /* for first_edge */
    const struct hs_graph_options *options;
    /* Does this pointer count? */
    bool (*holds)(const struct hs_flood *flood, uint32_t to, uint32_t inside);
    uint8_t *mark;     /* a block: 0 not reached yet; else the `value` of that time */
    uint32_t *pending; /* each block enters at most once: n_blocks entries are enough */
    size_t n_pending;
    uint8_t value;
};

/* `mark` is the caller's, and zeroed where nothing is reached yet. False without memory. */
bool hs_flood_init(struct hs_flood *flood);
void hs_flood_deinit(struct hs_flood *flood);

/* Mark `block`, and all that can be reached from it. */
void hs_flood_from(struct hs_flood *flood, uint32_t block);

/* The beginnings, in the order of the evidence they give: see enum hs_reach. */
void hs_flood_lasting(struct hs_flood *flood);   /* data, TLS, regions, the loader */
void hs_flood_momentary(struct hs_flood *flood); /* stacks, registers */
void hs_flood_ignored(struct hs_flood *flood);
void hs_flood_mappings(struct hs_flood *flood);
void hs_flood_weak(struct hs_flood *flood);

#endif

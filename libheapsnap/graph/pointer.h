// SPDX-License-Identifier: MIT

/*
 * Which of the pointers that the scan has found mean anything.
 *
 * One past the end of a heap block is a pointer that programs keep ("end" of a vector).
 * Mappings lie side by side, so there the same address is the beginning of a neighbour,
 * a thread's stack for example, and says nothing about the mapping below.
 */

#ifndef HEAPSNAP_GRAPH_POINTER_H
#define HEAPSNAP_GRAPH_POINTER_H

#include <stdbool.h>

#include "heapsnap/capture.h"
#include "heapsnap/graph.h"
#include "probes/abi.h"

static inline bool hs_pointer_counts(const struct hs_capture *capture, uint32_t to,
                                     uint32_t inside)
{
    return inside != HS_PAST_END || !(capture->blocks[to].flags & HS_BLOCK_MAPPING);
}

/* An array of objects with destructors is preceded by its count, and one without members
 * is nothing but that: `new T[0]` points behind it. */
#define HS_COOKIE_SIZE 8u

/* The same under the options a graph is made with. */
static inline bool hs_pointer_holds(const struct hs_graph *graph,
                                    const struct hs_capture *capture, uint32_t to,
                                    uint32_t inside)
{
    if (inside != HS_PAST_END)
        return true;
    if (graph->ignores_past_end && capture->blocks[to].size != HS_COOKIE_SIZE)
        return false;
    return hs_pointer_counts(capture, to, inside);
}

#endif

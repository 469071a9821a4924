// SPDX-License-Identifier: MIT

/*
 * The second half of the graph: what nothing holds, and who stands at its head.
 */

#ifndef HEAPSNAP_GRAPH_LOST_H
#define HEAPSNAP_GRAPH_LOST_H

#include "heapsnap/graph.h"

/*
 * Fill `is_leader`, `leader`, `lost_blocks` and `lost_bytes` of a graph whose `reach` and
 * `first_edge` are complete. 0, or -ENOMEM.
 */
int hs_graph_find_leaders(const struct hs_capture *capture, struct hs_graph *graph);

#endif

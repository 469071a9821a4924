// SPDX-License-Identifier: MIT

/* The edges turned around: who points to a node. */

#ifndef HEAPSNAP_ANALYSIS_RETAINERS_H
#define HEAPSNAP_ANALYSIS_RETAINERS_H

#include <stdint.h>

#include "heapsnap/snapshot.h"

struct hs_retainers {
    uint32_t *first; /* node_count + 1 */
    uint32_t *edges; /* to node n: [first[n], first[n + 1]), ascending */
};

/* NULL when memory ends. */
struct hs_retainers *hs_retainers_create(const struct hs_snapshot *snapshot);
void hs_retainers_destroy(struct hs_retainers *retainers); /* NULL is fine */

#endif

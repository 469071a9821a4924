// SPDX-License-Identifier: MIT

/*
 * Who holds whom: reachability over a capture, and what is lost.
 *
 * Blocks reachable from a root are live. What is left is lost; its strongly connected
 * components that nothing else lost points to are the leak roots, and the largest block
 * of each is its leader. Mappings that nothing points to count as held by the process
 * itself (they are reached in a second pass), so that memory below a custom arena is not
 * called lost.
 */

#ifndef HEAPSNAP_GRAPH_H
#define HEAPSNAP_GRAPH_H

#include <stddef.h>
#include <stdint.h>

#include "heapsnap/capture.h"
#include "heapsnap/error.h"

enum hs_reach {
    HS_REACH_LOST = 0,
    HS_REACH_ROOT,    /* from module data, a stack, registers or TLS */
    HS_REACH_MAPPING, /* only through a mapping that nothing points to */
};

struct hs_graph {
    size_t n_blocks;
    uint8_t *reach;       /* a block: enum hs_reach */
    uint8_t *is_owned;    /* a block: module data or TLS holds it, not only a stack */
    uint32_t *first_edge; /* n_blocks + 1 entries into capture->edges */
    uint8_t *is_leader;   /* a block: leader of a leak root */
    uint32_t *
        leader; /* a lost block: the leader it hangs from (one of them); else UINT32_MAX */
    uint64_t lost_blocks, lost_bytes;
};

/* `capture` is borrowed only during the call. Destroy accepts NULL. */
HS_API int hs_graph_create(const struct hs_capture *capture, struct hs_graph **ret,
                           struct hs_error *err);
HS_API void hs_graph_destroy(struct hs_graph *graph);

#endif

// SPDX-License-Identifier: MIT

/*
 * Who holds whom: reachability over a capture, and what is lost.
 *
 * Blocks reachable from a root are live. What is left is lost; its strongly connected
 * components that nothing else lost points to are the leak roots, and the largest block
 * of each is its leader. Mappings that nothing points to count as held by the process
 * itself (they are reached in a second pass), so that memory below a custom arena is not
 * called lost.
 *
 * Other tools draw other lines through the same graph; hs_graph_kinds() and
 * hs_graph_is_direct() say what Valgrind and LeakSanitizer would call each block.
 */

#ifndef HEAPSNAP_GRAPH_H
#define HEAPSNAP_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heapsnap/capture.h"
#include "heapsnap/error.h"

enum hs_reach {
    HS_REACH_LOST = 0,
    HS_REACH_ROOT,    /* from module data, a stack, registers, TLS or a declared region */
    HS_REACH_MAPPING, /* only through a mapping that nothing points to */
    HS_REACH_IGNORED, /* only through blocks that the program asked not to call leaks */
    HS_REACH_WEAK,    /* only through memory that proves little (HS_ROOT_WEAK) */
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
    bool ignores_past_end; /* as in the options it was made with */
};

/* All zero is what a snapshot shows. */
struct hs_graph_options {
    /* A pointer one past the end holds nothing, except that of an empty C++ array. */
    bool ignores_past_end;
    /* Mappings hold nothing, as for LeakSanitizer, which does not look into them. */
    bool ignores_mappings;
    /* A block: not 0 makes it a root, reached as HS_REACH_IGNORED. May be NULL. */
    const uint8_t *is_held;
};

/* `capture` is borrowed only during the call. Destroy accepts NULL. */
HS_API int hs_graph_create(const struct hs_capture *capture, struct hs_graph **ret,
                           struct hs_error *err);
HS_API int hs_graph_create_as(const struct hs_capture *capture,
                              const struct hs_graph_options *options,
                              struct hs_graph **ret, struct hs_error *err);
HS_API void hs_graph_destroy(struct hs_graph *graph);

/* What Valgrind calls a block, the worst last. */
enum hs_leak_kind {
    HS_LEAK_REACHABLE, /* by pointers to the beginnings of blocks */
    HS_LEAK_POSSIBLE,  /* only by way of a pointer into the middle, or of weak evidence */
    HS_LEAK_INDIRECT,  /* lost, and another lost block leads to it */
    HS_LEAK_DEFINITE,  /* lost, and the leader of its component */
    HS_LEAK_KINDS
};

/*
 * Valgrind's kinds: `ret[i]` is that of block i; room for graph->n_blocks. Pointers that
 * C++ programs keep to other places than the beginning (a base class, the text of an old
 * string, an array behind its count) are as good as those to it. `options` as the graph
 * was made with.
 */
HS_API int hs_graph_kinds(const struct hs_capture *capture, const struct hs_graph *graph,
                          const struct hs_graph_options *options, uint8_t *ret,
                          struct hs_error *err);

/*
 * LeakSanitizer's "direct": a lost block that no other lost block points to, so that a
 * ring has none. `ret[i]` is 1 for those; room for graph->n_blocks.
 */
HS_API void hs_graph_is_direct(const struct hs_capture *capture,
                               const struct hs_graph *graph, uint8_t *ret);

#endif

// SPDX-License-Identifier: MIT

/*
 * Stacks frame by frame, as tests want them: the tracker itself knows the hash of a whole
 * stack when it asks for its node.
 */

#ifndef HEAPSNAP_TESTS_SUPPORT_TRIE_H
#define HEAPSNAP_TESTS_SUPPORT_TRIE_H

#include "probes/tracker/intern.h"
#include "probes/tracker/stack.h"

/* The node of `address` called from node `parent`; HS_STACK_UNKNOWN when the trie is full. */
static inline uint32_t trie_intern(uint32_t parent, uint64_t address)
{
    uint32_t count, depth = 0;
    const struct hs_capture_frame *nodes = hs_stack_nodes(&count);
    for (uint32_t node = parent; node != HS_STACK_NONE; node = nodes[node].parent)
        depth++;
    uint64_t hash = hs_intern_term(address, depth);
    for (uint32_t node = parent; node != HS_STACK_NONE; node = nodes[node].parent)
        hash += hs_intern_term(nodes[node].address, --depth);
    uint32_t node = hs_intern_seek(hash);
    return node ? node : hs_intern_add(parent, address, hash);
}

#endif

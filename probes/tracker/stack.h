// SPDX-License-Identifier: MIT

/*
 * The call stack as one number.
 *
 * Stacks are interned in a trie: a node is (caller's node, return address), so a stack is
 * the index of its innermost node. Insert-only and lock-free; the array of nodes is what
 * the capture's FRAMES section contains.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_STACK_H
#define HEAPSNAP_PROBES_TRACKER_STACK_H

#include <stdint.h>

#include "probes/abi.h"

/* Deeper stacks are cut at the outer end and counted in hs_capture_header.stacks_truncated. */
#define HS_STACK_DEPTH_MAX 256

/*
 * The stack of the caller of the hook whose frame address (__builtin_frame_address(0))
 * is given: frames of the shim itself are left out. HS_STACK_UNKNOWN before the unwinder
 * is ready or when the trie is full. Call only under the guard.
 */
uint32_t hs_stack_capture(void *hook_frame);

/* The nodes and how many there are; entries below the count are complete. */
const struct hs_capture_frame *hs_stack_nodes(uint32_t *ret_count);

uint64_t hs_stack_truncated_count(void);
void hs_stack_count_truncated(void);

/* Stacks that are HS_STACK_UNKNOWN because the trie was full. */
uint64_t hs_stack_dropped_count(void);

#endif

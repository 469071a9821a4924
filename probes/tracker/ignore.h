// SPDX-License-Identifier: MIT

/*
 * Blocks that the program does not want called leaks.
 *
 * That a block is ignored is a property of its stack: the stacks of such blocks hang from
 * a root of their own in the trie. So the table of blocks has no room to spare for it, a
 * free or a realloc forgets it, and an ordinary allocation does not pay.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_IGNORE_H
#define HEAPSNAP_PROBES_TRACKER_IGNORE_H

#include <stdbool.h>
#include <stdint.h>

#include "probes/tracker/hidden.h"

/* What the calling thread allocates from here on to the matching end is ignored. */
void hs_ignore_begin(void);
bool hs_ignore_end(void); /* false: there was no begin */

/* The live block that holds `address`; nothing happens when there is none. */
void hs_ignore_block(uint64_t address);

/* How many begins of the calling thread have no end yet. */
extern HS_HIDDEN __thread uint32_t hs_ignore_depth;

/* The node that stands for the same stack, ignored. Call under the guard. */
uint32_t hs_ignore_stack(uint32_t stack);

/* Is it the stack of an ignored block? */
bool hs_ignore_is(uint32_t stack);

#endif

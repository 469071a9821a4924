// SPDX-License-Identifier: MIT

/*
 * Programs that bring an allocator of their own, past which the shim's malloc is never
 * called. The tracker says when to look; probes/patch, which is built upon it, does it.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_ALLOCATORS_H
#define HEAPSNAP_PROBES_TRACKER_ALLOCATORS_H

#include <stdbool.h>
#include <stddef.h>

/* Is there one? From the first allocation on; allocates nothing. */
bool hs_allocators_find(void);

/* Put hooks into their functions, or report why not. From the constructor. */
void hs_allocators_patch(void);

/* What tells the true size of a block of whatever malloc the program uses; NULL where
 * blocks of several allocators are mixed. */
size_t (*hs_allocators_usable_size(void))(void *block);

#endif

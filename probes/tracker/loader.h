// SPDX-License-Identifier: MIT

/*
 * What the loader keeps for debuggers: the list of modules, which can be read without its
 * lock.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_LOADER_H
#define HEAPSNAP_PROBES_TRACKER_LOADER_H

struct link_map;

/* The first of the loaded modules, which is the executable, or NULL. The order is that of
 * symbol look-up for those that were loaded at the start. */
struct link_map *hs_loader_modules(void);

/* An address inside the loader, or NULL. */
const void *hs_loader_address(void);

#endif

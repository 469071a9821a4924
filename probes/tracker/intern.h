// SPDX-License-Identifier: MIT

/*
 * Setting up the trie of stacks; what it offers is in stack.h.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_INTERN_H
#define HEAPSNAP_PROBES_TRACKER_INTERN_H

#include <stdbool.h>

/* Once, single-threaded, before the first capture. False without memory. */
bool hs_intern_init(void);

/* Give all memory back: no stack id means anything any more. Only while no other thread is
 * inside a hook. hs_intern_init() may follow. */
void hs_intern_deinit(void);

#endif

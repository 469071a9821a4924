// SPDX-License-Identifier: MIT

/*
 * Memory that the program has declared to hold pointers (__lsan_register_root_region).
 *
 * A pair of address and size may be registered more than once and stays until it was
 * taken back as often. A fixed table of atomic words: async-signal-safe, thread-safe, and
 * the frozen image finds it complete.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_REGIONS_H
#define HEAPSNAP_PROBES_TRACKER_REGIONS_H

#include <stdbool.h>
#include <stdint.h>

#define HS_REGIONS_MAX 1024u

/* False when `size` is 0, the end is beyond the address space, or the table is full. */
bool hs_region_add(uint64_t start, uint64_t size);

/* False when exactly this pair was not registered. */
bool hs_region_remove(uint64_t start, uint64_t size);

/* In no order; false from `visit` ends it. */
void hs_region_each(bool (*visit)(uint64_t start, uint64_t size, void *context),
                    void *context);

#endif

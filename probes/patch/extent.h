// SPDX-License-Identifier: MIT

/*
 * Where a function ends, by its unwind information, which stripped programs have, too;
 * else, in programs built without, by its symbol.
 */

#ifndef HEAPSNAP_PROBES_PATCH_EXTENT_H
#define HEAPSNAP_PROBES_PATCH_EXTENT_H

#include <stdbool.h>
#include <stdint.h>

struct hs_extent {
    uint64_t size; /* of the function */
    uint64_t room; /* up to the next one, padding included; never less than size */
};

/* `symbol_size`: 0 when unknown. False when no function is known to start at `address`, or
 * its code cannot be read. */
bool hs_extent_find(uint64_t address, uint64_t symbol_size, struct hs_extent *ret);

#endif

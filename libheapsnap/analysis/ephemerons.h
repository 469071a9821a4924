// SPDX-License-Identifier: MIT

/*
 * V8's way of saying that a WeakMap holds a value only while its key lives: two edges,
 * from the table and from the key, that share a long name.
 */

#ifndef HEAPSNAP_ANALYSIS_EPHEMERONS_H
#define HEAPSNAP_ANALYSIS_EPHEMERONS_H

#include <stdbool.h>
#include <stdint.h>

#include "heapsnap/snapshot.h"

struct hs_ephemerons;

struct hs_ephemeron {
    uint32_t pair;  /* the same number for both edges of a pair */
    uint32_t table; /* id of the table's node */
};

struct hs_ephemerons *hs_ephemerons_create(const struct hs_snapshot *snapshot);
void hs_ephemerons_destroy(struct hs_ephemerons *ephemerons);

/* What the name of an internal edge says, or NULL for an ordinary name. Borrowed until
 * the next call. Names are examined once; without memory they count as ordinary. */
const struct hs_ephemeron *hs_ephemeron_find(struct hs_ephemerons *ephemerons,
                                             uint32_t name);

#endif

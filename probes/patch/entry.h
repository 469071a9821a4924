// SPDX-License-Identifier: MIT

/*
 * Other functions in the place of some: the entry of each is overwritten by a jump to a
 * stub, which passes on to a hook; its first instructions live on in a trampoline, by
 * which the hook calls the real one. Either all of a set are changed or none.
 */

#ifndef HEAPSNAP_PROBES_PATCH_ENTRY_H
#define HEAPSNAP_PROBES_PATCH_ENTRY_H

#include <stddef.h>
#include <stdint.h>

#include "probes/patch/near.h"

struct hs_entry;

/* Five integer arguments: more than any allocation function has. */
typedef uint64_t hs_entry_function(uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                                   uint64_t e);

/* A hook gets the registers of those, whatever is in them, and what it stands for. */
typedef uint64_t hs_entry_hook(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
                               const struct hs_entry *entry);

struct hs_entry {
    hs_entry_function *real; /* set by hs_entries_patch() */
    uint64_t function;
    uint64_t size; /* of the function, if anything says so; else 0 */
    hs_entry_hook *hook;
    struct hs_near_site site;
    uint8_t jump[8]; /* what is written there */
};

/*
 * Change all of `entries`, which must stay where they are for good. Call while the process
 * has one thread. NULL, or why none was changed, one clause.
 */
const char *hs_entries_patch(struct hs_entry *entries, size_t count);

#endif

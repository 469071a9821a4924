// SPDX-License-Identifier: MIT

/*
 * What was found out about a loaded object, remembered by what the loader says of it.
 *
 * A few slots, each behind a sequence number: a reader that meets a writer, or an object
 * that shares its slot with another, finds nothing and asks again. All is forgotten when a
 * library is unloaded (hs_rules_generation).
 */

#ifndef HEAPSNAP_PROBES_TRACKER_OBJECT_CACHE_H
#define HEAPSNAP_PROBES_TRACKER_OBJECT_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#define HS_OBJECT_SLOTS 64

/* The object: mapped range and unwind table. */
struct hs_object_key {
    uint64_t start, end, table;
};

struct hs_object_value {
    uint64_t first, second;
};

struct hs_object_cache {
    struct {
        uint32_t sequence; /* odd: being written */
        uint32_t generation;
        struct hs_object_key key;
        struct hs_object_value value;
    } slots[HS_OBJECT_SLOTS];
};

/* Both take no lock and are async-signal-safe. */
bool hs_object_find(struct hs_object_cache *cache, const struct hs_object_key *key,
                    struct hs_object_value *ret);
void hs_object_keep(struct hs_object_cache *cache, const struct hs_object_key *key,
                    const struct hs_object_value *value);

#endif

// SPDX-License-Identifier: MIT

/*
 * Memory the program mapped itself. Mappings made inside the real allocator are not
 * here: they hold blocks, which the live table knows. Rare events, so a small sorted
 * table under a lock-free discipline of its own; see mappings.c.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_MAPPINGS_H
#define HEAPSNAP_PROBES_TRACKER_MAPPINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hs_mapping {
    uint64_t address;
    uint64_t size;
    uint32_t stack;
    uint32_t birth_epoch;
    uint32_t flags; /* HS_BLOCK_SHARED, HS_BLOCK_FILE; protection is read at the snapshot */
};

/* A mapping appeared; whatever it replaced (MAP_FIXED) is cut away first. */
void hs_mapping_add(uint64_t address, uint64_t size, uint32_t flags, uint32_t stack);

/* [address, +size) is gone: entries are cut, split or removed; pieces keep their birth. */
void hs_mapping_remove(uint64_t address, uint64_t size);

/* mremap moved or resized one. The new range counts as born now. */
void hs_mapping_move(uint64_t old_address, uint64_t old_size, uint64_t new_address,
                     uint64_t new_size, uint32_t stack);

/* Ascending by address; in the image or beside running threads. */
void hs_mapping_each(bool (*visit)(const struct hs_mapping *mapping, void *context),
                     void *context);

/* After fork: forget in-flight updates of threads that no longer exist. */
void hs_mapping_fork_child(void);

#endif

// SPDX-License-Identifier: MIT

/*
 * Memory the program mapped itself, and what its allocator mapped, marked as such: that
 * holds blocks, which the live table knows, and free memory. Rare events, so a small sorted
 * table under a lock-free discipline of its own; see mappings.c.
 *
 * Record a mapping right AFTER the real mmap, forget a range right BEFORE the real
 * munmap or mremap: in between nobody else can be given the same addresses.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_MAPPINGS_H
#define HEAPSNAP_PROBES_TRACKER_MAPPINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HS_MAPPING_OF_ALLOCATOR 0x80000000u

/* More pieces than the kernel allows a process by default. */
#define HS_MAPPING_LIMIT 65536u

struct hs_mapping {
    uint64_t address; /* page-aligned */
    uint64_t size;    /* whole pages */
    uint32_t stack;
    uint32_t birth_epoch;
    /* HS_BLOCK_SHARED, HS_BLOCK_FILE (protection is read at the snapshot), and: */
    uint32_t flags;
};

/* A mapping appeared; whatever it replaced (MAP_FIXED) is cut away. */
void hs_mapping_add(uint64_t address, uint64_t size, uint32_t flags, uint32_t stack);

/*
 * [address, +size) will be gone: entries are cut, split or removed; pieces keep their
 * birth. False when nothing was known there. `ret` (may be NULL) gets the part of the
 * first entry that was cut away, so that a failed call can put it back.
 */
bool hs_mapping_remove(uint64_t address, uint64_t size, struct hs_mapping *ret);

/* Put back exactly what hs_mapping_remove() returned, birth epoch included. */
void hs_mapping_restore(const struct hs_mapping *mapping);

/* The entry that holds `address`. */
bool hs_mapping_find(uint64_t address, struct hs_mapping *ret);

/* Ascending by address, disjoint; in the image or beside running threads. */
void hs_mapping_each(bool (*visit)(const struct hs_mapping *mapping, void *context),
                     void *context);

/* The epochs are numbered anew: all are as old as can be. Only while every other thread
 * is stopped. */
void hs_mapping_forget_epochs(void);

/* After fork: forget in-flight updates of threads that no longer exist. */
void hs_mapping_fork_child(void);

/* Updates that were lost: the table was full, or no memory. */
uint64_t hs_mapping_dropped_count(void);

#endif

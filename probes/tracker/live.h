// SPDX-License-Identifier: MIT

/*
 * The live blocks, indexed by address.
 *
 * Between malloc's return and free's entry an address belongs to one caller, so one
 * aligned 64-bit word a granule, read and written whole, needs no lock. Two levels: a
 * sparse directory, and leaves mapped on first use and never given back.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_LIVE_H
#define HEAPSNAP_PROBES_TRACKER_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hs_live_block {
    uint64_t address;
    uint64_t size; /* requested */
    uint32_t stack;
    uint32_t birth_epoch;
};

/*
 * Once, before the first insert. Blocks begin at least 1 << `shift` bytes apart (3 to 5);
 * with 3 they should mostly begin at multiples of 16. False without memory: every insert
 * is dropped.
 */
bool hs_live_init(unsigned shift);

/* Forget all blocks and give all memory back. Only while no other thread is inside a hook.
 * hs_live_init() may follow. */
void hs_live_deinit(void);

/*
 * Record a block right AFTER the real allocation returned. Never fails visibly: a full
 * table counts in hs_live_dropped_count().
 */
void hs_live_insert(uint64_t address, uint64_t size, uint32_t stack);

/* The same, when hs_live_place() (live_table.h) was asked after the real allocation. */
void hs_live_insert_at(uint64_t *place, uint64_t address, uint64_t size, uint32_t stack);

/*
 * Forget the block at `address` right BEFORE the real free. False when it was never seen.
 * `ret` (may be NULL) gets what it was, so that a failed realloc can put it back.
 */
bool hs_live_remove(uint64_t address, struct hs_live_block *ret);

/* Put back exactly what hs_live_remove() returned, birth epoch included. */
void hs_live_restore(const struct hs_live_block *block);

/*
 * Visit every live block in ascending order of address. Safe in the frozen image, and
 * beside running threads (blocks that come and go meanwhile may or may not be seen).
 * Stops when `visit` returns false. While blocks are sampled (sample.h), these are they.
 */
void hs_live_each(bool (*visit)(const struct hs_live_block *block, void *context),
                  void *context);

uint64_t hs_live_dropped_count(void);

/* Frees of blocks that were never seen; the hooks count them. */
void hs_live_count_foreign_free(void);
uint64_t hs_live_foreign_free_count(void);

/*
 * Begin the next birth epoch; call only while every other thread is stopped. Renumbers
 * all blocks to epoch 0 when the field is exhausted. Returns the new epoch.
 */
uint32_t hs_live_advance_epoch(void);

#endif

// SPDX-License-Identifier: MIT

/*
 * The trie of stacks seen from within the tracker; what it is for others is in stack.h.
 *
 * A node is found by the hash of its whole stack, so that a capture looks into the table
 * once and not once a frame. The hash is a sum of terms, one for each frame and its depth:
 * it goes on from where a remembered part of the stack ends, and its terms do not wait for
 * each other. An entry keeps 40 bits of it, its place in the table the others: 52 bits in
 * the smallest table, 64 in the largest. Two stacks that agree in them would be taken for
 * one; among a million stacks that happens once in ten million processes.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_INTERN_H
#define HEAPSNAP_PROBES_TRACKER_INTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "probes/tracker/hidden.h"

#define HS_INTERN_NODE_BITS 24

struct hs_intern_table {
    struct hs_intern_table *older;
    uint64_t mask;
    uint64_t slots[]; /* upper part of a hash, and a node; 0 = empty */
};

extern HS_HIDDEN struct hs_intern_table *hs_intern_newest; /* NULL: no memory */

/* Once, single-threaded, before the first capture. False without memory. */
bool hs_intern_init(void);

/* Give all memory back: no stack id means anything any more. Only while no other thread is
 * inside a hook. hs_intern_init() may follow. */
void hs_intern_deinit(void);

/*
 * What the frame at `depth`, 0 for the outermost, adds to the hash of a stack. Every bit
 * depends on address and depth in a way that sums do not undo: recursive code makes many
 * stacks of the same frames in another order.
 */
static inline uint64_t hs_intern_term(uint64_t address, uint64_t depth)
{
    uint64_t term = address * 0x9e3779b97f4a7c15u + depth * 0xd6e8feb86659fd93u;
    term = (term ^ term >> 32) * 0xbf58476d1ce4e5b9u;
    return term ^ term >> 29;
}

/* Is this still the table where a stack is looked for first? What is found in another one
 * may be a copy that lost to a node in the newest. */
static inline bool hs_intern_is_newest(const struct hs_intern_table *table)
{
    return __builtin_expect(__atomic_load_n(&hs_intern_newest, __ATOMIC_ACQUIRE) == table,
                            1);
}

/* The node at once, or 0: ask hs_intern_seek(). */
static inline uint32_t hs_intern_find(uint64_t hash)
{
    const struct hs_intern_table *table =
        __atomic_load_n(&hs_intern_newest, __ATOMIC_ACQUIRE);
    if (__builtin_expect(!table, 0))
        return 0;
    for (uint64_t i = 0; i < 2; i++) {
        uint64_t slot =
            __atomic_load_n(&table->slots[(hash + i) & table->mask], __ATOMIC_ACQUIRE);
        if (__builtin_expect((slot ^ hash) >> HS_INTERN_NODE_BITS == 0, 1))
            return hs_intern_is_newest(table)
                       ? (uint32_t)slot & ((1u << HS_INTERN_NODE_BITS) - 1)
                       : 0;
    }
    return 0;
}

/* The node of that hash; 0: there is none. */
uint32_t hs_intern_seek(uint64_t hash);

/*
 * Make the node of a frame at `address` called from node `parent`, with the hash of the
 * whole stack. Returns the node another thread made meanwhile, if so; HS_STACK_UNKNOWN when
 * the trie is full.
 */
uint32_t hs_intern_add(uint32_t parent, uint64_t address, uint64_t hash);

#endif

// SPDX-License-Identifier: MIT

/*
 * Sampling by bytes: which blocks are looked at, and those that were and live.
 *
 * Every byte that a thread asks for is a sample point with the same small chance, once in
 * hs_sample_rate bytes on average, and a block with such a point in it is recorded. So a
 * block of s bytes is recorded with the chance 1 - exp(-s / rate), independently of all
 * others, and stands for 1 / (1 - exp(-s / rate)) blocks of its size. Blocks of no bytes
 * are never recorded.
 *
 * The hooks ask inline: two thread-local operations for a block that is not chosen, one
 * load for a free of what cannot be one of ours.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_SAMPLE_H
#define HEAPSNAP_PROBES_TRACKER_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probes/tracker/hidden.h"
#include "probes/tracker/live.h"

/* Counts, of the pages that share an entry, the sampled blocks; stays at 255. */
#define HS_SAMPLE_FILTER ((size_t)1 << 15)
extern HS_HIDDEN uint8_t hs_sample_filter[HS_SAMPLE_FILTER];

/* Bytes to the next sample point, at least 1; 0: this thread has drawn none yet. */
extern HS_HIDDEN __thread uint64_t hs_sample_left;

/* Bytes between two sample points on average; 0 while every block is recorded. */
extern HS_HIDDEN uint64_t hs_sample_rate;

/* Where the sequence of random numbers stands; tests set it. */
extern HS_HIDDEN uint64_t hs_sample_seed;

/* Set up for `rate` > 0 bytes. Again after hs_sample_end(). */
void hs_sample_begin(uint64_t rate);

/* Forget all blocks and give back their memory, while nobody is inside a hook. */
void hs_sample_end(void);

/* A block of `size` bytes without a sample point in it: true, and done. */
static inline bool hs_sample_pass(uint64_t size)
{
    uint64_t left = hs_sample_left;
    if (__builtin_expect(left <= size, 0))
        return false;
    hs_sample_left = left - size;
    return true;
}

/* After hs_sample_pass() said no: is the block chosen? Draws the next sample point. */
bool hs_sample_choose(uint64_t size);

static inline size_t hs_sample_place(uint64_t address)
{
    return (address >> 12 ^ address >> 24) & (HS_SAMPLE_FILTER - 1);
}

/* False: no sampled block begins at `address`. */
static inline bool hs_sample_may_hold(const void *address)
{
    return __builtin_expect(
        __atomic_load_n(&hs_sample_filter[hs_sample_place((uint64_t)(uintptr_t)address)],
                        __ATOMIC_RELAXED)
            != 0,
        0);
}

/* As their namesakes in live.h, for chosen blocks; the running totals are estimates. */
void hs_sample_insert(uint64_t address, uint64_t size, uint32_t stack);
bool hs_sample_remove(uint64_t address, struct hs_live_block *ret);
void hs_sample_restore(const struct hs_live_block *block);
void hs_sample_each(bool (*visit)(const struct hs_live_block *block, void *context),
                    void *context);
void hs_sample_forget_epochs(void);
uint64_t hs_sample_dropped_count(void);

/* How many blocks one of `size` bytes stands for, in 65536ths; 65536 at rate 0. */
uint64_t hs_sample_weight(uint64_t size);

#endif

// SPDX-License-Identifier: MIT

/*
 * The live table: a directory over 16 MiB regions of the address space, and under it
 * leaves with one word for each granule.
 *
 *   63      40 39  38 37      28 27  26                 0
 *   [  stack  ][ low ][  epoch  ][big][       size       ]
 *
 * `low` are the address bits below the granule. A block of 128 MiB or more sets `big`
 * and keeps the rest of its size in the next granule's word, which nobody else can need:
 * the block covers it. Such a word has stack 0, which no block has; a word of 0 is empty.
 *
 * A granule must not hold two blocks. 32 bytes is glibc's smallest chunk. Other allocators
 * have a class of 8 bytes, and align all others to 16: there a granule is 16 bytes, and
 * blocks that begin in its second half have a plane of words of their own behind the
 * first one. Each multiple of 8 has its word, but only where 8-byte blocks lie is the
 * second plane's memory ever touched.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_LIVE_TABLE_H
#define HEAPSNAP_PROBES_TRACKER_LIVE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probes/tracker/guard.h"
#include "probes/tracker/hidden.h"

#if defined(__aarch64__)
#define ADDRESS_BITS 48
#else
#define ADDRESS_BITS 47
#endif
#define HS_LIVE_REGION_SHIFT 24
#define HS_LIVE_REGIONS ((size_t)1 << (ADDRESS_BITS - HS_LIVE_REGION_SHIFT))
#define HS_LIVE_PLANE_SHIFT \
    (HS_LIVE_REGION_SHIFT - 4) /* it comes with granules of 16 bytes */
#define HS_LIVE_EPOCH_MAX 1023u
#define HS_LIVE_STACK_MAX 0xffffffu
#define HS_LIVE_SIZE_BITS 27

/* A page of words: 512 of them. Pages never written are never read either, or a walk
 * over the table would touch all of its address space. */
#define HS_LIVE_PAGE_WORDS 512

struct hs_live_leaf {
    uint8_t touched[4096]; /* one a page of words */
    uint64_t words[];
};

struct hs_live_table {
    struct hs_live_leaf **directory; /* HS_LIVE_REGIONS leaves */
    unsigned granule_shift;
    uint64_t second_plane; /* 0: there is none */
    uint32_t epoch;
    uint8_t directory_touched[HS_LIVE_REGIONS / HS_LIVE_PAGE_WORDS];
};

extern HS_HIDDEN struct hs_live_table hs_live;

static inline size_t hs_live_plane_words(void)
{
    return ((size_t)1 << HS_LIVE_REGION_SHIFT) >> hs_live.granule_shift;
}

static inline struct hs_live_leaf *hs_live_leaf_find(uint64_t address)
{
    size_t region = address >> HS_LIVE_REGION_SHIFT;
    if (HS_UNLIKELY(region >= HS_LIVE_REGIONS || !hs_live.directory))
        return NULL;
    return __atomic_load_n(&hs_live.directory[region], __ATOMIC_ACQUIRE);
}

static inline size_t hs_live_word_index(uint64_t address)
{
    uint64_t plane = address >> 3 & hs_live.second_plane;
    return ((address & (((uint64_t)1 << HS_LIVE_REGION_SHIFT) - 1))
            >> hs_live.granule_shift)
           + (plane << HS_LIVE_PLANE_SHIFT);
}

/* The word of `address`; NULL when nothing near it was ever recorded. */
static inline uint64_t *hs_live_word_find(uint64_t address)
{
    struct hs_live_leaf *leaf = hs_live_leaf_find(address);
    return HS_LIKELY(leaf) ? &leaf->words[hs_live_word_index(address)] : NULL;
}

/*
 * Where the record of a block just allocated at `address` goes, for hs_live_insert_at():
 * a word with others around it, and nothing left in it. NULL: that takes more work. The
 * look fetches the word while the stack is captured.
 */
static inline uint64_t *hs_live_place(uint64_t address)
{
    struct hs_live_leaf *leaf = hs_live_leaf_find(address);
    if (HS_UNLIKELY(!leaf))
        return NULL;
    size_t index = hs_live_word_index(address);
    if (HS_UNLIKELY(
            !__atomic_load_n(&leaf->touched[index / HS_LIVE_PAGE_WORDS], __ATOMIC_RELAXED)
            || __atomic_load_n(&leaf->words[index], __ATOMIC_RELAXED) != 0))
        return NULL;
    return &leaf->words[index];
}

static inline uint32_t hs_live_word_stack(uint64_t word)
{
    return (uint32_t)(word >> 40);
}

/* Of a granule of 32 bytes these tell where in it the block begins; otherwise they say
 * again what the word's place says. */
static inline uint64_t hs_live_low_bits(uint64_t address)
{
    return address >> 3 & 3;
}

static inline bool hs_live_word_is_big(uint64_t word)
{
    return word >> HS_LIVE_SIZE_BITS & 1;
}

static inline uint64_t hs_live_word_size(uint64_t word, uint64_t address)
{
    uint64_t size = word & (((uint64_t)1 << HS_LIVE_SIZE_BITS) - 1);
    if (HS_LIKELY(!hs_live_word_is_big(word)))
        return size;
    const uint64_t *rest =
        hs_live_word_find(address + ((uint64_t)1 << hs_live.granule_shift));
    return size
           | (rest ? __atomic_load_n(rest, __ATOMIC_ACQUIRE) << HS_LIVE_SIZE_BITS : 0);
}

#endif

// SPDX-License-Identifier: MIT

/*
 * Which block holds this address? – asked for every word of a frozen heap.
 *
 * Freestanding: compiled into the shim (where it runs inside the image with no libc)
 * and into the library alike. The blocks are a sorted array of disjoint ranges; a radix
 * of 512-byte granules gives the first block that may cover an address, and words are
 * looked up in batches with prefetch, because a look-up is nothing but cache misses.
 */

#ifndef HEAPSNAP_SCAN_SCAN_H
#define HEAPSNAP_SCAN_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hs_scan_block {
    uint64_t start;
    uint64_t size;
};

#define HS_SCAN_PAST_END UINT32_MAX

/* One pointer found. Offsets from UINT32_MAX - 1 on saturate. */
struct hs_scan_hit {
    uint64_t slot;   /* address of the word that holds the pointer */
    uint32_t block;  /* index of the block it aims at */
    uint32_t inside; /* offset inside it; HS_SCAN_PAST_END: exactly one past its end */
    uint32_t source; /* what hs_scanner_feed() was told */
};

struct hs_scan_index; /* opaque; lives in memory from `map` */

/* Memory for the index: anonymous zeroed pages, or NULL. */
typedef void *(*hs_scan_map)(size_t size);

/*
 * Build the index of `count` blocks, ascending and disjoint; size 0 counts as 1. The
 * array is borrowed and must stay. NULL without memory.
 */
struct hs_scan_index *hs_scan_index_create(const struct hs_scan_block *blocks,
                                           uint32_t count, hs_scan_map map);

/*
 * Which bits of a pointer are its address: by default all on x86-64, all but the top byte,
 * which the machine ignores, on aarch64. Where x86-64 ignores bits (LAM) the kernel tells.
 */
void hs_scan_index_mask(struct hs_scan_index *index, uint64_t mask);

/* The block that holds `address` (interior counts; one past the end only where no other
 * block starts), or UINT32_MAX. `ret_inside` may be NULL. */
uint32_t hs_scan_find(const struct hs_scan_index *index, uint64_t address,
                      uint32_t *ret_inside);

/*
 * Look at every aligned 8-byte word of [memory, +size) and report those that aim at a
 * block, in ascending order. `address` is what the memory's first byte is called (equal
 * to `memory` in the image). Tags in the bits the machine ignores are masked.
 * Stops early when `hit` returns false, and returns false then.
 */
bool hs_scan_words(const struct hs_scan_index *index, const void *memory, size_t size,
                   uint64_t address,
                   bool (*hit)(const struct hs_scan_hit *found, void *context),
                   void *context);

/*
 * The same for many small pieces of memory: words of one piece wait for those of the next
 * until a batch is full, so hits come later than their feed, but in the same order.
 */
#define HS_SCAN_BATCH 32
struct hs_scanner {
    const struct hs_scan_index *index;
    bool (*hit)(const struct hs_scan_hit *found, void *context);
    void *context;
    uint32_t count;
    struct hs_scan_candidate {
        uint64_t slot, word;
        uint32_t source;
    } waiting[HS_SCAN_BATCH];
};

/* `source` (any number) comes back in the hits. False once `hit` returned false. */
bool hs_scanner_feed(struct hs_scanner *scanner, const void *memory, size_t size,
                     uint64_t address, uint32_t source);
/* Report what still waits. */
bool hs_scanner_finish(struct hs_scanner *scanner);

#endif

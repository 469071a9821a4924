// SPDX-License-Identifier: MIT

/*
 * Words of a stranger's memory, cheaply: a walk of the heap asks for a few bytes at a
 * time, millions of times, and mostly near where it asked before.
 *
 * Windows of 64 KB are kept, so a word costs a look-up, not a system call. Pages that are
 * missing inside a window (cores leave some out) answer "not readable".
 */

#ifndef HEAPSNAP_HEAP_READER_H
#define HEAPSNAP_HEAP_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heapsnap/memory.h"

struct hs_reader_window {
    uint64_t start; /* of the memory it holds; 1: nothing yet */
    uint32_t pages; /* bit i: page i could be read */
    unsigned char *bytes;
};

#define HS_READER_WINDOWS 64u

struct hs_reader {
    const struct hs_memory *memory;
    unsigned char *bytes; /* of all windows */
    struct hs_reader_window windows[HS_READER_WINDOWS];
};

/* `memory` is borrowed until deinit. False without memory of our own. */
bool hs_reader_init(struct hs_reader *reader, const struct hs_memory *memory);
void hs_reader_deinit(struct hs_reader *reader);

/* All `size` bytes or false. `size` is at most a few KB. */
bool hs_reader_copy(struct hs_reader *reader, uint64_t address, void *buffer,
                    size_t size);

/* The word at `address`, which is 8-aligned. */
bool hs_reader_word(struct hs_reader *reader, uint64_t address, uint64_t *ret);

/* The first mapping that ends above `address`; n_ranges when there is none. */
size_t hs_reader_range_index(const struct hs_reader *reader, uint64_t address);

/* Where readable, private memory that can be written ends when one goes up from
 * `address`, mapping by mapping; `address` itself when it is none. */
uint64_t hs_reader_data_end(const struct hs_reader *reader, uint64_t address);

/* Can the program have put its own data into this mapping? */
bool hs_reader_is_data(const struct hs_memory_range *range);

#endif

// SPDX-License-Identifier: MIT

/*
 * Blocks that begin with a count of what follows, to which programs keep no pointer but
 * the one behind the count: an array of objects with destructors (C++ ABI, "array
 * cookies"), a string as libstdc++ had them before C++11, allocators that note the size.
 * Valgrind's memcheck calls these heuristics newarray, stdstring and length64.
 */

#ifndef HEAPSNAP_SCAN_SHAPE_H
#define HEAPSNAP_SCAN_SHAPE_H

#include <stdint.h>

enum hs_shape {
    HS_SHAPE_COUNTED = 1, /* a pointer to byte 8 is one to the whole */
    HS_SHAPE_STRING = 2,  /* so is one to byte 24 */
};

/* Bits of enum hs_shape for a block of exactly `size` bytes. */
static inline uint32_t hs_shape_of(const uint64_t *words, uint64_t size)
{
    uint32_t shape = 0;
    if (size <= 8 || (uintptr_t)words & 7)
        return 0;
    uint64_t count = words[0], rest = size - 8;
    /* Most first words are 0, or an address and far too large. */
    if (count - 1 < rest && rest % count == 0)
        shape |= HS_SHAPE_COUNTED;
    if (size > 24 && words[1] + 25 == size && count <= words[1])
        shape |= HS_SHAPE_STRING;
    return shape;
}

#endif

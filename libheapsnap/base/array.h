// SPDX-License-Identifier: MIT

/*
 * Typed growing arrays.
 *
 *     HS_ARRAY(struct hs_row) rows = {0};
 *     if (!hs_array_push(&rows, row)) ... no memory ...
 *     for (size_t i = 0; i < rows.count; i++) use(rows.at[i]);
 *     free(rows.at);
 *
 * Growth doubles; nothing is lost when memory runs out: push returns false and the
 * array is as it was.
 */

#ifndef HEAPSNAP_BASE_ARRAY_H
#define HEAPSNAP_BASE_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#define HS_ARRAY(type) \
    struct {           \
        type *at;      \
        size_t count;  \
        size_t room;   \
    }

static inline bool hs_array_grow(void **at, size_t *room, size_t wanted, size_t size)
{
    if (wanted <= *room)
        return true;
    size_t bigger = *room ? *room * 2 : 16;
    if (bigger < wanted)
        bigger = wanted;
    size_t bytes;
    if (__builtin_mul_overflow(bigger, size, &bytes))
        return false;
    void *moved = realloc(*at, bytes);
    if (!moved)
        return false;
    *at = moved;
    *room = bigger;
    return true;
}

/* Room for `wanted` entries in all; false when there is no memory. */
#define hs_array_reserve(array, wanted) \
    hs_array_grow((void **)&(array)->at, &(array)->room, (wanted), sizeof(*(array)->at))

/* Append one entry; false when there is no memory. */
#define hs_array_push(array, ...)                                \
    (hs_array_reserve((array), (array)->count + 1)               \
         ? ((array)->at[(array)->count++] = (__VA_ARGS__), true) \
         : false)

#endif

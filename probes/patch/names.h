// SPDX-License-Identifier: MIT

/*
 * The functions of allocators by name, and what each does with its arguments. An allocator
 * is known by the prefix that all its names have in a program.
 */

#ifndef HEAPSNAP_PROBES_PATCH_NAMES_H
#define HEAPSNAP_PROBES_PATCH_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Arguments are called a, b, c, d. */
enum hs_shape {
    HS_SHAPE_NONE = 0,
    HS_SHAPE_SIZE_A, /* a block of a bytes */
    HS_SHAPE_SIZE_B,
    HS_SHAPE_COUNT_AB, /* of a * b bytes */
    HS_SHAPE_COUNT_BC,
    HS_SHAPE_STORED,    /* of c bytes, stored at a; returns 0 for success */
    HS_SHAPE_TEXT,      /* a string */
    HS_SHAPE_FREE,      /* a is freed */
    HS_SHAPE_RESIZE_AB, /* a becomes b bytes big, perhaps elsewhere */
    HS_SHAPE_RESIZE_BC,
    HS_SHAPE_RESIZE_ABC, /* b * c bytes */
    HS_SHAPE_RESIZE_BCD,
    HS_SHAPE_RESIZE_OR_FREE, /* b bytes, or a is freed */
    HS_SHAPES,
};

enum hs_family {
    HS_FAMILY_PLAIN = 0, /* malloc */
    HS_FAMILY_JE,        /* je_malloc: jemalloc of many C programs */
    HS_FAMILY_RJEM,      /* _rjem_malloc: of programs in Rust */
    HS_FAMILY_MI,        /* mi_malloc: mimalloc */
    HS_FAMILY_TC,        /* tc_malloc: gperftools */
    HS_FAMILIES,
};

/* "", "je_", … */
const char *hs_family_prefix(enum hs_family family);

/* What the family's function `name` (without prefix) does; HS_SHAPE_NONE: nothing of
 * interest. */
enum hs_shape hs_name_shape(enum hs_family family, const char *name);

/* The family's name number `index`, without prefix; NULL behind the last. */
const char *hs_name_get(enum hs_family family, size_t index, enum hs_shape *ret_shape);

/*
 * Is this an allocator? `shapes` has a bit (1 << shape) for each that was found under the
 * family's names: whoever allocates and frees under these names, and can do more, is.
 */
bool hs_family_is_complete(uint32_t shapes);

#endif

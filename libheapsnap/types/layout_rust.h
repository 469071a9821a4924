// SPDX-License-Identifier: MIT

/*
 * What Rust's library hides from DWARF: RawVec<T> keeps its T's behind a pointer to bytes,
 * and text is bytes, too.
 */

#ifndef HEAPSNAP_TYPES_LAYOUT_RUST_H
#define HEAPSNAP_TYPES_LAYOUT_RUST_H

#include "libheapsnap/types/layout_internal.h"

/*
 * The type that pointers to bytes in a type of this name point to; HS_TYPE_NONE for all
 * but those of Rust's library. `arguments` as in struct hs_type.
 */
uint32_t hs_layouts_rust_target(struct hs_layouts *layouts, const char *name,
                                const uint32_t *arguments, uint32_t n_arguments);

/* A pointer to Rust's u8. */
bool hs_layouts_is_bytes(struct hs_layouts *layouts, uint32_t type);

#endif

// SPDX-License-Identifier: MIT

/*
 * Allocators that the executable has for itself alone: their functions are in its symbol
 * table, if it has one, and nowhere else.
 */

#ifndef HEAPSNAP_PROBES_PATCH_SYMTAB_H
#define HEAPSNAP_PROBES_PATCH_SYMTAB_H

#include <stddef.h>
#include <stdint.h>

#include "probes/patch/find.h"

typedef void hs_symbol_visitor(enum hs_family family,
                               const struct hs_found_function *function, void *context);

/*
 * Visit every function in the file `path` that is known by name and belongs to a family
 * whose malloc is there; `bias` is added to its addresses. False, and nothing is visited,
 * when the file cannot be read or does not begin like the 64 bytes at `loaded`, the
 * program's own header.
 */
bool hs_symtab_each(const char *path, const void *loaded, uint64_t bias,
                    hs_symbol_visitor *visit, void *context);

#endif

// SPDX-License-Identifier: MIT

/*
 * The class of a C++ object, from the address of its table of virtual functions.
 */

#ifndef HEAPSNAP_TYPES_VTABLE_H
#define HEAPSNAP_TYPES_VTABLE_H

#include <stdint.h>

#include "heapsnap/symbols.h"

struct hs_vtables;

struct hs_vtable {
    const char *class_name; /* "app::Session", as the demangler writes it */
    uint64_t to_start;      /* bytes back from the pointer to the start of the object */
};

/* `symbols` is borrowed and must outlive the result. NULL without memory. */
struct hs_vtables *hs_vtables_create(struct hs_symbols *symbols);
void hs_vtables_destroy(struct hs_vtables *vtables);

/* The table that a pointer with value `address` means, or NULL. Borrowed until destroy. */
const struct hs_vtable *hs_vtables_find(struct hs_vtables *vtables, uint64_t address);

#endif

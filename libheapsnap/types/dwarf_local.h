// SPDX-License-Identifier: MIT

/*
 * Scopes of code: which functions and inlined functions an address is in, and what their
 * variables are. Read from DWARF for the few addresses that are asked about, not kept in
 * tables.
 */

#ifndef HEAPSNAP_TYPES_DWARF_LOCAL_H
#define HEAPSNAP_TYPES_DWARF_LOCAL_H

#include <elfutils/libdw.h>

#include "libheapsnap/types/layout_internal.h"

struct hs_layout_locals;
void hs_layout_locals_destroy(struct hs_layout_locals *locals);

#define HS_SCOPES_MAX 64

/* Where an address is, as its file numbers it. */
struct hs_code {
    uint32_t module;
    Dwarf *dwarf;
    uint64_t address;
    /* Outermost first: the function, then what is inlined or nested in it. */
    Dwarf_Die scopes[HS_SCOPES_MAX];
    size_t n_scopes;
};

/* False without debug information about it. */
bool hs_layouts_code(struct hs_layouts *layouts, uint32_t module, uint64_t pc,
                     struct hs_code *ret);

/*
 * The number of the type that `die` has (its DW_AT_type); HS_TYPE_NONE for void and for
 * what no table has.
 */
uint32_t hs_layouts_type_of_die(struct hs_layouts *layouts, uint32_t module,
                                Dwarf_Die *die);

#endif

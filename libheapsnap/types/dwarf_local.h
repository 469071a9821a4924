// SPDX-License-Identifier: MIT

/*
 * Code instead of data: which functions an address is in, and what their variables are.
 *
 * Asked about few addresses, so nothing is kept in tables: scopes are read from DWARF when
 * they are asked for, and their types found again in the tables by name and layout.
 */

#ifndef HEAPSNAP_TYPES_DWARF_LOCAL_H
#define HEAPSNAP_TYPES_DWARF_LOCAL_H

#include <elfutils/libdw.h>

#include "libheapsnap/types/layout_internal.h"

struct hs_layout_locals;
void hs_layout_locals_destroy(struct hs_layout_locals *locals); /* NULL is fine */

/* Where an address is, as its file numbers it. */
struct hs_code {
    uint32_t module;
    uint64_t pc; /* memory address */
    uint64_t address;
    /* Outermost first: the function, the blocks in it, what is inlined there. */
    Dwarf_Die scopes[HS_DWARF_DEPTH_MAX];
    size_t n_scopes;
};

/* False without debug information about it. */
bool hs_layouts_code(struct hs_layouts *layouts, uint32_t module, uint64_t pc,
                     struct hs_code *ret);

/* The number of the type that DW_AT_type (`attribute`) of `die` names; HS_TYPE_NONE for
 * void and for what no table has. */
uint32_t hs_layouts_die_type(struct hs_layouts *layouts, uint32_t module, Dwarf_Die *die,
                             unsigned attribute);

/* Call `each` for the variables and parameters of `scope` itself; stops when it says so. */
void hs_code_each_variable(Dwarf_Die *scope, bool (*each)(Dwarf_Die *die, void *context),
                           void *context);

/* How far the canonical frame address is from a register's value at `pc`; false where
 * the unwind information does not say. */
bool hs_layouts_frame_distance(struct hs_layouts *layouts, const struct hs_code *code,
                               unsigned reg, int64_t *ret);

#endif

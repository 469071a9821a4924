// SPDX-License-Identifier: MIT

/*
 * Single questions about a call site, each answered from DWARF.
 */

#ifndef HEAPSNAP_TYPES_SITE_SCOPE_H
#define HEAPSNAP_TYPES_SITE_SCOPE_H

#include "libheapsnap/types/dwarf_local.h"

/* Add `type` as what the block may be. */
void hs_site_suggest(struct hs_layouts *layouts, struct hs_site *site, uint32_t type,
                     enum hs_site_certainty certainty);

/* Add what variables of scope `scope` point to that come to be in register `reg` from an
 * address in [from, to) on. */
void hs_site_ask_register(struct hs_layouts *layouts, struct hs_code *code, size_t scope,
                          unsigned reg, uint64_t from, uint64_t to, struct hs_site *site);

/* The type of a variable of scope `scope` that is in register `reg` at `address`. */
uint32_t hs_site_held_in(struct hs_layouts *layouts, struct hs_code *code, size_t scope,
                         unsigned reg, uint64_t address);

/* The class whose method begins at memory address `pc` of a module. */
uint32_t hs_site_class_of(struct hs_layouts *layouts, uint32_t module, uint64_t pc);

/* What an allocator's wrapper returns, or, in Rust, is made for; `name` is its readable
 * name. */
void hs_site_ask_wrapper(struct hs_layouts *layouts, uint32_t module, Dwarf_Die *function,
                         const char *name, struct hs_site *site);

#endif

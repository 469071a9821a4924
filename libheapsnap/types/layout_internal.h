// SPDX-License-Identifier: MIT

/*
 * What the files layout*.c and site*.c share: tables of the modules, and the types that
 * were spoken of so far.
 */

#ifndef HEAPSNAP_TYPES_LAYOUT_INTERNAL_H
#define HEAPSNAP_TYPES_LAYOUT_INTERNAL_H

#include "libheapsnap/base/array.h"
#include "libheapsnap/symbols/internal.h"
#include "libheapsnap/types/layout.h"
#include "libheapsnap/types/layout_map.h"
#include "libheapsnap/types/layout_table.h"

struct hs_layout_locals;

struct hs_layout_module {
    struct hs_layout_table table; /* zeroed: none */
    uint32_t *numbers;            /* of the table's types; HS_TYPE_NONE: not yet */
    const struct hs_variable **variables; /* of the table's; NULL: not yet */
};

/* A type that has a number. */
struct hs_layout_entry {
    struct hs_type type;
    uint32_t module, local; /* where it was first met; HS_TYPE_NONE: made up */
    uint8_t derived_flags;  /* HS_LAYOUT_REFERENCE, _OPEN of what was made up */
    bool is_listing, is_listed;
};

#define HS_SITE_CANDIDATES 8

/* What one call of an allocation stack tells; the first candidates are the better ones of
 * equal certainty. */
struct hs_site {
    struct hs_site_candidate {
        uint32_t type;
        enum hs_site_certainty certainty;
    } at[HS_SITE_CANDIDATES];
    uint32_t count;
    bool is_wrapper;      /* inside allocators only: ask its caller, too */
    bool returns_pointer; /* so that the caller may be the one who knows */
    uint32_t returned;    /* what to; HS_TYPE_NONE: void */
};

/* All types of one size in all tables. */
struct hs_layout_sized {
    uint64_t size;
    uint32_t module, local;
};

struct hs_layouts {
    struct hs_symbols *symbols;
    struct hs_layouts_options options;
    struct hs_layout_module *modules; /* as the capture's */
    struct hs_text text;
    HS_ARRAY(struct hs_layout_entry *) entries;
    int depth;                    /* of types inside types while their slots are listed */
    struct hs_layout_map derived; /* pointers and arrays by what they are made of */
    struct hs_layout_map sites;   /* call -> index in site_answers */
    HS_ARRAY(struct hs_site) site_answers;
    HS_ARRAY(struct hs_layout_sized) sized; /* ascending; made when first asked for */
    bool has_sized;
    struct hs_layout_map frame_places; /* code and offset -> index in frame_answers */
    HS_ARRAY(const struct hs_variable *) frame_answers;
    struct hs_layout_locals *locals; /* dwarf_local.c */
};

/* The number of a type of a module's table; HS_TYPE_NONE without memory. */
uint32_t hs_layouts_number(struct hs_layouts *layouts, uint32_t module, uint32_t local);

struct hs_layout_entry *hs_layouts_entry(struct hs_layouts *layouts, uint32_t type);

/* The table's entry of a numbered type; NULL for what was made up. */
const struct hs_layout_type *hs_layouts_record(const struct hs_layouts *layouts,
                                               const struct hs_layout_entry *entry,
                                               const struct hs_layout_table **ret_table);

/* An array or pointer made of a numbered type; also functions, and Rust's text. */
uint32_t hs_layouts_derive(struct hs_layouts *layouts, enum hs_type_kind kind,
                           uint32_t element, uint64_t count, uint8_t flags);

/* List the pointers of a type unless that was done, and those of what it holds.
 * layout_slots.c */
void hs_layouts_list_slots(struct hs_layouts *layouts, struct hs_layout_entry *entry);

/* Make room for the numbers of a table that is there; without memory it is closed. */
bool hs_layouts_prepare(struct hs_layout_module *module);

/* Read the module's table from the cache or DWARF. layout_load.c */
void hs_layouts_load(struct hs_layouts *layouts, size_t module);

#endif

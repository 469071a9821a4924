// SPDX-License-Identifier: MIT

/*
 * One file's DWARF on its way into a table of layouts: what the files dwarf_*.c share.
 *
 * A unit is walked once, which lists its types and variables and notes in which namespace
 * each type stands (an entry does not know its parents); then what was listed is
 * translated, together with all it refers to, wherever that is: other units, type units,
 * dwz's common file, split files.
 */

#ifndef HEAPSNAP_TYPES_DWARF_READER_H
#define HEAPSNAP_TYPES_DWARF_READER_H

#include <elfutils/libdw.h>
#include <time.h>

#include "libheapsnap/types/layout_builder.h"

struct hs_dwarf_variable {
    Dwarf_Die die;
    uint32_t qualified; /* namespace, a string of the builder */
    uint32_t function;  /* a string of the builder; 0: not local */
};

struct hs_dwarf_reader {
    struct hs_layout_builder builder;
    struct hs_layout_map units;    /* unit's entry -> HS_UNIT_*: has been walked */
    struct hs_layout_map scopes;   /* type's entry -> string, when not "" */
    struct hs_layout_map types;    /* type's entry -> number */
    HS_ARRAY(uint64_t) batch_keys; /* what the batch has put into `types` */
    HS_ARRAY(Dwarf_Die) listed;
    HS_ARRAY(struct hs_dwarf_variable) variables;
    struct hs_dwarf_pending {
        Dwarf_Die die;
        uint32_t type;
        bool is_class; /* in C++ or Rust */
    } * pending;       /* aggregates whose members are to be read */
    size_t n_pending, pending_room;
    int depth;              /* of pointers to pointers */
    uint32_t function_type; /* of the batch */
    uint32_t default_kind;  /* HS_UNIT_* of units that do not say */
    uint64_t steps;         /* entries looked at */
    struct timespec deadline;
    bool is_over; /* out of time or memory: stop, keep what there is */
};

#define HS_UNIT_C 1u
#define HS_UNIT_CLASSES 2u /* a language whose structs have no "struct" in front */

/* Count one entry; false when reading has to end. */
bool hs_dwarf_step(struct hs_dwarf_reader *reader);

/* Walk the unit unless that was done; its HS_UNIT_*. */
uint32_t hs_dwarf_unit(struct hs_dwarf_reader *reader, Dwarf_Die *unit);

/* The type that attribute DW_AT_type of `die` names; HS_TYPE_NONE without one. */
uint32_t hs_dwarf_type_of(struct hs_dwarf_reader *reader, Dwarf_Die *die);
uint32_t hs_dwarf_type(struct hs_dwarf_reader *reader, Dwarf_Die *die);
/* A struct without a name is called after where it is used, "entry.items"; `owner` is a
 * string of the builder, 0: none. */
void hs_dwarf_name_unnamed(struct hs_dwarf_reader *reader, uint32_t type, uint32_t owner,
                           const char *member);
/* Read members of what is pending; refers to further types. */
void hs_dwarf_read_pending(struct hs_dwarf_reader *reader);

/* Add it when it has a fixed place. */
void hs_dwarf_read_variable(struct hs_dwarf_reader *reader,
                            struct hs_dwarf_variable *variable);

/* "" when there is none. Integrates specifications and abstract origins. */
const char *hs_dwarf_name(Dwarf_Die *die);

/* `scope`::`name` as a string of the builder. */
uint32_t hs_dwarf_qualify(struct hs_dwarf_reader *reader, uint32_t scope,
                          const char *name);

struct hs_dwarf_limits {
    size_t memory;         /* bytes */
    uint32_t milliseconds; /* 0: none */
};

void hs_dwarf_reader_init(struct hs_dwarf_reader *reader, Dwarf *dwarf,
                          const struct hs_dwarf_limits *limits);
void hs_dwarf_reader_deinit(struct hs_dwarf_reader *reader); /* zeroed is fine */

/*
 * Everything `dwarf` tells, as a table that is the caller's to free; NULL without memory.
 * `*ret_is_whole` is false when a limit ended it early.
 */
struct hs_layout_header *hs_dwarf_read(Dwarf *dwarf, const uint8_t *build_id,
                                       size_t build_id_size,
                                       const struct hs_dwarf_limits *limits,
                                       bool *ret_is_whole);

#endif

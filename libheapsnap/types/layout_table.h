// SPDX-License-Identifier: MIT

/*
 * The types and variables of one file as one run of bytes: what the reader of DWARF makes,
 * what the cache keeps, what layouts are looked up in without unpacking.
 *
 * Indexes in place of pointers, so that it can be mapped. A table from disk is a stranger's:
 * hs_layout_table_open() checks every index once, and nobody else does.
 */

#ifndef HEAPSNAP_TYPES_LAYOUT_TABLE_H
#define HEAPSNAP_TYPES_LAYOUT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libheapsnap/types/layout.h"

#define HS_LAYOUT_MAGIC 0x3174796c70616568ull /* "heaplyt1" */
#define HS_LAYOUT_VERSION 1u                  /* changes with anything in this file */

/* A pointer to a pointer to a pointer … ends after so many. */
#define HS_LAYOUT_DERIVED_MAX 32

enum hs_layout_section {
    HS_LAYOUT_STRINGS,   /* char[]: NUL-terminated; offset 0 is "" */
    HS_LAYOUT_TYPES,     /* struct hs_layout_type */
    HS_LAYOUT_MEMBERS,   /* struct hs_layout_member */
    HS_LAYOUT_ARGUMENTS, /* uint32_t: types */
    HS_LAYOUT_NAMES,     /* uint32_t: types with a name, ascending by its hash */
    HS_LAYOUT_VARIABLES, /* struct hs_layout_variable, ascending by place, then address */
    HS_LAYOUT_SECTIONS
};

struct hs_layout_header {
    uint64_t magic;
    uint64_t size;     /* of everything */
    uint64_t checksum; /* of what follows this field */
    uint32_t version;
    uint32_t build_id_size;
    uint8_t build_id[24];
    struct {
        uint64_t offset; /* from the start; 8-aligned */
        uint64_t count;
    } sections[HS_LAYOUT_SECTIONS];
};

struct hs_layout_type {
    uint64_t size;
    uint64_t count;     /* of an array */
    uint64_t hash;      /* of its own layout: name, size, its members' names and places */
    uint32_t name;      /* without "struct"; "" for what is made of `element` */
    uint32_t name_hash; /* of the name */
    uint32_t element;   /* HS_TYPE_NONE: none, or void */
    uint32_t members, n_members;     /* in MEMBERS */
    uint32_t arguments, n_arguments; /* in ARGUMENTS */
    uint8_t kind;                    /* enum hs_type_kind */
    uint8_t flags;                   /* HS_LAYOUT_* */
    uint8_t reserved[2];
};
#define HS_LAYOUT_CLASS 1u
#define HS_LAYOUT_POLYMORPHIC 2u
#define HS_LAYOUT_VARIANTS 4u
#define HS_LAYOUT_REFERENCE 8u /* of a pointer */
#define HS_LAYOUT_OPEN 16u     /* of an array: no length is told */
#define HS_LAYOUT_UNNAMED 32u  /* only while DWARF is read */

struct hs_layout_member {
    uint32_t offset;
    uint32_t type; /* HS_TYPE_NONE: unknown */
    uint32_t name; /* "": a base class or an anonymous member */
    uint32_t flags;
};
#define HS_MEMBER_BASE 1u
#define HS_MEMBER_VARIANT 2u
#define HS_MEMBER_VTABLE 4u

struct hs_layout_variable {
    uint64_t address; /* as the file numbers it */
    uint64_t size;    /* not 0 */
    uint32_t name;
    uint32_t scope; /* function, or "" */
    uint32_t type;
    uint32_t place; /* enum hs_variable_place: STATIC or THREAD */
};

struct hs_layout_table {
    const struct hs_layout_header *header;
    size_t size;
    const char *strings;
    const struct hs_layout_type *types;
    size_t n_types;
    const struct hs_layout_member *members;
    const uint32_t *arguments;
    const uint32_t *names;
    size_t n_names;
    const struct hs_layout_variable *variables;
    size_t n_variables;
    bool is_mapped; /* else from malloc */
};

/*
 * Check `size` bytes and look at them as a table; the bytes become the table's.
 * NULL for a fine table, else what is wrong, and the bytes stay the caller's.
 */
const char *hs_layout_table_open(const void *bytes, size_t size, bool is_mapped,
                                 struct hs_layout_table *ret);
/* A zeroed table is fine. */
void hs_layout_table_close(struct hs_layout_table *table);

uint64_t hs_layout_checksum(const struct hs_layout_header *header, size_t size);
uint32_t hs_layout_name_hash(const char *name);

/*
 * The first type of this name at or behind position `*at` of NAMES, which moves behind it;
 * begin with SIZE_MAX. HS_TYPE_NONE when there are no more. `name` as
 * hs_layout_name() leaves it.
 */
uint32_t hs_layout_table_find(const struct hs_layout_table *table, const char *name,
                              size_t *at);

/* The variable whose extent covers the address, or NULL. */
const struct hs_layout_variable *
hs_layout_table_variable(const struct hs_layout_table *table,
                         enum hs_variable_place place, uint64_t address);

#endif

// SPDX-License-Identifier: MIT

/*
 * What every block of a capture is, and what its pointers are called.
 *
 * Told from the capture alone: the words that are addresses of C++ classes' tables, and
 * typed variables from which the edges lead on, field by field, as DWARF lays them out.
 * Nothing here looks at memory, so frozen images, live processes and core files give the
 * same answers.
 */

#ifndef HEAPSNAP_TYPES_TYPES_H
#define HEAPSNAP_TYPES_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heapsnap/capture.h"
#include "heapsnap/error.h"
#include "heapsnap/graph.h"
#include "heapsnap/symbols.h"
#include "libheapsnap/types/shape.h"

/* From where a block's type is known. */
enum hs_origin {
    HS_ORIGIN_NONE,
    HS_ORIGIN_VTABLE,    /* its class's table */
    HS_ORIGIN_VARIABLE,  /* a way from a typed variable */
    HS_ORIGIN_SITE,      /* the code that allocated it */
    HS_ORIGIN_CONSENSUS, /* most blocks of its allocation stack are of this type */
    HS_ORIGIN_CONTAINER, /* a standard container holds it */
    HS_ORIGIN_TEXT,      /* it reads as text */
    HS_ORIGIN_LOADER,    /* the dynamic loader made it for itself: no type, but known */
    HS_ORIGIN_COUNT
};

struct hs_types_count {
    uint64_t blocks, bytes;
};

struct hs_types;

/*
 * `layouts` may be NULL: then classes' tables and texts alone are told. All of these are
 * borrowed and must outlive the result. Errors: -ENOMEM.
 */
int hs_types_create(const struct hs_capture *capture, const struct hs_graph *graph,
                    struct hs_symbols *symbols, struct hs_layouts *layouts,
                    struct hs_types **ret, struct hs_error *err);
void hs_types_destroy(struct hs_types *types);

/* The class of a block: "struct entry", "Foo[]", "char[]"; NULL when it is not known.
 * Equal classes give the same pointer. Borrowed until destroy. */
const char *hs_types_class(const struct hs_types *types, uint32_t block);

enum hs_origin hs_types_origin(const struct hs_types *types, uint32_t block);

/* False: it may be of another type, because the size does not tell or claims differ. */
bool hs_types_is_certain(const struct hs_types *types, uint32_t block);

/* Is it text, by its contents or by the type of what points to it? */
bool hs_types_is_text(const struct hs_types *types, uint32_t block);

/* Is it characters by the type of what points to it, but not by its contents? */
bool hs_types_is_bytes(const struct hs_types *types, uint32_t block);

/* The field that an edge of the capture goes out from; false when there is none known. */
bool hs_types_edge_place(const struct hs_types *types, const struct hs_capture_edge *edge,
                         struct hs_place *ret);

/* Numbers of slots are below this. */
uint32_t hs_types_slot_count(const struct hs_types *types);

/* The variable that holds a root's pointer, and the field in it (`ret_place->slot` NULL:
 * the variable itself). False when it is not known. */
bool hs_types_root_place(const struct hs_types *types,
                         const struct hs_capture_root_edge *edge,
                         const struct hs_variable **ret_variable,
                         struct hs_place *ret_place);

/* Heap blocks by origin; mappings are not counted. */
struct hs_types_count hs_types_count(const struct hs_types *types, enum hs_origin origin);
/* Of all these, those that are not certain. */
struct hs_types_count hs_types_count_uncertain(const struct hs_types *types);
/* How often two ways to a block made it something else. */
uint64_t hs_types_conflicts(const struct hs_types *types);

#endif

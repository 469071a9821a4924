// SPDX-License-Identifier: MIT

/*
 * What a block can be: a type that DWARF describes, a row of them, text, a container's
 * node, or a class of which only the name is known.
 *
 * Shapes have numbers, and equal ones are one. Their slots, the pointers in them, are
 * worked out when they are first asked for, because types refer to each other in circles.
 */

#ifndef HEAPSNAP_TYPES_SHAPE_H
#define HEAPSNAP_TYPES_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libheapsnap/base/array.h"
#include "libheapsnap/symbols/text.h"
#include "libheapsnap/types/layout.h"

#define HS_SHAPE_NONE 0u

enum hs_shape_kind {
    HS_SHAPE_OBJECT,      /* one, or as many as the block has room for */
    HS_SHAPE_TAILED,      /* one, and bytes behind it */
    HS_SHAPE_ROW,         /* as many as the block has room for */
    HS_SHAPE_COUNTED_ROW, /* the same behind eight bytes that hold their number */
    HS_SHAPE_TEXT,        /* characters */
    HS_SHAPE_NAMED,       /* no layout */
    HS_SHAPE_LIST_NODE,   /* of a container; `type` is what it holds */
    HS_SHAPE_FORWARD_NODE,
    HS_SHAPE_TREE_NODE,
    HS_SHAPE_HASH_NODE,
    HS_SHAPE_HASH_BUCKETS,
    HS_SHAPE_DEQUE_MAP,
    HS_SHAPE_PART,   /* in something unknown, at `lead` */
    HS_SHAPE_SHARED, /* std::make_shared: two counters and the object */
};

/* One pointer, or a row of pointers. */
struct hs_shape_slot {
    uint32_t offset, count, stride; /* as in hs_type_slot */
    uint32_t target;                /* shape pointed to; HS_SHAPE_NONE: unknown */
    uint32_t number;                /* unique among all slots of all shapes */
    bool is_borrowed;               /* points into what another slot holds: an end */
    const char *path, *tail;        /* "lru.tail", without a dot in front; "" of a row */
};

struct hs_shape {
    enum hs_shape_kind kind;
    uint32_t type;        /* HS_TYPE_NONE: of no type */
    const char *name;     /* of one: "struct entry" */
    const char *row_name; /* of several: "struct entry[]" */
    uint64_t size;        /* of one; 0: not known */
    uint32_t lead;        /* bytes before the first of a row */
    bool is_built;
    bool is_flexible;  /* may be longer than `size` */
    bool is_complete;  /* every pointer in it has a slot */
    bool is_container; /* made by a container's rules */
    const struct hs_shape_slot *slots;
    uint32_t n_slots, n_singles; /* singles come first, ascending by offset */
};

struct hs_shapes {
    struct hs_layouts *layouts; /* borrowed; NULL without any debug information */
    struct hs_text text;
    HS_ARRAY(struct hs_shape *) all;
    uint32_t *table; /* open hash of shape numbers; 0 = empty */
    size_t room;     /* a power of two */
    uint32_t n_slots;
};

int hs_shapes_init(struct hs_shapes *shapes, struct hs_layouts *layouts);
void hs_shapes_deinit(struct hs_shapes *shapes);

/* The number of a shape; HS_SHAPE_NONE for types that say nothing (void, code), and
 * without memory. */
uint32_t hs_shapes_of(struct hs_shapes *shapes, enum hs_shape_kind kind, uint32_t type);

/* HS_SHAPE_PART: `type` at byte `lead`. */
uint32_t hs_shapes_part(struct hs_shapes *shapes, uint32_t type, uint32_t lead);

/* What a pointer to `type` leads to. */
uint32_t hs_shapes_target(struct hs_shapes *shapes, uint32_t type);

/* HS_SHAPE_NAMED. */
uint32_t hs_shapes_named(struct hs_shapes *shapes, const char *name);

/* `shape` is not HS_SHAPE_NONE. Built: with its slots. */
const struct hs_shape *hs_shapes_get(struct hs_shapes *shapes, uint32_t shape);

/* A pointer's place in a block of some shape. */
struct hs_place {
    const struct hs_shape_slot *slot;
    uint64_t element; /* which of the block's row; HS_PLACE_NONE: there is no row */
    uint64_t index;   /* which of the slot's row; HS_PLACE_NONE: there is no row */
};
#define HS_PLACE_NONE UINT64_MAX

/*
 * The slots at byte `offset` of a block of this shape; several in a union. `is_row`: the
 * block is a row. Returns how many, at most `n`.
 */
size_t hs_shape_places(const struct hs_shape *shape, bool is_row, uint64_t offset,
                       struct hs_place *ret, size_t n);

/* "[3].buckets[17].next"; returns as snprintf does. */
int hs_place_text(const struct hs_place *place, char *buffer, size_t size);

/* A shape in the making: what build.c and the containers' rules add to. */
struct hs_shape_slots {
    HS_ARRAY(struct hs_shape_slot) at;
    bool has_failed; /* no memory */
};
void hs_shape_slots_add(struct hs_shape_slots *slots, struct hs_shape_slot slot);

/* Slots of a value of type `type` at `offset`, its paths behind `prefix`. */
void hs_shape_slots_add_value(struct hs_shapes *shapes, struct hs_shape_slots *slots,
                              uint32_t type, uint32_t offset, const char *prefix);

/* Work out name and size (`shape` is new), then the slots; build.c. */
bool hs_shape_describe(struct hs_shapes *shapes, struct hs_shape *shape);
void hs_shape_build(struct hs_shapes *shapes, struct hs_shape *shape);

#endif

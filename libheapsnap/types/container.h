// SPDX-License-Identifier: MIT

/*
 * What the standard containers of a language keep behind their pointers.
 *
 * Libraries hide it: a map points to "node base", a hash table to "hash node base". The
 * template's arguments tell what a node really holds. A rule says, for one pointer inside
 * one container, what it is to be called and what it leads to.
 */

#ifndef HEAPSNAP_TYPES_CONTAINER_H
#define HEAPSNAP_TYPES_CONTAINER_H

#include "libheapsnap/types/shape.h"

enum hs_container_target {
    HS_CONTAINER_AS_DECLARED, /* the pointer's own type is right */
    HS_CONTAINER_NOTHING,     /* unknown */
    HS_CONTAINER_BORROWED,    /* into what another pointer holds */
    HS_CONTAINER_ROW,         /* of values */
    HS_CONTAINER_VALUE,       /* one value */
    HS_CONTAINER_TEXT,
    HS_CONTAINER_LIST_NODE,
    HS_CONTAINER_FORWARD_NODE,
    HS_CONTAINER_TREE_NODE,
    HS_CONTAINER_HASH_NODE,
    HS_CONTAINER_HASH_BUCKETS,
    HS_CONTAINER_DEQUE_MAP,
};

struct hs_container_rule {
    const char *container; /* the name up to its "<", without inline namespaces */
    const char *member;    /* last part of the pointer's path; NULL: every one */
    const char *label;     /* goes behind the path of the container */
    enum hs_container_target target;
    const char *value; /* NULL: first argument; "_M_t:1": the second of that member's */
};

/* Each ends with a rule without a container. */
extern const struct hs_container_rule hs_container_libstdcxx[];
extern const struct hs_container_rule hs_container_libcxx[];
extern const struct hs_container_rule hs_container_rust[];

/* Is the type with this DWARF name one of the containers known? */
bool hs_container_is_known(const char *name);

/* Types of a library's own that hold a container's values. */
struct hs_container_node {
    const char *name;                /* as above */
    enum hs_container_target target; /* of a pointer to it; of its first argument */
};

/* Each ends with one without a name. */
extern const struct hs_container_node hs_container_libstdcxx_nodes[];
extern const struct hs_container_node hs_container_libcxx_nodes[];

/* What a pointer to `type` leads to when that is such a type; false when it is none. */
bool hs_container_node(struct hs_shapes *shapes, const struct hs_type *type,
                       uint32_t *ret_shape);

/*
 * Is the slot at `path` (".users._M_t._M_impl.…") of type `type` inside a container? Then
 * `slot` gets its path and target.
 */
bool hs_container_apply(struct hs_shapes *shapes, uint32_t type,
                        const struct hs_type_slot *from, struct hs_shape_slot *slot);

#endif

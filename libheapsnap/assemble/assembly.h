// SPDX-License-Identifier: MIT

/*
 * What the files of this folder share: a snapshot in the making. Each file adds one group
 * of nodes and the edges that belong to it; assemble.c says in which order.
 */

#ifndef HEAPSNAP_ASSEMBLE_ASSEMBLY_H
#define HEAPSNAP_ASSEMBLE_ASSEMBLY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heapsnap/assemble.h"
#include "heapsnap/graph.h"
#include "heapsnap/snapshot.h"
#include "heapsnap/symbols.h"
#include "libheapsnap/types/types.h"
#include "probes/abi.h"

/* The groups below the root. Their ids are 2 * (value + 1) + 1, the same for ever; the
 * root's is 1. */
enum hs_group {
    HS_GROUP_MODULES,
    HS_GROUP_THREADS,
    HS_GROUP_MAPPINGS,
    HS_GROUP_HANDLES,
    HS_GROUP_ALLOCATOR,
    HS_GROUP_LOST,
    HS_GROUP_SITES,
    HS_GROUP_IGNORED,
    HS_GROUP_COUNT
};
/* Fixed ids of other nodes. */
#define HS_ID_ROOT 1u
#define HS_ID_SLACK 33u

/* What can be seen in Summary must not be empty; V8's files have 32 bits for a size. */
#define HS_SIZE_MAX UINT32_MAX

struct hs_assembly {
    const struct hs_capture *capture;
    struct hs_graph *graph;
    struct hs_symbols *symbols;
    struct hs_layouts *layouts;  /* NULL: without types, or they cannot be read */
    struct hs_types *types;      /* NULL: without types */
    struct hs_error types_error; /* why there are no layouts */
    struct hs_snapshot_builder *builder;
    bool has_instance_names;
    uint32_t root;
    uint32_t group[HS_GROUP_COUNT]; /* node ordinals */
    uint32_t first_block;           /* node of block 0; the others follow in order */
    uint32_t *module_node;          /* by module; UINT32_MAX = has none */
    uint32_t *thread_node;          /* by thread */
    uint32_t *site_node;        /* by stack: the innermost frame's; UINT32_MAX = none */
    uint32_t next_synthetic_id; /* even; for nodes of size 0 */
    uint64_t bytes_left_out;    /* of blocks too huge to show in parts */
};

/* The next even id, for nodes that no comparison looks at. */
uint32_t hs_assembly_synthetic_id(struct hs_assembly *assembly);

/* `id` from the capture, or a synthetic one where the capture has none. */
uint32_t hs_assembly_id(struct hs_assembly *assembly, uint32_t id);

/* Short for builder_node(builder_string(name)) and the like. */
uint32_t hs_assembly_node(struct hs_assembly *assembly, enum hs_node_type type,
                          const char *name, uint32_t id, uint64_t size,
                          uint8_t detachedness);
void hs_assembly_edge(struct hs_assembly *assembly, uint32_t from, enum hs_edge_type type,
                      const char *name, uint32_t to);
void hs_assembly_element(struct hs_assembly *assembly, uint32_t from, uint32_t index,
                         uint32_t to);

/* One function a group. Those that can fail return 0 or -ENOMEM. */
void hs_assembly_add_modules(struct hs_assembly *assembly);
void hs_assembly_add_threads(struct hs_assembly *assembly);
int hs_assembly_add_root_edges(struct hs_assembly *assembly); /* after the blocks */
int hs_assembly_add_sites(struct hs_assembly *assembly);
int hs_assembly_add_blocks(struct hs_assembly *assembly);
int hs_assembly_add_pointers(struct hs_assembly *assembly);
int hs_assembly_add_lost(struct hs_assembly *assembly);
void hs_assembly_add_handles(struct hs_assembly *assembly);
void hs_assembly_add_allocator(struct hs_assembly *assembly);

/* What the stack was: a weak edge to the call tree, unless there is no stack. */
void hs_assembly_add_allocated_at(struct hs_assembly *assembly, uint32_t node,
                                  uint32_t stack);

/* The member "heapsnap" of the file's "snapshot" object; NULL without memory. */
json_t *hs_assembly_metadata(const struct hs_assembly *assembly);

#endif

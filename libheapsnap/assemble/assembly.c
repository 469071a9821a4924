// SPDX-License-Identifier: MIT

/*
 * Short ways to add a node and an edge.
 */

#include "libheapsnap/assemble/assembly.h"

uint32_t hs_assembly_synthetic_id(struct hs_assembly *assembly)
{
    assembly->next_synthetic_id += 2;
    return assembly->next_synthetic_id;
}

uint32_t hs_assembly_id(struct hs_assembly *assembly, uint32_t id)
{
    return id ? id : hs_assembly_synthetic_id(assembly);
}

uint32_t hs_assembly_node(struct hs_assembly *assembly, enum hs_node_type type,
                          const char *name, uint32_t id, uint64_t size,
                          uint8_t detachedness)
{
    uint32_t string = hs_snapshot_builder_string(assembly->builder, name);
    uint32_t shown = size > HS_SIZE_MAX ? HS_SIZE_MAX : (uint32_t)size;
    return hs_snapshot_builder_node(assembly->builder, type, string, id, shown,
                                    detachedness);
}

void hs_assembly_edge(struct hs_assembly *assembly, uint32_t from, enum hs_edge_type type,
                      const char *name, uint32_t to)
{
    uint32_t string = hs_snapshot_builder_string(assembly->builder, name);
    hs_snapshot_builder_edge(assembly->builder, from, type, string, to);
}

void hs_assembly_element(struct hs_assembly *assembly, uint32_t from, uint32_t index,
                         uint32_t to)
{
    hs_snapshot_builder_edge(assembly->builder, from, HS_EDGE_ELEMENT, index, to);
}

void hs_assembly_add_allocated_at(struct hs_assembly *assembly, uint32_t node,
                                  uint32_t stack)
{
    if (stack < assembly->capture->n_frames && assembly->site_node[stack] != UINT32_MAX)
        hs_assembly_edge(assembly, node, HS_EDGE_WEAK, "allocated at",
                         assembly->site_node[stack]);
}

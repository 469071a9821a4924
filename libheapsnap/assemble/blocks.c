// SPDX-License-Identifier: MIT

/*
 * Heap blocks and mappings, one node each, in the capture's order.
 *
 * Their names are in block_name.c. A file has 32 bits for a size, so huge blocks are
 * continued in parts. An empty block counts one byte, because what has size 0 is shown
 * nowhere.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/assemble/assembly.h"
#include "libheapsnap/assemble/block_name.h"
#include "libheapsnap/base/array.h"
#include "libheapsnap/base/guard.h"

static uint64_t shown_size(const struct hs_capture_block *block)
{
    if (!(block->flags & HS_BLOCK_MAPPING))
        return block->size ? block->size : 1;
    /* Reserved address space that nobody can use costs no memory. */
    return block->flags & (HS_BLOCK_READ | HS_BLOCK_WRITE) ? block->size : 0;
}

static enum hs_node_type node_type(const struct hs_assembly *assembly, uint32_t block)
{
    uint32_t flags = assembly->capture->blocks[block].flags;
    if (flags & HS_BLOCK_MAPPING)
        return flags & HS_BLOCK_EXECUTE ? HS_NODE_CODE : HS_NODE_NATIVE;
    bool is_text = assembly->types && hs_types_is_text(assembly->types, block);
    return is_text ? HS_NODE_STRING : HS_NODE_NATIVE;
}

/* ---- parts of huge blocks ---- */

/* 8 TiB in all: more is reserved by somebody, or a damaged capture. */
#define PARTS_MAX 2048u

/* The same in every snapshot, unless two of them want the same number. Even, and far above
 * the ids of sites. */
static uint32_t part_id(uint32_t block_id, uint32_t part, const uint32_t *taken,
                        size_t n_taken)
{
    uint32_t id = (block_id * 2654435761u + part * 40503u) | 0x80000000u;
    for (id &= ~1u;; id = (id + 2) | 0x80000000u) {
        size_t i = 0;
        while (i < n_taken && taken[i] != id)
            i++;
        if (i == n_taken)
            return id;
    }
}

static int add_parts(struct hs_naming *naming)
{
    struct hs_assembly *assembly = naming->assembly;
    HS_ARRAY(uint32_t) taken = {0};
    int result = 0;
    for (size_t i = 0; i < assembly->capture->n_blocks && result == 0; i++) {
        const struct hs_capture_block *block = &assembly->capture->blocks[i];
        uint64_t rest = shown_size(block);
        for (uint32_t part = 2; rest > HS_SIZE_MAX && result == 0; part++) {
            char suffix[32];
            rest -= HS_SIZE_MAX;
            if (taken.count == PARTS_MAX) {
                assembly->bytes_left_out += rest;
                break;
            }
            snprintf(suffix, sizeof(suffix), " part %u", part);
            uint32_t id = part_id(block->id, part, taken.at, taken.count);
            uint32_t node = hs_snapshot_builder_node(
                assembly->builder, node_type(assembly, (uint32_t)i),
                hs_naming_block(naming, (uint32_t)i, suffix), id,
                rest > HS_SIZE_MAX ? HS_SIZE_MAX : (uint32_t)rest, 0);
            hs_assembly_edge(assembly, assembly->first_block + (uint32_t)i,
                             HS_EDGE_INTERNAL, suffix + 1, node);
            if (!hs_array_push(&taken, id))
                result = -ENOMEM;
        }
    }
    free(taken.at);
    return result;
}

/* ---- all ---- */

static void add_nodes(struct hs_naming *naming)
{
    struct hs_assembly *assembly = naming->assembly;
    uint32_t at_string = hs_snapshot_builder_string(assembly->builder, "allocated at");
    for (size_t i = 0; i < assembly->capture->n_blocks; i++) {
        const struct hs_capture_block *block = &assembly->capture->blocks[i];
        uint64_t size = shown_size(block);
        uint32_t node = hs_snapshot_builder_node(
            assembly->builder, node_type(assembly, (uint32_t)i),
            hs_naming_block(naming, (uint32_t)i, ""), hs_assembly_id(assembly, block->id),
            size > HS_SIZE_MAX ? HS_SIZE_MAX : (uint32_t)size,
            assembly->graph->is_leader[i] && !assembly->capture->header->sample_rate
                ? HS_DETACHEDNESS_DETACHED
                : HS_DETACHEDNESS_UNKNOWN);
        if (i == 0)
            assembly->first_block = node;
        if (assembly->site_node[block->stack] != UINT32_MAX)
            hs_snapshot_builder_edge(assembly->builder, node, HS_EDGE_WEAK, at_string,
                                     assembly->site_node[block->stack]);
    }
}

/* Mappings that only the second flood reached hang from the group: the process holds them
 * by having them. */
static void hang_mappings(struct hs_assembly *assembly)
{
    uint32_t number = 0;
    for (size_t i = 0; i < assembly->capture->n_blocks; i++)
        if ((assembly->capture->blocks[i].flags & HS_BLOCK_MAPPING)
            && assembly->graph->reach[i] == HS_REACH_MAPPING)
            hs_assembly_element(assembly, assembly->group[HS_GROUP_MAPPINGS], ++number,
                                assembly->first_block + (uint32_t)i);
}

/* Nothing but the program's word holds these. */
static void hang_ignored(struct hs_assembly *assembly)
{
    uint32_t number = 0;
    for (size_t i = 0; i < assembly->capture->n_blocks; i++)
        if ((assembly->capture->blocks[i].flags & HS_BLOCK_IGNORED)
            && assembly->graph->reach[i] == HS_REACH_IGNORED)
            hs_assembly_element(assembly, assembly->group[HS_GROUP_IGNORED], ++number,
                                assembly->first_block + (uint32_t)i);
}

int hs_assembly_add_blocks(struct hs_assembly *assembly)
{
    struct hs_naming naming;
    if (hs_naming_init(&naming, assembly) < 0)
        return -ENOMEM;
    add_nodes(&naming);
    hang_mappings(assembly);
    hang_ignored(assembly);
    int result = add_parts(&naming);
    hs_naming_deinit(&naming);
    return result;
}

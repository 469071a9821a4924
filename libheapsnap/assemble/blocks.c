// SPDX-License-Identifier: MIT

/*
 * Heap blocks and mappings, one node each, in the capture's order.
 *
 * A block's class is its allocation site. With instance names each also shows its address:
 * "<malloc·←·f·(a.c:1) 0x55…>", where · is a no-break space, is grouped by DevTools as
 * "<malloc ← f (a.c:1)>". A file has 32 bits for a size, so huge blocks are continued in
 * parts. An empty block counts one byte, because what has size 0 is shown nowhere.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/assemble/assembly.h"
#include "libheapsnap/assemble/names.h"
#include "libheapsnap/base/array.h"
#include "libheapsnap/base/guard.h"

#define NAME_MAX_LENGTH 1400

/* The beginning of the names of one stack's blocks. */
struct class_name {
    char *prefix; /* with instance names: all up to the address; owned */
    uint32_t length;
    uint32_t string; /* without: the whole name; UINT32_MAX = not asked yet */
};

struct naming {
    struct hs_assembly *assembly;
    struct class_name *classes; /* by stack */
};

static int naming_init(struct naming *naming, struct hs_assembly *assembly)
{
    size_t n_frames = assembly->capture->n_frames;
    naming->assembly = assembly;
    naming->classes = calloc(n_frames + 1, sizeof(*naming->classes));
    if (!naming->classes)
        return -ENOMEM;
    for (size_t i = 0; i < n_frames; i++)
        naming->classes[i].string = UINT32_MAX;
    return 0;
}

static void naming_deinit(struct naming *naming)
{
    for (size_t i = 0; i < naming->assembly->capture->n_frames; i++)
        free(naming->classes[i].prefix);
    free(naming->classes);
}

static uint32_t name_plainly(struct naming *naming, uint32_t stack)
{
    struct class_name *class = &naming->classes[stack];
    if (class->string == UINT32_MAX) {
        char name[NAME_MAX_LENGTH];
        snprintf(name, sizeof(name), "malloc ← %s",
                 hs_symbols_site(naming->assembly->symbols, stack));
        class->string = hs_snapshot_builder_string(naming->assembly->builder, name);
    }
    return class->string;
}

/* `suffix` stands between the address and the closing bracket. */
static uint32_t name_instance(struct naming *naming, uint32_t stack, uint64_t address,
                              const char *suffix)
{
    struct class_name *class = &naming->classes[stack];
    char name[NAME_MAX_LENGTH + 64];
    if (!class->prefix) {
        char plain[NAME_MAX_LENGTH];
        snprintf(plain, sizeof(plain), "<malloc ← %s",
                 hs_symbols_site(naming->assembly->symbols, stack));
        size_t length = hs_name_without_spaces(name, NAME_MAX_LENGTH - 1, plain);
        name[length++] = ' ';
        name[length] = '\0';
        class->length = (uint32_t)length;
        class->prefix = strdup(name);
    }
    if (!class->prefix)
        return name_plainly(naming, stack);
    memcpy(name, class->prefix, class->length);
    size_t length = class->length + hs_name_hex(name + class->length, address);
    snprintf(name + length, sizeof(name) - length, "%s>", suffix);
    return hs_snapshot_builder_string(naming->assembly->builder, name);
}

static uint32_t name_mapping(struct naming *naming, const struct hs_capture_block *block,
                             const char *suffix)
{
    char name[96];
    snprintf(name, sizeof(name), "<mmap" HS_NO_BREAK_SPACE "%s%c%c%c%c 0x%llx%s>",
             block->flags & HS_BLOCK_FILE ? "file" HS_NO_BREAK_SPACE : "",
             block->flags & HS_BLOCK_READ ? 'r' : '-',
             block->flags & HS_BLOCK_WRITE ? 'w' : '-',
             block->flags & HS_BLOCK_EXECUTE ? 'x' : '-',
             block->flags & HS_BLOCK_SHARED ? 's' : 'p',
             (unsigned long long)block->address, suffix);
    return hs_snapshot_builder_string(naming->assembly->builder, name);
}

static uint32_t name_block(struct naming *naming, const struct hs_capture_block *block,
                           const char *suffix)
{
    if (block->flags & HS_BLOCK_MAPPING)
        return name_mapping(naming, block, suffix);
    uint32_t stack = block->stack > HS_STACK_UNKNOWN ? block->stack : HS_STACK_UNKNOWN;
    if (naming->assembly->has_instance_names)
        return name_instance(naming, stack, block->address, suffix);
    return name_plainly(naming, stack);
}

static uint64_t shown_size(const struct hs_capture_block *block)
{
    if (!(block->flags & HS_BLOCK_MAPPING))
        return block->size ? block->size : 1;
    /* Reserved address space that nobody can use costs no memory. */
    return block->flags & (HS_BLOCK_READ | HS_BLOCK_WRITE) ? block->size : 0;
}

static enum hs_node_type node_type(const struct hs_capture_block *block)
{
    bool is_code = (block->flags & HS_BLOCK_MAPPING) && (block->flags & HS_BLOCK_EXECUTE);
    return is_code ? HS_NODE_CODE : HS_NODE_NATIVE;
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

static int add_parts(struct naming *naming)
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
                assembly->builder, node_type(block), name_block(naming, block, suffix),
                id, rest > HS_SIZE_MAX ? HS_SIZE_MAX : (uint32_t)rest, 0);
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

static void add_nodes(struct naming *naming)
{
    struct hs_assembly *assembly = naming->assembly;
    uint32_t at_string = hs_snapshot_builder_string(assembly->builder, "allocated at");
    for (size_t i = 0; i < assembly->capture->n_blocks; i++) {
        const struct hs_capture_block *block = &assembly->capture->blocks[i];
        uint64_t size = shown_size(block);
        uint32_t node = hs_snapshot_builder_node(
            assembly->builder, node_type(block), name_block(naming, block, ""),
            hs_assembly_id(assembly, block->id),
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

int hs_assembly_add_blocks(struct hs_assembly *assembly)
{
    struct naming naming;
    if (naming_init(&naming, assembly) < 0)
        return -ENOMEM;
    add_nodes(&naming);
    hang_mappings(assembly);
    int result = add_parts(&naming);
    naming_deinit(&naming);
    return result;
}

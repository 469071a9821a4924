// SPDX-License-Identifier: MIT

/*
 * Pointers between blocks.
 *
 * Fields have names where types are known (field_name.c). Without types a field is named
 * by its offset, "+0x18", and a block is shown as an array
 * ("[3]", counting words) by this rule: at least ARRAY_MIN of its words point to the
 * start of blocks, and at least three in four of those aim at blocks that one call stack
 * allocated. Structures rarely have so many fields of one origin, bucket arrays always.
 * Pointers from lost to live blocks are weak: garbage keeps nothing alive.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "libheapsnap/assemble/assembly.h"
#include "libheapsnap/assemble/field_name.h"
#include "libheapsnap/base/guard.h"
#include "libheapsnap/graph/pointer.h"

#define ARRAY_MIN 8

/* Offsets below this many words are named once. */
#define COMMON_WORDS 4096

struct pointers {
    struct hs_assembly *assembly;
    struct hs_fields fields;
    uint32_t *offset_string; /* by word; UINT32_MAX = not asked yet */
};

static uint32_t name_offset(struct pointers *pointers, uint32_t word)
{
    struct hs_snapshot_builder *builder = pointers->assembly->builder;
    bool is_common = word < COMMON_WORDS;
    if (is_common && pointers->offset_string[word] != UINT32_MAX)
        return pointers->offset_string[word];
    char name[32];
    snprintf(name, sizeof(name), "+0x%" PRIx64, (uint64_t)word * 8);
    uint32_t string = hs_snapshot_builder_string(builder, name);
    if (is_common)
        pointers->offset_string[word] = string;
    return string;
}

static uint32_t name_interior(struct pointers *pointers,
                              const struct hs_capture_edge *edge)
{
    char name[64];
    uint64_t offset = (uint64_t)edge->word * 8;
    if (edge->inside == HS_PAST_END)
        snprintf(name, sizeof(name), "+0x%" PRIx64 " → past its end", offset);
    else
        snprintf(name, sizeof(name), "+0x%" PRIx64 " → inside +0x%" PRIx32, offset,
                 edge->inside);
    return hs_snapshot_builder_string(pointers->assembly->builder, name);
}

/* The stack that most targets have, if any has more than half of them (Boyer and Moore's
 * majority vote). */
static uint32_t majority_stack(const struct hs_capture *capture, uint32_t first,
                               uint32_t end)
{
    uint32_t candidate = HS_STACK_NONE, votes = 0;
    for (uint32_t i = first; i < end; i++) {
        if (capture->edges[i].inside != 0)
            continue;
        uint32_t stack = capture->blocks[capture->edges[i].to].stack;
        if (votes == 0)
            candidate = stack;
        if (stack == candidate)
            votes++;
        else
            votes--;
    }
    return candidate;
}

static bool is_array(const struct hs_capture *capture, uint32_t first, uint32_t end)
{
    if (end - first < ARRAY_MIN)
        return false;
    uint32_t stack = majority_stack(capture, first, end);
    uint32_t n_starts = 0, n_equal = 0;
    for (uint32_t i = first; i < end; i++) {
        if (capture->edges[i].inside != 0)
            continue;
        n_starts++;
        n_equal += capture->blocks[capture->edges[i].to].stack == stack;
    }
    return n_starts >= ARRAY_MIN && n_equal >= n_starts - n_starts / 4;
}

static void name_by_offset(struct pointers *pointers, const struct hs_capture_edge *edge,
                           bool is_element, enum hs_edge_type *ret_type,
                           uint32_t *ret_name)
{
    *ret_type = edge->inside ? HS_EDGE_INTERNAL
                : is_element ? HS_EDGE_ELEMENT
                             : HS_EDGE_PROPERTY;
    *ret_name = edge->inside ? name_interior(pointers, edge)
                : is_element ? edge->word
                             : name_offset(pointers, edge->word);
}

/* For edges that cannot be elements. */
static uint32_t name_element(struct pointers *pointers, uint32_t index)
{
    char name[24];
    snprintf(name, sizeof(name), "[%" PRIu32 "]", index);
    return hs_snapshot_builder_string(pointers->assembly->builder, name);
}

static void add_pointer(struct pointers *pointers, const struct hs_capture_edge *edge,
                        bool is_element)
{
    struct hs_assembly *assembly = pointers->assembly;
    const uint8_t *reach = assembly->graph->reach;
    bool is_weak = reach[edge->from] == HS_REACH_LOST && reach[edge->to] != HS_REACH_LOST;
    enum hs_edge_type type;
    uint32_t name;
    if (!hs_fields_name(&pointers->fields, edge, &type, &name))
        name_by_offset(pointers, edge, is_element, &type, &name);
    is_weak |= hs_fields_is_borrowed(&pointers->fields, edge);
    if (is_weak && type == HS_EDGE_ELEMENT)
        name = name_element(pointers, name);
    hs_snapshot_builder_edge(assembly->builder, assembly->first_block + edge->from,
                             is_weak ? HS_EDGE_WEAK : type, name,
                             assembly->first_block + edge->to);
}

int hs_assembly_add_pointers(struct hs_assembly *assembly)
{
    hs_auto_free uint32_t *strings = malloc(COMMON_WORDS * sizeof(*strings));
    if (!strings)
        return -ENOMEM;
    for (size_t i = 0; i < COMMON_WORDS; i++)
        strings[i] = UINT32_MAX;
    struct pointers pointers = {.assembly = assembly, .offset_string = strings};
    if (hs_fields_init(&pointers.fields, assembly) < 0)
        return -ENOMEM;
    const struct hs_capture *capture = assembly->capture;
    const uint32_t *first_edge = assembly->graph->first_edge;
    for (size_t block = 0; block < capture->n_blocks; block++) {
        uint32_t first = first_edge[block], end = first_edge[block + 1];
        bool is_element = is_array(capture, first, end);
        for (uint32_t i = first; i < end; i++)
            if (hs_pointer_counts(capture, capture->edges[i].to,
                                  capture->edges[i].inside))
                add_pointer(&pointers, &capture->edges[i], is_element);
    }
    hs_fields_deinit(&pointers.fields);
    return 0;
}

// SPDX-License-Identifier: MIT

/*
 * Types come unit by unit, each header's again with every unit that includes it; equal
 * ones are kept once.
 *
 * A batch is what refers to each other inside one unit. When it ends, each of its types is
 * compared by a hash of its layout and, through its members and pointers, of those two
 * steps away; the rest is done at the end, when declarations have met their definitions.
 */

#ifndef HEAPSNAP_TYPES_LAYOUT_BUILDER_H
#define HEAPSNAP_TYPES_LAYOUT_BUILDER_H

#include "libheapsnap/base/array.h"
#include "libheapsnap/types/layout_map.h"
#include "libheapsnap/types/layout_table.h"

/* A type of the batch that is not over yet; other numbers are for good. */
#define HS_BATCH 0x80000000u
#define HS_IS_BATCH(type) ((type) != HS_TYPE_NONE && ((type)&HS_BATCH))

#define HS_LAYOUT_STEPS 3

struct hs_layout_types {
    HS_ARRAY(struct hs_layout_type) types;
    HS_ARRAY(struct hs_layout_member) members;
    HS_ARRAY(uint32_t) arguments;
};

struct hs_layout_builder {
    struct hs_layout_types all, batch;
    HS_ARRAY(char) strings;
    struct hs_layout_map string_places, merged; /* hash of a text, of a layout */
    struct {
        uint64_t at[HS_LAYOUT_STEPS - 1];
    } * hashes; /* of all.types */
    size_t hashes_room;
    HS_ARRAY(struct hs_layout_variable) variables;
    size_t batch_variables; /* where those of the batch begin */
    size_t limit;           /* bytes */
    bool is_full;           /* no memory, or the limit: what there is so far is right */
};

void hs_layout_builder_init(struct hs_layout_builder *builder, size_t memory_limit);
void hs_layout_builder_deinit(struct hs_layout_builder *builder);

/* The string's place; the same for the same string. 0 without memory. */
uint32_t hs_layout_builder_string(struct hs_layout_builder *builder, const char *text);

/* A new type of the batch, HS_BATCH set; HS_TYPE_NONE when the builder is full. */
uint32_t hs_layout_builder_add(struct hs_layout_builder *builder,
                               const struct hs_layout_type *type);
/* Either kind of number; not HS_TYPE_NONE. Valid until the next is added. */
struct hs_layout_type *hs_layout_builder_type(struct hs_layout_builder *builder,
                                              uint32_t type);

/* Members of one type are added one after the other, the same with arguments. */
void hs_layout_builder_member(struct hs_layout_builder *builder, uint32_t type,
                              const struct hs_layout_member *member);
void hs_layout_builder_argument(struct hs_layout_builder *builder, uint32_t type,
                                uint32_t argument);
void hs_layout_builder_variable(struct hs_layout_builder *builder,
                                const struct hs_layout_variable *variable);

/*
 * End the batch: `ret[i]` (as long as the batch has types, for the caller to free) is the
 * final number of HS_BATCH | i. False without memory.
 */
bool hs_layout_builder_merge(struct hs_layout_builder *builder, uint32_t **ret);

/* The same for one layout in every file: of name, size, and members' names and places.
 * `strings` are what names are offsets in. */
uint64_t hs_layout_hash(const char *strings, const struct hs_layout_type *type,
                        const struct hs_layout_member *members, const char *name);

/* All of it as a table, which is the caller's to free; NULL without memory. */
struct hs_layout_header *hs_layout_builder_finish(struct hs_layout_builder *builder,
                                                  const uint8_t *build_id,
                                                  size_t build_id_size);

#endif

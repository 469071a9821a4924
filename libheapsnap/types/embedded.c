// SPDX-License-Identifier: MIT

/*
 * Pointers to a part of something: C's lists go through a link somewhere inside their
 * elements, and a pointer to a base is all that is left of what begins with it.
 *
 * What the element is, its size and the place of the part tell, when just one type of that
 * size has such a part there. Asked only about blocks that nothing better is known of.
 */

#include <stdlib.h>
#include <string.h>

#include "libheapsnap/types/propagate.h"

struct sized {
    uint64_t size;
    uint32_t type;
};

/* Types that may contain others, by size. */
struct index {
    struct hs_layouts *layouts;
    HS_ARRAY(struct sized) types;
};

static int by_size(const void *left, const void *right)
{
    const struct sized *a = left, *b = right;
    if (a->size != b->size)
        return a->size < b->size ? -1 : 1;
    return a->type < b->type ? -1 : a->type > b->type;
}

static bool index_init(struct index *index, struct hs_layouts *layouts)
{
    *index = (struct index){.layouts = layouts};
    uint32_t count = hs_layouts_count(layouts);
    for (uint32_t i = 0; i < count; i++) {
        const struct hs_type *type = hs_layouts_type(layouts, i);
        if (!type || type->kind != HS_TYPE_STRUCT || type->size == 0)
            continue;
        if (!hs_array_push(&index->types, (struct sized){type->size, i}))
            return false;
    }
    if (index->types.count > 0)
        qsort(index->types.at, index->types.count, sizeof(*index->types.at), by_size);
    return true;
}

static size_t first_of_size(const struct index *index, uint64_t size)
{
    size_t low = 0, high = index->types.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (index->types.at[middle].size < size)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The only type of `size` bytes that has a `part` at `offset`, else HS_TYPE_NONE. */
static uint32_t find_whole(const struct index *index, uint64_t size, uint32_t part,
                           uint32_t offset)
{
    uint32_t found = HS_TYPE_NONE;
    for (size_t i = first_of_size(index, size);
         i < index->types.count && index->types.at[i].size == size; i++) {
        uint32_t type = index->types.at[i].type;
        if (type == part || !hs_layouts_holds(index->layouts, type, offset, part))
            continue;
        if (found != HS_TYPE_NONE)
            return HS_TYPE_NONE;
        found = type;
    }
    return found;
}

static int by_question(const void *left, const void *right, void *context)
{
    const struct hs_types *types = context;
    const struct hs_embedded *a = left, *b = right;
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    if (a->inside != b->inside)
        return a->inside < b->inside ? -1 : 1;
    uint64_t first = hs_types_block(types, a->block).size,
             second = hs_types_block(types, b->block).size;
    if (first != second)
        return first < second ? -1 : 1;
    return a->block < b->block ? -1 : a->block > b->block;
}

static bool is_open(const struct hs_types *types, uint32_t block)
{
    return types->blocks[block].rank <= HS_RANK_HEAD;
}

bool hs_types_find_wholes(struct hs_types *types)
{
    struct index index;
    bool is_new = false;
    if (!types->layouts || types->embedded.count == 0)
        return false;
    if (!index_init(&index, types->layouts))
        types->has_failed = true;
    qsort_r(types->embedded.at, types->embedded.count, sizeof(*types->embedded.at),
            by_question, types);
    struct hs_embedded last = {.type = HS_TYPE_NONE};
    uint64_t last_size = 0;
    uint32_t whole = HS_TYPE_NONE;
    for (size_t i = 0; i < types->embedded.count; i++) {
        const struct hs_embedded *asked = &types->embedded.at[i];
        uint64_t size = hs_types_block(types, asked->block).size;
        if (!is_open(types, asked->block))
            continue;
        if (asked->type != last.type || asked->inside != last.inside || size != last_size)
            whole = find_whole(&index, size, asked->type, asked->inside);
        last = *asked;
        last_size = size;
        hs_types_claim(types, asked->block,
                       hs_shapes_of(&types->shapes, HS_SHAPE_OBJECT, whole), HS_RANK_ROW,
                       HS_ORIGIN_VARIABLE);
        is_new |= !is_open(types, asked->block);
    }
    free(index.types.at);
    return is_new;
}

void hs_types_name_parts(struct hs_types *types)
{
    for (size_t i = 0; i < types->embedded.count; i++) {
        const struct hs_embedded *part = &types->embedded.at[i];
        if (part->inside > 0 && types->blocks[part->block].rank == HS_RANK_NONE)
            hs_types_claim(types, part->block,
                           hs_shapes_part(&types->shapes, part->type, part->inside),
                           HS_RANK_HEAD, HS_ORIGIN_VARIABLE);
    }
}

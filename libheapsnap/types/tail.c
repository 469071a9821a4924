// SPDX-License-Identifier: MIT

/*
 * Structures with something behind them: malloc(sizeof(struct entry) + length).
 *
 * A block that its code keeps as an entry and that is longer may also be a structure which
 * begins with an entry. But that would have a size that its alignment divides; so odd
 * sizes prove a tail, and where one line makes tails, it makes no rows. A block for which
 * there is a structure of just its size with an entry in front is left as it was, and so
 * is what a function hands out under a name that may be common to several.
 */

#include <stdlib.h>

#include "libheapsnap/types/propagate.h"

#define SIZES_OF_SAME 64u   /* structures of one size that are looked through */
#define ODD_FOR_OTHERS 2u   /* odd sizes that prove tails of even ones */
#define ODD_AGAINST_ROWS 4u /* and that there are no rows */

static uint32_t alignment_of(const struct hs_type *type)
{
    if (type->size % 8 != 0)
        return 1;
    for (uint32_t i = 0; i < type->n_singles; i++)
        if (type->slots[i].offset % 8 == 0)
            return 8;
    return 1;
}

static int by_origin(const void *left, const void *right)
{
    const struct hs_longer *a = left, *b = right;
    if (a->call != b->call)
        return a->call < b->call ? -1 : 1;
    if (a->shape != b->shape)
        return a->shape < b->shape ? -1 : 1;
    if (a->size != b->size)
        return a->size < b->size ? -1 : 1;
    return a->block < b->block ? -1 : a->block > b->block;
}

/* Is there a structure of `size` bytes that begins with a `part`? */
static bool has_whole(struct hs_layouts *layouts, uint64_t size, uint32_t part)
{
    uint32_t found[SIZES_OF_SAME];
    size_t count = hs_layouts_of_size(layouts, size, found, SIZES_OF_SAME);
    for (size_t i = 0; i < count; i++)
        if (found[i] != part && hs_layouts_holds(layouts, found[i], 0, part))
            return true;
    return count == SIZES_OF_SAME;
}

static int by_block(const void *left, const void *right)
{
    const struct hs_embedded *a = left, *b = right;
    return a->block < b->block ? -1 : a->block > b->block;
}

/* Is there a pointer to the block whose type says the same? The pointers are sorted. */
static bool is_confirmed(const struct hs_types *types, uint32_t block, uint32_t type)
{
    size_t low = 0, high = types->embedded.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (types->embedded.at[middle].block < block)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < types->embedded.count && types->embedded.at[low].block == block; low++) {
        const struct hs_embedded *part = &types->embedded.at[low];
        if ((part->type == type && part->inside == 0)
            || hs_layouts_holds(types->layouts, type, part->inside, part->type))
            return true;
    }
    return false;
}

/* One line's blocks of one type, ascending by size. */
static void settle(struct hs_types *types, const struct hs_longer *blocks, size_t count)
{
    const struct hs_shape *shape = types->shapes.all.at[blocks[0].shape];
    const struct hs_type *type = hs_layouts_type(types->layouts, shape->type);
    uint32_t alignment = alignment_of(type), n_odd = 0;
    for (size_t i = 0; i < count; i++)
        if (i == 0 || blocks[i].size != blocks[i - 1].size)
            n_odd += alignment > 1 ? blocks[i].size % alignment != 0
                                   : blocks[i].size % type->size != 0;
    bool has_whole_now = false, is_kept = false;
    uint32_t stack = HS_STACK_NONE;
    for (size_t i = 0; i < count; i++) {
        uint64_t size = blocks[i].size;
        bool is_odd = alignment > 1 && size % alignment != 0;
        bool is_multiple = size > type->size && size % type->size == 0;
        if (i == 0 || size != blocks[i - 1].size)
            has_whole_now = has_whole(types->layouts, size, shape->type);
        if (types->capture->blocks[blocks[i].block].stack != stack) {
            stack = types->capture->blocks[blocks[i].block].stack;
            is_kept = hs_layouts_site_keeps(types->layouts, stack, shape->type);
        }
        struct hs_typed *typed = &types->blocks[blocks[i].block];
        if (is_multiple && n_odd >= ODD_AGAINST_ROWS && typed->rank == HS_RANK_ROW)
            typed->is_contested = true;
        if (!is_kept || has_whole_now || (!is_odd && n_odd < ODD_FOR_OTHERS)
            || (blocks[i].is_weak && !is_confirmed(types, blocks[i].block, shape->type))
            || ((is_multiple || alignment == 1) && n_odd < ODD_AGAINST_ROWS))
            continue;
        hs_types_claim(types, blocks[i].block,
                       hs_shapes_of(&types->shapes, HS_SHAPE_TAILED, shape->type),
                       HS_RANK_FITS, HS_ORIGIN_SITE);
    }
}

void hs_types_note_longer(struct hs_types *types, uint32_t block, uint32_t shape,
                          bool is_weak)
{
    struct hs_capture_block info = hs_types_block(types, block);
    const struct hs_shape *kept_as = types->shapes.all.at[shape];
    bool is_shorter = info.size < kept_as->size;
    if (kept_as->kind != HS_SHAPE_OBJECT || kept_as->size == 0
        || info.size == kept_as->size || info.size + HS_PADDING_MAX < kept_as->size
        || (kept_as->is_flexible && !is_shorter) || (info.flags & HS_BLOCK_USABLE))
        return;
    struct hs_longer longer = {types->capture->frames[info.stack].address, info.size,
                               shape, block, is_weak};
    if (!hs_array_push(&types->longer, longer))
        types->has_failed = true;
}

void hs_types_settle_tails(struct hs_types *types)
{
    struct hs_longer *at = types->longer.at;
    size_t count = types->longer.count;
    if (count > 0)
        qsort(at, count, sizeof(*at), by_origin);
    if (types->embedded.count > 0)
        qsort(types->embedded.at, types->embedded.count, sizeof(*types->embedded.at),
              by_block);
    for (size_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count; end++)
            if (at[end].call != at[first].call || at[end].shape != at[first].shape)
                break;
        settle(types, &at[first], end - first);
    }
}

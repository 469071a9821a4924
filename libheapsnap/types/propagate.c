// SPDX-License-Identifier: MIT

/*
 * Sizes decide: a pointer's type says what is at its target's start, and only a block of
 * just that size is surely no more than that. In C, a longer block may be the type with
 * something behind it, or a type that merely begins with it; a multiple may be a row, or
 * chance. A row is not believed when the block has pointers where the row has none.
 */

#include "libheapsnap/types/propagate.h"

#include <string.h>

#define PLACES_MAX 8

/* So many numbers make a row; fewer may be a small structure. */
#define PLAIN_ROW_MIN 4

/* What glibc gives for a request. Other allocators are as generous, or more so. */
static uint64_t usable_for(uint64_t size)
{
    uint64_t chunk = (size + 8 + 15) & ~(uint64_t)15;
    return chunk < 32 ? 24 : chunk - 8;
}

bool hs_block_is_exact(const struct hs_capture_block *block, uint64_t size)
{
    return block->size == size
           || ((block->flags & HS_BLOCK_USABLE) && block->size == usable_for(size));
}

bool hs_block_fits(const struct hs_capture_block *block, uint64_t size)
{
    if (size == 0 || block->size < size)
        return false;
    return hs_block_is_exact(block, block->size / size * size);
}

bool hs_block_is_row(const struct hs_capture_block *block, const struct hs_shape *shape)
{
    switch (shape->kind) {
    case HS_SHAPE_ROW:
    case HS_SHAPE_COUNTED_ROW:
    case HS_SHAPE_DEQUE_MAP:
    case HS_SHAPE_HASH_BUCKETS:
        return true;
    case HS_SHAPE_OBJECT:
        return shape->size > 0 && !shape->is_flexible && block->size >= 2 * shape->size
               && !hs_block_is_exact(block, shape->size)
               && hs_block_fits(block, shape->size);
    default:
        return false;
    }
}

/* ---- how well a shape fits a block ---- */

/* Does every pointer of the block lie where the shape has one? */
static bool has_its_pointers(const struct hs_types *types, uint32_t block,
                             const struct hs_shape *shape)
{
    if (!shape->is_complete)
        return true;
    const struct hs_capture *capture = types->capture;
    struct hs_capture_block info = hs_types_block(types, block);
    bool is_row = hs_block_is_row(&info, shape);
    uint32_t end = types->graph->first_edge[block + 1];
    for (uint32_t i = types->graph->first_edge[block]; i < end; i++) {
        struct hs_place place;
        uint64_t offset;
        if (hs_types_offset(types, &capture->edges[i], &offset)
            && hs_shape_places(shape, is_row, offset, &place, 1) == 0)
            return false;
    }
    return true;
}

static enum hs_rank rank_text(const struct hs_types *types, uint32_t block)
{
    if (types->capture->blocks[block].flags & HS_BLOCK_TEXT)
        return HS_RANK_FITS;
    /* Bytes in general are kept by char pointers, too. */
    return types->graph->first_edge[block] == types->graph->first_edge[block + 1]
               ? HS_RANK_GUESS
               : HS_RANK_NONE;
}

static enum hs_rank rank_object(const struct hs_types *types, uint32_t block,
                                const struct hs_shape *shape)
{
    const struct hs_capture_block data = hs_types_block(types, block), *info = &data;
    const struct hs_type *type = hs_layouts_type(types->layouts, shape->type);
    if (shape->size == 0)
        return type && type->kind == HS_TYPE_DECLARED ? HS_RANK_GUESS : HS_RANK_NONE;
    if (info->size < shape->size)
        return info->size + HS_PADDING_MAX >= shape->size && type
                       && type->kind == HS_TYPE_STRUCT
                   ? HS_RANK_HEAD
                   : HS_RANK_NONE;
    /* A number is often what a longer thing begins with, but that has pointers. */
    bool is_plain = type && type->kind == HS_TYPE_SCALAR;
    if (is_plain && !has_its_pointers(types, block, shape))
        return HS_RANK_NONE;
    if (hs_block_is_exact(info, shape->size) || shape->is_flexible)
        return HS_RANK_FITS;
    if (!hs_block_fits(info, shape->size) || !has_its_pointers(types, block, shape))
        return is_plain ? HS_RANK_NONE : HS_RANK_HEAD;
    /* What malloc gives is a multiple of nearly anything small. */
    if (info->flags & HS_BLOCK_USABLE)
        return HS_RANK_GUESS;
    bool is_short = info->size < shape->size * PLAIN_ROW_MIN;
    return is_plain && is_short ? HS_RANK_GUESS : HS_RANK_ROW;
}

static enum hs_rank rank_row(const struct hs_types *types, uint32_t block,
                             const struct hs_shape *shape)
{
    struct hs_capture_block info = hs_types_block(types, block);
    if (info.size < shape->lead + shape->size)
        return HS_RANK_NONE;
    info.size -= shape->lead;
    return hs_block_fits(&info, shape->size) ? HS_RANK_FITS : HS_RANK_NONE;
}

/* Nodes may carry a little more than their value: a cached hash, padding. */
static enum hs_rank rank_node(const struct hs_types *types, uint32_t block,
                              const struct hs_shape *shape)
{
    const struct hs_capture_block data = hs_types_block(types, block), *info = &data;
    uint64_t slack = info->flags & HS_BLOCK_USABLE ? 24 : 8;
    return info->size >= shape->size && info->size - shape->size <= slack ? HS_RANK_FITS
                                                                          : HS_RANK_NONE;
}

static enum hs_rank rank(struct hs_types *types, uint32_t block, uint32_t number)
{
    const struct hs_shape *shape = hs_shapes_get(&types->shapes, number);
    switch (shape->kind) {
    case HS_SHAPE_NAMED:
        return HS_RANK_TABLE;
    case HS_SHAPE_PART:
        return HS_RANK_HEAD;
    case HS_SHAPE_TEXT:
        return rank_text(types, block);
    case HS_SHAPE_TAILED:
        return hs_types_block(types, block).size + HS_PADDING_MAX >= shape->size
                   ? HS_RANK_FITS
                   : HS_RANK_NONE;
    case HS_SHAPE_OBJECT:
        return rank_object(types, block, shape);
    case HS_SHAPE_ROW:
    case HS_SHAPE_COUNTED_ROW:
    case HS_SHAPE_DEQUE_MAP:
    case HS_SHAPE_HASH_BUCKETS:
        return rank_row(types, block, shape);
    default:
        return rank_node(types, block, shape);
    }
}

/* ---- claims ---- */

static bool is_same_class(const struct hs_types *types, uint32_t left, uint32_t right)
{
    const struct hs_shape *a = types->shapes.all.at[left],
                          *b = types->shapes.all.at[right];
    return a->size == b->size && strcmp(a->row_name, b->row_name) == 0;
}

static void hold(struct hs_types *types, uint32_t block, uint32_t shape,
                 enum hs_rank rank_held, enum hs_origin origin)
{
    struct hs_typed *typed = &types->blocks[block];
    typed->shape = shape;
    typed->rank = (uint8_t)rank_held;
    typed->origin = (uint8_t)origin;
    if (!hs_array_push(&types->pending[rank_held], block))
        types->has_failed = true;
}

void hs_types_claim(struct hs_types *types, uint32_t block, uint32_t shape,
                    enum hs_rank limit, enum hs_origin origin)
{
    struct hs_typed *typed = &types->blocks[block];
    bool is_known = shape == typed->shape;
    if (shape == HS_SHAPE_NONE || limit < typed->rank
        || (is_known && limit == typed->rank)
        || (types->capture->blocks[block].flags & HS_BLOCK_MAPPING))
        return;
    enum hs_rank found = rank(types, block, shape);
    if (found > limit || found == HS_RANK_FITS)
        found = limit;
    if (found == HS_RANK_NONE || found < typed->rank
        || (is_known && found == typed->rank))
        return;
    if (types->shapes.all.at[shape]->is_container && origin == HS_ORIGIN_VARIABLE)
        origin = HS_ORIGIN_CONTAINER;
    if (found > typed->rank) {
        typed->is_contested = false;
        hold(types, block, shape, found, origin);
        return;
    }
    if (is_same_class(types, shape, typed->shape))
        return;
    types->conflicts++;
    typed->is_contested = true;
    if (types->shapes.all.at[shape]->size > types->shapes.all.at[typed->shape]->size)
        hold(types, block, shape, found, origin);
}

/* What points to a part may still tell the whole, later. */
static void note_part(struct hs_types *types, uint32_t block, uint32_t inside,
                      const struct hs_shape *shape)
{
    const struct hs_capture_block data = hs_types_block(types, block), *info = &data;
    if (types->blocks[block].rank > HS_RANK_HEAD || shape->kind != HS_SHAPE_OBJECT
        || shape->size == 0 || shape->size + inside > info->size
        || (info->flags & (HS_BLOCK_MAPPING | HS_BLOCK_USABLE)))
        return;
    struct hs_embedded part = {block, shape->type, inside};
    size_t count = types->embedded.count;
    if (count > 0 && !memcmp(&types->embedded.at[count - 1], &part, sizeof(part)))
        return;
    if (!hs_array_push(&types->embedded, part))
        types->has_failed = true;
}

void hs_types_claim_by_pointer(struct hs_types *types, uint32_t block, uint32_t inside,
                               uint32_t shape, enum hs_rank limit, enum hs_origin origin)
{
    if (shape == HS_SHAPE_NONE || inside == HS_PAST_END)
        return;
    const struct hs_shape *claimed = types->shapes.all.at[shape];
    if (inside < hs_types_header(types, block))
        return;
    inside -= hs_types_header(types, block);
    if (inside == 0)
        hs_types_claim(types, block, shape, limit, origin);
    note_part(types, block, inside, claimed);
    if (inside == 0)
        return;
    /* Strings with a header of their own in front. */
    if (claimed->kind == HS_SHAPE_TEXT
        && (types->capture->blocks[block].flags & HS_BLOCK_TEXT || inside < 32))
        hs_types_claim(types, block, shape, HS_RANK_GUESS, origin);
    /* new T[n] of a class with a destructor keeps n in front. */
    if (claimed->kind == HS_SHAPE_OBJECT && inside == 8 && claimed->size > 0) {
        const struct hs_type *type = hs_layouts_type(types->layouts, claimed->type);
        if (type && (type->flags & HS_TYPE_CLASS))
            hs_types_claim(
                types, block,
                hs_shapes_of(&types->shapes, HS_SHAPE_COUNTED_ROW, claimed->type),
                limit < HS_RANK_ROW ? limit : HS_RANK_ROW, origin);
    }
}

/* ---- following ---- */

/* What hangs from a guess is no better than a guess, unless its size says more. */
static enum hs_rank limit_below(enum hs_rank holder, const struct hs_place *place)
{
    (void)place;
    return holder <= HS_RANK_GUESS ? HS_RANK_GUESS : HS_RANK_FITS;
}

static void follow_block(struct hs_types *types, uint32_t block)
{
    const struct hs_capture *capture = types->capture;
    struct hs_typed *typed = &types->blocks[block];
    const struct hs_shape *shape = hs_shapes_get(&types->shapes, typed->shape);
    if (shape->n_slots == 0)
        return;
    struct hs_capture_block info = hs_types_block(types, block);
    bool is_row = hs_block_is_row(&info, shape);
    uint32_t end = types->graph->first_edge[block + 1];
    for (uint32_t i = types->graph->first_edge[block]; i < end; i++) {
        const struct hs_capture_edge *edge = &capture->edges[i];
        struct hs_place places[PLACES_MAX];
        uint64_t offset;
        if (!hs_types_offset(types, edge, &offset))
            continue;
        size_t count = hs_shape_places(shape, is_row, offset, places, PLACES_MAX);
        for (size_t j = 0; j < count; j++)
            hs_types_claim_by_pointer(
                types, edge->to, edge->inside, places[j].slot->target,
                limit_below(typed->rank, &places[j]), HS_ORIGIN_VARIABLE);
    }
}

void hs_types_follow(struct hs_types *types)
{
    for (int level = HS_RANK_COUNT - 1; level > HS_RANK_NONE && !types->has_failed;) {
        if (types->pending[level].count == 0) {
            level--;
            continue;
        }
        uint32_t block = types->pending[level].at[--types->pending[level].count];
        struct hs_typed *typed = &types->blocks[block];
        if (typed->rank != level)
            continue; /* something better was said since; it waits there */
        typed->followed = typed->rank;
        follow_block(types, block);
        level = HS_RANK_COUNT - 1;
    }
}

// SPDX-License-Identifier: MIT

/*
 * The order of work: what is certain first, then what follows from it, then what blocks of
 * one origin have in common, and again what follows from that. Text that nothing else
 * explains comes last.
 */

#include "libheapsnap/types/types.h"

#include <errno.h>
#include <stdlib.h>

#include "libheapsnap/base/guard.h"
#include "libheapsnap/graph/loader.h"
#include "libheapsnap/types/propagate.h"

/* Each round types what the last one's blocks point to; few are ever needed. */
#define ROUNDS_MAX 6

void hs_types_destroy(struct hs_types *types)
{
    if (!types)
        return;
    for (size_t i = 0; i < HS_RANK_COUNT; i++)
        free(types->pending[i].at);
    free(types->embedded.at);
    free(types->longer.at);
    free(types->blocks);
    free(types->headers);
    hs_vtables_destroy(types->vtables);
    hs_shapes_deinit(&types->shapes);
    free(types);
}
HS_DEFINE_GUARD(guard_types, struct hs_types *, hs_types_destroy)

static void find_types(struct hs_types *types)
{
    hs_types_seed_vtables(types);
    if (types->layouts) {
        hs_types_seed_variables(types);
        hs_types_seed_sites(types);
    }
    hs_types_follow(types);
    hs_types_settle_tails(types);
    hs_types_follow(types);
    struct hs_consensus *consensus = hs_consensus_create(types->capture);
    types->has_failed |= !consensus;
    for (int i = 0; i < ROUNDS_MAX && consensus; i++) {
        bool is_new = hs_types_find_wholes(types);
        hs_types_follow(types);
        if (!hs_types_agree(types, consensus) && !is_new)
            break;
        hs_types_follow(types);
    }
    hs_types_name_parts(types);
    hs_types_follow(types);
    hs_consensus_destroy(consensus);
}

static void mark_the_rest(struct hs_types *types)
{
    const struct hs_capture *capture = types->capture;
    uint32_t loader = hs_loader_find(capture);
    for (uint32_t i = 0; i < capture->n_blocks; i++) {
        struct hs_typed *typed = &types->blocks[i];
        if (capture->blocks[i].flags & HS_BLOCK_MAPPING)
            continue;
        if ((capture->blocks[i].flags & HS_BLOCK_TEXT) && typed->rank < HS_RANK_ROW) {
            const struct hs_shape *shape = types->shapes.all.at[typed->shape];
            if (shape->kind != HS_SHAPE_TEXT)
                typed->shape = HS_SHAPE_NONE;
            typed->origin = HS_ORIGIN_TEXT;
        } else if (typed->rank == HS_RANK_NONE && hs_loader_made(capture, loader, i)) {
            typed->origin = HS_ORIGIN_LOADER;
        }
    }
}

int hs_types_create(const struct hs_capture *capture, const struct hs_graph *graph,
                    struct hs_symbols *symbols, struct hs_layouts *layouts,
                    struct hs_types **ret, struct hs_error *err)
{
    hs_auto(guard_types) struct hs_types *types = calloc(1, sizeof(*types));
    if (types) {
        types->capture = capture;
        types->graph = graph;
        types->symbols = symbols;
        types->layouts = layouts;
        types->blocks = calloc(capture->n_blocks + 1, sizeof(*types->blocks));
        types->vtables = hs_vtables_create(symbols);
    }
    if (!types || !types->blocks || !types->vtables
        || hs_shapes_init(&types->shapes, layouts) < 0)
        return hs_error_set(err, ENOMEM, "no memory for the types of %zu blocks",
                            capture->n_blocks);
    types->headers = hs_headers_find(capture);
    find_types(types);
    mark_the_rest(types);
    if (types->has_failed)
        return hs_error_set(err, ENOMEM, "no memory for the types of %zu blocks",
                            capture->n_blocks);
    *ret = hs_take(types);
    return 0;
}

/* ---- answers ---- */

const char *hs_types_class(const struct hs_types *types, uint32_t block)
{
    const struct hs_typed *typed = &types->blocks[block];
    if (typed->shape == HS_SHAPE_NONE)
        return typed->origin == HS_ORIGIN_TEXT ? "char[]" : NULL;
    const struct hs_shape *shape = types->shapes.all.at[typed->shape];
    struct hs_capture_block info = hs_types_block(types, block);
    return hs_block_is_row(&info, shape) ? shape->row_name : shape->name;
}

enum hs_origin hs_types_origin(const struct hs_types *types, uint32_t block)
{
    return types->blocks[block].origin;
}

bool hs_types_is_certain(const struct hs_types *types, uint32_t block)
{
    const struct hs_typed *typed = &types->blocks[block];
    return typed->origin == HS_ORIGIN_TEXT
           || (typed->rank >= HS_RANK_ROW && !typed->is_contested);
}

bool hs_types_is_text(const struct hs_types *types, uint32_t block)
{
    const struct hs_typed *typed = &types->blocks[block];
    return typed->origin == HS_ORIGIN_TEXT
           || (types->capture->blocks[block].flags & HS_BLOCK_TEXT
               && types->shapes.all.at[typed->shape]->kind == HS_SHAPE_TEXT);
}

bool hs_types_is_bytes(const struct hs_types *types, uint32_t block)
{
    uint32_t shape = types->blocks[block].shape;
    return !hs_types_is_text(types, block)
           && types->shapes.all.at[shape]->kind == HS_SHAPE_TEXT;
}

bool hs_types_edge_place(const struct hs_types *types, const struct hs_capture_edge *edge,
                         struct hs_place *ret)
{
    uint32_t number = types->blocks[edge->from].shape;
    const struct hs_shape *shape = types->shapes.all.at[number];
    if (number == HS_SHAPE_NONE || shape->n_slots == 0)
        return false;
    struct hs_place places[4];
    struct hs_capture_block info = hs_types_block(types, edge->from);
    uint64_t offset;
    if (!hs_types_offset(types, edge, &offset))
        return false;
    size_t count = hs_shape_places(shape, hs_block_is_row(&info, shape), offset, places,
                                   sizeof(places) / sizeof(places[0]));
    if (count == 0)
        return false;
    *ret = places[0];
    /* Of a union's members the one that fits what is there. */
    for (size_t i = 1; i < count; i++)
        if (places[i].slot->target != HS_SHAPE_NONE
            && places[i].slot->target == types->blocks[edge->to].shape)
            *ret = places[i];
    return true;
}

uint32_t hs_types_slot_count(const struct hs_types *types)
{
    return types->shapes.n_slots;
}

struct hs_types_count hs_types_count(const struct hs_types *types, enum hs_origin origin)
{
    struct hs_types_count count = {0};
    for (size_t i = 0; i < types->capture->n_blocks; i++) {
        if (types->blocks[i].origin != origin
            || (types->capture->blocks[i].flags & HS_BLOCK_MAPPING))
            continue;
        count.blocks++;
        count.bytes += types->capture->blocks[i].size;
    }
    return count;
}

struct hs_types_count hs_types_count_uncertain(const struct hs_types *types)
{
    struct hs_types_count count = {0};
    for (uint32_t i = 0; i < types->capture->n_blocks; i++) {
        if (!hs_types_class(types, i) || hs_types_is_certain(types, i))
            continue;
        count.blocks++;
        count.bytes += types->capture->blocks[i].size;
    }
    return count;
}

uint64_t hs_types_conflicts(const struct hs_types *types)
{
    return types->conflicts;
}

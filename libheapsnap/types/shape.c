// SPDX-License-Identifier: MIT

/*
 * The table of shapes, and where in a block of one a pointer lies.
 */

#include "libheapsnap/types/shape.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "libheapsnap/types/container.h"

int hs_shapes_init(struct hs_shapes *shapes, struct hs_layouts *layouts)
{
    static struct hs_shape nothing = {.type = HS_TYPE_NONE, .is_built = true};
    *shapes = (struct hs_shapes){.layouts = layouts, .room = 1024};
    shapes->table = calloc(shapes->room, sizeof(*shapes->table));
    if (!shapes->table || !hs_array_push(&shapes->all, &nothing)) {
        hs_shapes_deinit(shapes);
        return -ENOMEM;
    }
    return 0;
}

void hs_shapes_deinit(struct hs_shapes *shapes)
{
    free(shapes->all.at);
    free(shapes->table);
    hs_text_deinit(&shapes->text);
    *shapes = (struct hs_shapes){0};
}

static uint64_t hash_of(enum hs_shape_kind kind, uint32_t type, uint32_t lead,
                        const char *name)
{
    uint64_t hash = (((uint64_t)type << 8 | (uint64_t)kind) ^ (uint64_t)lead << 40)
                    * 0x9e3779b97f4a7c15ull;
    for (; name && *name; name++)
        hash = (hash ^ (unsigned char)*name) * 0x100000001b3ull;
    return hash ^ hash >> 32;
}

/* `name` counts for HS_SHAPE_NAMED only, `lead` for HS_SHAPE_PART. */
static uint32_t *find(const struct hs_shapes *shapes, uint32_t *table, size_t room,
                      enum hs_shape_kind kind, uint32_t type, uint32_t lead,
                      const char *name)
{
    bool is_named = kind == HS_SHAPE_NAMED, is_part = kind == HS_SHAPE_PART;
    size_t at =
        hash_of(kind, type, is_part ? lead : 0, is_named ? name : NULL) & (room - 1);
    for (; table[at]; at = (at + 1) & (room - 1)) {
        const struct hs_shape *shape = shapes->all.at[table[at]];
        if (shape->kind == kind && shape->type == type
            && (!is_part || shape->lead == lead)
            && (!is_named || strcmp(shape->name, name) == 0))
            break;
    }
    return &table[at];
}

static bool grow(struct hs_shapes *shapes)
{
    size_t room = shapes->room * 2;
    uint32_t *table = calloc(room, sizeof(*table));
    if (!table)
        return false;
    for (uint32_t i = 1; i < shapes->all.count; i++) {
        const struct hs_shape *shape = shapes->all.at[i];
        *find(shapes, table, room, shape->kind, shape->type, shape->lead, shape->name) =
            i;
    }
    free(shapes->table);
    shapes->table = table;
    shapes->room = room;
    return true;
}

static uint32_t intern(struct hs_shapes *shapes, enum hs_shape_kind kind, uint32_t type,
                       uint32_t lead, const char *name)
{
    uint32_t *place = find(shapes, shapes->table, shapes->room, kind, type, lead, name);
    if (*place)
        return *place;
    struct hs_shape *shape = hs_text_allocate(&shapes->text, sizeof(*shape));
    if (!shape || (shapes->all.count * 2 >= shapes->room && !grow(shapes)))
        return HS_SHAPE_NONE;
    *shape = (struct hs_shape){.kind = kind, .type = type, .lead = lead};
    if (name)
        shape->name = hs_text_copy(&shapes->text, name);
    if (!hs_shape_describe(shapes, shape) || !hs_array_push(&shapes->all, shape))
        return HS_SHAPE_NONE;
    uint32_t number = (uint32_t)shapes->all.count - 1;
    /* Describing may have made others. */
    *find(shapes, shapes->table, shapes->room, kind, type, lead, shape->name) = number;
    return number;
}

uint32_t hs_shapes_of(struct hs_shapes *shapes, enum hs_shape_kind kind, uint32_t type)
{
    return type == HS_TYPE_NONE || !shapes->layouts ? HS_SHAPE_NONE
                                                    : intern(shapes, kind, type, 0, NULL);
}

uint32_t hs_shapes_part(struct hs_shapes *shapes, uint32_t type, uint32_t lead)
{
    return intern(shapes, HS_SHAPE_PART, type, lead, NULL);
}

uint32_t hs_shapes_target(struct hs_shapes *shapes, uint32_t type)
{
    const struct hs_type *info =
        type == HS_TYPE_NONE ? NULL : hs_layouts_type(shapes->layouts, type);
    uint32_t node;
    if (!info || info->kind == HS_TYPE_FUNCTION)
        return HS_SHAPE_NONE;
    if (hs_container_node(shapes, info, &node))
        return node;
    return hs_shapes_of(
        shapes, info->kind == HS_TYPE_TEXT ? HS_SHAPE_TEXT : HS_SHAPE_OBJECT, type);
}

uint32_t hs_shapes_named(struct hs_shapes *shapes, const char *name)
{
    return intern(shapes, HS_SHAPE_NAMED, HS_TYPE_NONE, 0, name);
}

const struct hs_shape *hs_shapes_get(struct hs_shapes *shapes, uint32_t shape)
{
    struct hs_shape *found = shapes->all.at[shape];
    if (!found->is_built) {
        found->is_built = true;
        hs_shape_build(shapes, found);
    }
    return found;
}

/* ---- where a pointer lies ---- */

static size_t find_single(const struct hs_shape *shape, uint64_t offset)
{
    size_t low = 0, high = shape->n_singles;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (shape->slots[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t hs_shape_places(const struct hs_shape *shape, bool is_row, uint64_t offset,
                       struct hs_place *ret, size_t n)
{
    uint64_t element = HS_PLACE_NONE;
    if (offset < shape->lead)
        return 0;
    offset -= shape->lead;
    if (is_row && shape->size > 0) {
        element = offset / shape->size;
        offset %= shape->size;
    }
    size_t found = 0;
    for (size_t i = find_single(shape, offset);
         i < shape->n_singles && shape->slots[i].offset == offset && found < n; i++)
        ret[found++] = (struct hs_place){&shape->slots[i], element, HS_PLACE_NONE};
    for (size_t i = shape->n_singles; i < shape->n_slots && found < n; i++) {
        const struct hs_shape_slot *slot = &shape->slots[i];
        if (offset < slot->offset || slot->stride == 0)
            continue;
        uint64_t index = (offset - slot->offset) / slot->stride;
        if ((offset - slot->offset) % slot->stride == 0
            && (slot->count == 0 || index < slot->count))
            ret[found++] = (struct hs_place){slot, element, index};
    }
    return found;
}

int hs_place_text(const struct hs_place *place, char *buffer, size_t size)
{
    const struct hs_shape_slot *slot = place->slot;
    char element[32] = "", index[32] = "";
    if (place->element != HS_PLACE_NONE)
        snprintf(element, sizeof(element), "[%" PRIu64 "]%s", place->element,
                 slot->path[0] && slot->path[0] != '[' && slot->path[0] != ' ' ? "."
                                                                               : "");
    if (place->index != HS_PLACE_NONE)
        snprintf(index, sizeof(index), "[%" PRIu64 "]", place->index);
    return snprintf(buffer, size, "%s%s%s%s", element, slot->path, index, slot->tail);
}

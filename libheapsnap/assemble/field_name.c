// SPDX-License-Identifier: MIT

/*
 * Most fields have one name for all blocks of a type, which is looked up once; only what
 * lies in a row has its number in its name. Pointers in a row of nothing but pointers are
 * elements. What points into a block that another field of the same object holds (a
 * vector's end) is shown as internal, and weak, so that Retainers lead through the owner.
 */

#include "libheapsnap/assemble/field_name.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int hs_fields_init(struct hs_fields *fields, struct hs_assembly *assembly)
{
    size_t count = assembly->types ? hs_types_slot_count(assembly->types) : 0;
    *fields = (struct hs_fields){assembly, malloc((count + 1) * sizeof(uint32_t))};
    if (!fields->strings)
        return -ENOMEM;
    memset(fields->strings, 0xff, (count + 1) * sizeof(uint32_t));
    return 0;
}

void hs_fields_deinit(struct hs_fields *fields)
{
    free(fields->strings);
}

/* Fields of one container lie so close to each other. */
#define NEIGHBOURS 4

bool hs_fields_is_borrowed(const struct hs_fields *fields,
                           const struct hs_capture_edge *edge)
{
    const struct hs_assembly *assembly = fields->assembly;
    const struct hs_capture *capture = assembly->capture;
    struct hs_place place;
    if (!assembly->types || !hs_types_edge_place(assembly->types, edge, &place)
        || !place.slot->is_borrowed)
        return false;
    const struct hs_capture_edge *first =
        &capture->edges[assembly->graph->first_edge[edge->from]];
    if (edge - first > NEIGHBOURS)
        first = edge - NEIGHBOURS;
    for (; first < edge; first++)
        if (first->to == edge->to && first->inside == 0
            && hs_types_edge_place(assembly->types, first, &place)
            && !place.slot->is_borrowed)
            return true;
    return false;
}

bool hs_field_root_is_borrowed(const struct hs_assembly *assembly, size_t root_edge)
{
    const struct hs_capture_root_edge *edges = assembly->capture->root_edges;
    const struct hs_variable *variable;
    struct hs_place place;
    if (!assembly->types
        || !hs_types_root_place(assembly->types, &edges[root_edge], &variable, &place)
        || !place.slot || !place.slot->is_borrowed)
        return false;
    size_t first = root_edge > NEIGHBOURS ? root_edge - NEIGHBOURS : 0;
    for (; first < root_edge; first++)
        if (edges[first].to == edges[root_edge].to && edges[first].inside == 0
            && edges[first].root == edges[root_edge].root
            && edges[first].address < edges[root_edge].address
            && edges[root_edge].address - edges[first].address <= 8 * NEIGHBOURS)
            return true;
    return false;
}

static uint32_t name_place(struct hs_fields *fields, const struct hs_place *place)
{
    bool is_common = place->element == HS_PLACE_NONE && place->index == HS_PLACE_NONE;
    uint32_t *cached = &fields->strings[place->slot->number];
    if (is_common && *cached != UINT32_MAX)
        return *cached;
    char text[1100];
    if (hs_place_text(place, text, sizeof(text)) == 0)
        snprintf(text, sizeof(text), "contents");
    uint32_t string = hs_snapshot_builder_string(fields->assembly->builder, text);
    if (is_common)
        *cached = string;
    return string;
}

/* Of a row of pointers, "[17]" and nothing else? */
static bool is_element(const struct hs_place *place, uint64_t *ret_index)
{
    const struct hs_shape_slot *slot = place->slot;
    bool is_row = place->element != HS_PLACE_NONE;
    bool is_slot_row = place->index != HS_PLACE_NONE;
    *ret_index = is_row ? place->element : place->index;
    return is_row != is_slot_row && !slot->path[0] && !slot->tail[0]
           && *ret_index < UINT32_MAX;
}

bool hs_fields_name(struct hs_fields *fields, const struct hs_capture_edge *edge,
                    enum hs_edge_type *ret_type, uint32_t *ret_name)
{
    struct hs_place place;
    uint64_t index;
    if (!fields->assembly->types
        || !hs_types_edge_place(fields->assembly->types, edge, &place))
        return false;
    bool is_internal = edge->inside == HS_PAST_END || place.slot->is_borrowed;
    if (!is_internal && is_element(&place, &index)) {
        *ret_type = HS_EDGE_ELEMENT;
        *ret_name = (uint32_t)index;
        return true;
    }
    *ret_type = is_internal ? HS_EDGE_INTERNAL : HS_EDGE_PROPERTY;
    *ret_name = name_place(fields, &place);
    return true;
}

void hs_field_variable_text(const struct hs_variable *variable,
                            const struct hs_place *place, char *buffer, size_t size)
{
    char path[1100] = "";
    if (place->slot)
        hs_place_text(place, path, sizeof(path));
    bool has_dot = path[0] && path[0] != '[' && path[0] != ' ';
    snprintf(buffer, size, "%s%s%s", variable->name, has_dot ? "." : "", path);
}

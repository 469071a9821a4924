// SPDX-License-Identifier: MIT

/*
 * What an aggregate holds: members, bases, Rust's variants, template arguments.
 */

#include <dwarf.h>
#include <stdio.h>
#include <string.h>

#include "libheapsnap/types/dwarf_reader.h"

#define PARTS_DEPTH_MAX 8

/* The attributes that matter, in one pass: asking for each scans the entry again. */
struct attributes {
    Dwarf_Attribute name, type, location;
    bool has_name, has_type, has_location;
    bool is_bits, is_declared, is_artificial;
};

static int note_attribute(Dwarf_Attribute *attribute, void *context)
{
    struct attributes *noted = context;
    switch (dwarf_whatattr(attribute)) {
    case DW_AT_name:
        noted->name = *attribute;
        noted->has_name = true;
        break;
    case DW_AT_type:
        noted->type = *attribute;
        noted->has_type = true;
        break;
    case DW_AT_data_member_location:
        noted->location = *attribute;
        noted->has_location = true;
        break;
    case DW_AT_bit_size:
        noted->is_bits = true;
        break;
    case DW_AT_declaration:
    case DW_AT_external:
        noted->is_declared = true;
        break;
    case DW_AT_artificial:
        noted->is_artificial = true;
        break;
    }
    return DWARF_CB_OK;
}

/* Offset in bytes; false for a virtual base, whose place only the object knows. */
static bool member_offset(struct attributes *attributes, uint32_t *ret)
{
    Dwarf_Word value = 0;
    if (!attributes->has_location) {
        *ret = 0; /* of a union */
        return true;
    }
    if (dwarf_formudata(&attributes->location, &value) != 0) {
        Dwarf_Op *operations;
        size_t count;
        if (dwarf_getlocation(&attributes->location, &operations, &count) != 0
            || count != 1 || operations[0].atom != DW_OP_plus_uconst)
            return false;
        value = operations[0].number;
    }
    *ret = (uint32_t)value;
    return value < UINT32_MAX;
}

void hs_dwarf_name_unnamed(struct hs_dwarf_reader *reader, uint32_t type, uint32_t owner,
                           const char *member)
{
    struct hs_layout_builder *builder = &reader->builder;
    for (int i = 0; i < HS_LAYOUT_DERIVED_MAX && type != HS_TYPE_NONE; i++) {
        const struct hs_layout_type *at = hs_layout_builder_type(builder, type);
        if (at->kind != HS_TYPE_ARRAY && at->kind != HS_TYPE_POINTER)
            break;
        type = at->element;
    }
    if (!HS_IS_BATCH(type)
        || !(hs_layout_builder_type(builder, type)->flags & HS_LAYOUT_UNNAMED))
        return;
    char text[1024];
    snprintf(text, sizeof(text), "%.700s%s%.300s", builder->strings.at + owner,
             owner ? "." : "", member[0] ? member : "(anonymous)");
    uint32_t name = hs_layout_builder_string(builder, text);
    struct hs_layout_type *unnamed = hs_layout_builder_type(builder, type);
    unnamed->name = name;
    unnamed->flags &= (uint8_t)~HS_LAYOUT_UNNAMED;
}

struct found {
    HS_ARRAY(struct hs_layout_member) members;
    HS_ARRAY(uint32_t) arguments;
};

static void read_member(struct hs_dwarf_reader *reader, Dwarf_Die *die, uint32_t owner,
                        uint32_t flags, struct found *found)
{
    struct attributes attributes = {0};
    Dwarf_Die target;
    struct hs_layout_member member = {.flags = flags};
    dwarf_getattrs(die, note_attribute, &attributes, 0);
    if (attributes.is_bits || attributes.is_declared || !attributes.has_type
        || !member_offset(&attributes, &member.offset)
        || !dwarf_formref_die(&attributes.type, &target))
        return;
    const char *name = attributes.has_name ? dwarf_formstring(&attributes.name) : NULL;
    if (!name || (flags & HS_MEMBER_BASE))
        name = "";
    if (strncmp(name, "_vptr", 5) == 0 && attributes.is_artificial) {
        member.flags |= HS_MEMBER_VTABLE;
        hs_layout_builder_type(&reader->builder, owner)->flags |= HS_LAYOUT_POLYMORPHIC;
    }
    member.type = hs_dwarf_type(reader, &target);
    if (!(flags & HS_MEMBER_BASE))
        hs_dwarf_name_unnamed(reader, member.type,
                              hs_layout_builder_type(&reader->builder, owner)->name,
                              name);
    member.name = hs_layout_builder_string(&reader->builder, name);
    if (member.type != HS_TYPE_NONE && !hs_array_push(&found->members, member))
        reader->is_over = true;
}

static void read_children(struct hs_dwarf_reader *reader, Dwarf_Die *die, uint32_t owner,
                          uint32_t flags, int depth, struct found *found);

static void read_part(struct hs_dwarf_reader *reader, Dwarf_Die *die, uint32_t owner,
                      uint32_t flags, int depth, struct found *found)
{
    switch (dwarf_tag(die)) {
    case DW_TAG_member:
        read_member(reader, die, owner, flags, found);
        break;
    case DW_TAG_inheritance:
        if (!dwarf_hasattr(die, DW_AT_virtuality))
            read_member(reader, die, owner, flags | HS_MEMBER_BASE, found);
        break;
    case DW_TAG_variant_part:
        hs_layout_builder_type(&reader->builder, owner)->flags |= HS_LAYOUT_VARIANTS;
        read_children(reader, die, owner, flags, depth + 1, found);
        break;
    case DW_TAG_variant:
        read_children(reader, die, owner, flags | HS_MEMBER_VARIANT, depth + 1, found);
        break;
    case DW_TAG_template_type_parameter:
        if (!hs_array_push(&found->arguments, hs_dwarf_type_of(reader, die)))
            reader->is_over = true;
        break;
    case DW_TAG_GNU_template_parameter_pack:
        read_children(reader, die, owner, flags, depth + 1, found);
        break;
    }
}

static void read_children(struct hs_dwarf_reader *reader, Dwarf_Die *die, uint32_t owner,
                          uint32_t flags, int depth, struct found *found)
{
    Dwarf_Die child;
    if (depth > PARTS_DEPTH_MAX || dwarf_child(die, &child) != 0)
        return;
    do
        read_part(reader, &child, owner, flags, depth, found);
    while (hs_dwarf_step(reader) && dwarf_siblingof(&child, &child) == 0);
}

static void read_aggregate(struct hs_dwarf_reader *reader,
                           struct hs_dwarf_pending *pending)
{
    struct found found = {0};
    read_children(reader, &pending->die, pending->type, 0, 0, &found);
    for (size_t i = 0; i < found.members.count; i++)
        hs_layout_builder_member(&reader->builder, pending->type, &found.members.at[i]);
    for (size_t i = 0; i < found.arguments.count; i++)
        hs_layout_builder_argument(&reader->builder, pending->type,
                                   found.arguments.at[i]);
    free(found.members.at);
    free(found.arguments.at);
}

void hs_dwarf_read_pending(struct hs_dwarf_reader *reader)
{
    while (reader->n_pending > 0) {
        struct hs_dwarf_pending pending = reader->pending[--reader->n_pending];
        if (hs_dwarf_step(reader))
            read_aggregate(reader, &pending);
        if (!reader->is_over)
            continue;
        /* Half a layout would be a wrong one. */
        struct hs_layout_type *type =
            hs_layout_builder_type(&reader->builder, pending.type);
        type->kind = HS_TYPE_DECLARED;
        type->size = 0;
        type->n_members = 0;
    }
}

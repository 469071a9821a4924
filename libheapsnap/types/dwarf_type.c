// SPDX-License-Identifier: MIT

/*
 * One entry of DWARF becomes a type.
 *
 * Types refer to each other in circles and chains of any length, so an aggregate is
 * numbered at once and its members wait in a list; only pointers, arrays and aliases are
 * followed on the spot, to a depth no honest program reaches.
 */

#include <dwarf.h>
#include <string.h>

#include "libheapsnap/types/dwarf_reader.h"

#define ALIASES_MAX 64

static uint32_t remember(struct hs_dwarf_reader *reader, Dwarf_Die *die, uint32_t type)
{
    if (type == HS_TYPE_NONE)
        return type;
    uint64_t key = (uintptr_t)die->addr;
    if (!hs_layout_map_put(&reader->types, key, type)
        || (HS_IS_BATCH(type) && !hs_array_push(&reader->batch_keys, key)))
        reader->is_over = true;
    return type;
}

static uint64_t number_attribute(Dwarf_Die *die, unsigned name, uint64_t fallback)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value;
    if (dwarf_formudata(dwarf_attr(die, name, &attribute), &value) != 0)
        return fallback;
    return value;
}

static bool flag_attribute(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    bool value = false;
    return dwarf_formflag(dwarf_attr(die, name, &attribute), &value) == 0 && value;
}

static bool refer(Dwarf_Die *die, unsigned name, Dwarf_Die *ret)
{
    Dwarf_Attribute attribute;
    return dwarf_formref_die(dwarf_attr_integrate(die, name, &attribute), ret) != NULL;
}

uint32_t hs_dwarf_type_of(struct hs_dwarf_reader *reader, Dwarf_Die *die)
{
    Dwarf_Die target;
    return refer(die, DW_AT_type, &target) ? hs_dwarf_type(reader, &target)
                                           : HS_TYPE_NONE;
}

/* ---- the kinds of entries ---- */

static bool is_text(const char *name, int encoding)
{
    return strcmp(name, "char") == 0 || strcmp(name, "wchar_t") == 0
           || (encoding == DW_ATE_UTF && strncmp(name, "char", 4) == 0);
}

static uint32_t add_base(struct hs_dwarf_reader *reader, Dwarf_Die *die)
{
    const char *name = hs_dwarf_name(die);
    int encoding = (int)number_attribute(die, DW_AT_encoding, 0);
    struct hs_layout_type type = {
        .kind = is_text(name, encoding) ? HS_TYPE_TEXT : HS_TYPE_SCALAR,
        .size = number_attribute(die, DW_AT_byte_size, 0),
        .name = hs_layout_builder_string(&reader->builder, name),
        .element = HS_TYPE_NONE,
    };
    return hs_layout_builder_add(&reader->builder, &type);
}

static uint32_t add_pointer(struct hs_dwarf_reader *reader, Dwarf_Die *die, int tag)
{
    bool is_reference =
        tag == DW_TAG_reference_type || tag == DW_TAG_rvalue_reference_type;
    struct hs_layout_type type = {
        .kind = HS_TYPE_POINTER,
        .flags = is_reference ? HS_LAYOUT_REFERENCE : 0,
        .size = number_attribute(die, DW_AT_byte_size, sizeof(void *)),
        .element = HS_TYPE_NONE,
    };
    /* Known before its target: "struct x { typeof(struct x *) … }" comes round again. */
    uint32_t number =
        remember(reader, die, hs_layout_builder_add(&reader->builder, &type));
    uint32_t element = hs_dwarf_type_of(reader, die);
    if (number != HS_TYPE_NONE && element != number)
        hs_layout_builder_type(&reader->builder, number)->element = element;
    return number;
}

static uint64_t subrange_count(Dwarf_Die *die, bool *ret_is_open)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value;
    *ret_is_open = false;
    if (dwarf_formudata(dwarf_attr(die, DW_AT_count, &attribute), &value) == 0)
        return value;
    uint64_t lower = number_attribute(die, DW_AT_lower_bound, 0);
    if (dwarf_attr(die, DW_AT_upper_bound, &attribute)
        && dwarf_whatform(&attribute) != DW_FORM_exprloc) {
        /* Constants of one byte and two have no sign; a length of 0 is "up to -1". */
        int form = (int)dwarf_whatform(&attribute);
        Dwarf_Sword last;
        bool has_sign = form == DW_FORM_sdata || form == DW_FORM_implicit_const;
        if (has_sign ? dwarf_formsdata(&attribute, &last) == 0 && last >= 0
                           && (value = (Dwarf_Word)last, true)
                     : dwarf_formudata(&attribute, &value) == 0)
            return value >= lower && value < UINT32_MAX ? value - lower + 1 : 0;
        return 0;
    }
    *ret_is_open = true;
    return 0;
}

/* The innermost dimension is the last one. */
static uint32_t add_array(struct hs_dwarf_reader *reader, Dwarf_Die *die)
{
    struct {
        uint64_t count;
        bool is_open;
    } dimensions[16];
    size_t n_dimensions = 0;
    Dwarf_Die child;
    if (dwarf_child(die, &child) == 0)
        do {
            if (dwarf_tag(&child) != DW_TAG_subrange_type || n_dimensions == 16)
                continue;
            dimensions[n_dimensions].count =
                subrange_count(&child, &dimensions[n_dimensions].is_open);
            n_dimensions++;
        } while (hs_dwarf_step(reader) && dwarf_siblingof(&child, &child) == 0);
    uint32_t element = hs_dwarf_type_of(reader, die);
    while (n_dimensions > 0 && element != HS_TYPE_NONE) {
        n_dimensions--;
        uint64_t size = hs_layout_builder_type(&reader->builder, element)->size;
        struct hs_layout_type type = {
            .kind = HS_TYPE_ARRAY,
            .flags = dimensions[n_dimensions].is_open ? HS_LAYOUT_OPEN : 0,
            .count = dimensions[n_dimensions].count,
            .element = element,
        };
        if (__builtin_mul_overflow(size, type.count, &type.size))
            return HS_TYPE_NONE;
        element = hs_layout_builder_add(&reader->builder, &type);
    }
    return element;
}

static uint32_t scope_of(struct hs_dwarf_reader *reader, Dwarf_Die *die)
{
    uint32_t scope = hs_layout_map_get(&reader->scopes, (uintptr_t)die->addr);
    return scope == HS_LAYOUT_ABSENT ? 0 : scope;
}

static bool wait_for_members(struct hs_dwarf_reader *reader, Dwarf_Die *die,
                             uint32_t type, bool is_class)
{
    if (!hs_array_grow((void **)&reader->pending, &reader->pending_room,
                       reader->n_pending + 1, sizeof(*reader->pending)))
        return false;
    reader->pending[reader->n_pending++] =
        (struct hs_dwarf_pending){*die, type, is_class};
    return true;
}

/* `alias`: the typedef through which a struct without a name was reached, or NULL. */
static uint32_t add_aggregate(struct hs_dwarf_reader *reader, Dwarf_Die *die, int tag,
                              Dwarf_Die *alias)
{
    Dwarf_Die unit;
    dwarf_diecu(die, &unit, NULL, NULL);
    bool is_class = hs_dwarf_unit(reader, &unit) == HS_UNIT_CLASSES;
    const char *name = hs_dwarf_name(die);
    Dwarf_Die *named = name[0] || !alias ? die : alias;
    name = hs_dwarf_name(named);

    /* Stands for a definition in a type unit, or is only announced. */
    Dwarf_Die definition;
    bool is_declared = flag_attribute(die, DW_AT_declaration);
    if (refer(die, DW_AT_signature, &definition) && definition.addr != die->addr)
        return hs_dwarf_type(reader, &definition);

    uint8_t kind = is_declared                      ? HS_TYPE_DECLARED
                   : tag == DW_TAG_union_type       ? HS_TYPE_UNION
                   : tag == DW_TAG_enumeration_type ? HS_TYPE_SCALAR
                                                    : HS_TYPE_STRUCT;
    struct hs_layout_type type = {
        .kind = kind,
        .flags = (uint8_t)((is_class ? HS_LAYOUT_CLASS : 0)
                           | (name[0] ? 0 : HS_LAYOUT_UNNAMED)),
        .size = is_declared ? 0 : number_attribute(die, DW_AT_byte_size, 0),
        .name = name[0] ? hs_dwarf_qualify(reader, scope_of(reader, named), name) : 0,
        .element = HS_TYPE_NONE,
    };
    uint32_t number =
        remember(reader, die, hs_layout_builder_add(&reader->builder, &type));
    if (number != HS_TYPE_NONE && !is_declared && tag != DW_TAG_enumeration_type
        && !wait_for_members(reader, die, number, is_class))
        reader->is_over = true;
    return number;
}

static uint32_t add_function(struct hs_dwarf_reader *reader)
{
    struct hs_layout_type type = {.kind = HS_TYPE_FUNCTION, .element = HS_TYPE_NONE};
    if (reader->function_type == HS_TYPE_NONE)
        reader->function_type = hs_layout_builder_add(&reader->builder, &type);
    return reader->function_type;
}

static uint32_t add_member_pointer(struct hs_dwarf_reader *reader, Dwarf_Die *die)
{
    struct hs_layout_type type = {.kind = HS_TYPE_SCALAR,
                                  .element = HS_TYPE_NONE,
                                  .size = number_attribute(die, DW_AT_byte_size, 8)};
    return hs_layout_builder_add(&reader->builder, &type);
}

static uint32_t add(struct hs_dwarf_reader *reader, Dwarf_Die *die, Dwarf_Die *alias)
{
    int tag = dwarf_tag(die);
    switch (tag) {
    case DW_TAG_base_type:
        return remember(reader, die, add_base(reader, die));
    case DW_TAG_pointer_type:
    case DW_TAG_reference_type:
    case DW_TAG_rvalue_reference_type:
        return add_pointer(reader, die, tag);
    case DW_TAG_array_type:
        return remember(reader, die, add_array(reader, die));
    case DW_TAG_structure_type:
    case DW_TAG_class_type:
    case DW_TAG_union_type:
    case DW_TAG_enumeration_type:
        return add_aggregate(reader, die, tag, alias);
    case DW_TAG_subroutine_type:
        return remember(reader, die, add_function(reader));
    case DW_TAG_ptr_to_member_type:
        return remember(reader, die, add_member_pointer(reader, die));
    default:
        return HS_TYPE_NONE;
    }
}

static bool is_alias(int tag)
{
    return tag == DW_TAG_typedef || tag == DW_TAG_const_type
           || tag == DW_TAG_volatile_type || tag == DW_TAG_restrict_type
           || tag == DW_TAG_atomic_type || tag == DW_TAG_immutable_type
           || tag == DW_TAG_packed_type || tag == DW_TAG_shared_type
           || tag == DW_TAG_subrange_type;
}

/* C's wchar_t is an alias of int, and yet what texts are made of. */
static uint32_t add_wide_text(struct hs_dwarf_reader *reader, Dwarf_Die *alias)
{
    struct hs_layout_type type = {
        .kind = HS_TYPE_TEXT,
        .size = sizeof(wchar_t),
        .name = hs_layout_builder_string(&reader->builder, "wchar_t"),
        .element = HS_TYPE_NONE,
    };
    return remember(reader, alias, hs_layout_builder_add(&reader->builder, &type));
}

static uint32_t translate(struct hs_dwarf_reader *reader, Dwarf_Die *die)
{
    Dwarf_Die at = *die, alias;
    bool has_alias = false;
    for (int i = 0; i < ALIASES_MAX && hs_dwarf_step(reader); i++) {
        uint32_t known = hs_layout_map_get(&reader->types, (uintptr_t)at.addr);
        if (known != HS_LAYOUT_ABSENT)
            return known;
        int tag = dwarf_tag(&at);
        if (!is_alias(tag))
            return add(reader, &at, has_alias ? &alias : NULL);
        if (tag == DW_TAG_typedef) {
            alias = at;
            has_alias = true;
            if (strcmp(hs_dwarf_name(&at), "wchar_t") == 0)
                return add_wide_text(reader, &at);
        }
        if (!refer(&at, DW_AT_type, &at))
            return HS_TYPE_NONE;
    }
    return HS_TYPE_NONE;
}

uint32_t hs_dwarf_type(struct hs_dwarf_reader *reader, Dwarf_Die *die)
{
    uint32_t type = HS_TYPE_NONE;
    if (reader->depth < HS_LAYOUT_DERIVED_MAX / 2) {
        reader->depth++;
        type = translate(reader, die);
        reader->depth--;
    }
    return type;
}

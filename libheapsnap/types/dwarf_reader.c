// SPDX-License-Identifier: MIT

/* Units one after the other, and the walk through each. */

#include "libheapsnap/types/dwarf_reader.h"

#include <dwarf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Deeper blocks hold no static variables worth the stack. */
#define DEPTH_MAX 100

/* Malformed DWARF may lead in circles. */
#define STEPS_MAX 2000000000ull

bool hs_dwarf_step(struct hs_dwarf_reader *reader)
{
    if (reader->is_over)
        return false;
    if ((++reader->steps & 1023) != 0)
        return true;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    bool is_late = reader->deadline.tv_sec != 0
                   && (now.tv_sec > reader->deadline.tv_sec
                       || (now.tv_sec == reader->deadline.tv_sec
                           && now.tv_nsec > reader->deadline.tv_nsec));
    if (is_late || reader->builder.is_full || reader->steps > STEPS_MAX)
        reader->is_over = true;
    return !reader->is_over;
}

const char *hs_dwarf_name(Dwarf_Die *die)
{
    Dwarf_Attribute attribute;
    Dwarf_Die definition;
    const char *name =
        dwarf_formstring(dwarf_attr_integrate(die, DW_AT_name, &attribute));
    /* What stands for a definition in a type unit has no name of its own. */
    if (!name
        && dwarf_formref_die(dwarf_attr(die, DW_AT_signature, &attribute), &definition))
        name = dwarf_formstring(dwarf_attr(&definition, DW_AT_name, &attribute));
    return name ? name : "";
}

/* The scope of what was announced elsewhere is that of the announcement. */
static uint32_t scope_of(struct hs_dwarf_reader *reader, Dwarf_Die *die, uint32_t scope)
{
    Dwarf_Attribute attribute;
    Dwarf_Die announced;
    if (!dwarf_formref_die(dwarf_attr(die, DW_AT_specification, &attribute), &announced))
        return scope;
    uint32_t found = hs_layout_map_get(&reader->scopes, (uintptr_t)announced.addr);
    return found == HS_LAYOUT_ABSENT ? scope : found;
}

uint32_t hs_dwarf_qualify(struct hs_dwarf_reader *reader, uint32_t scope,
                          const char *name)
{
    if (scope == 0)
        return hs_layout_builder_string(&reader->builder, name);
    char text[8192];
    int length =
        snprintf(text, sizeof(text), "%s::%s", reader->builder.strings.at + scope, name);
    if (length < 0 || (size_t)length >= sizeof(text))
        return scope;
    return hs_layout_builder_string(&reader->builder, text);
}

/* ---- the walk ---- */

struct place {
    uint32_t scope;    /* what types and variables here are qualified by */
    uint32_t function; /* 0: outside of functions */
    bool is_class;
    int depth;
};

static void walk_children(struct hs_dwarf_reader *reader, Dwarf_Die *parent,
                          const struct place *place);

static void list_type(struct hs_dwarf_reader *reader, Dwarf_Die *die,
                      const struct place *place)
{
    uint32_t scope = scope_of(reader, die, place->scope);
    if (scope != 0 && !hs_layout_map_put(&reader->scopes, (uintptr_t)die->addr, scope))
        reader->is_over = true;
    /* Without a name it is reached through a typedef or a member that gives it one. */
    bool has_name =
        dwarf_hasattr(die, DW_AT_name) || dwarf_hasattr(die, DW_AT_specification);
    if (has_name && !hs_array_push(&reader->listed, *die))
        reader->is_over = true;
}

static void list_variable(struct hs_dwarf_reader *reader, Dwarf_Die *die,
                          const struct place *place)
{
    /* A definition elsewhere is named by its declaration. */
    if (place->scope != 0 && place->function == 0 && dwarf_hasattr(die, DW_AT_declaration)
        && !hs_layout_map_put(&reader->scopes, (uintptr_t)die->addr, place->scope))
        reader->is_over = true;
    if (!dwarf_hasattr(die, DW_AT_location))
        return;
    struct hs_dwarf_variable variable = {*die, place->function ? 0 : place->scope,
                                         place->function};
    if (!hs_array_push(&reader->variables, variable))
        reader->is_over = true;
}

/* What a namespace, class or function adds to the names of what is in it. */
static struct place inside(struct hs_dwarf_reader *reader, Dwarf_Die *die, int tag,
                           const struct place *place)
{
    struct place inner = *place;
    inner.depth++;
    bool is_block = tag == DW_TAG_lexical_block || tag == DW_TAG_try_block
                    || tag == DW_TAG_catch_block;
    if (is_block)
        return inner;
    const char *name = hs_dwarf_name(die);
    if (tag == DW_TAG_subprogram) {
        inner.function = hs_layout_builder_string(&reader->builder, name);
        inner.scope = 0;
        if (place->is_class)
            inner.scope =
                name[0] ? hs_dwarf_qualify(reader, place->scope, name) : place->scope;
        return inner;
    }
    if (tag == DW_TAG_namespace && !name[0])
        name = "(anonymous namespace)";
    if (name[0])
        inner.scope = hs_dwarf_qualify(reader, scope_of(reader, die, place->scope), name);
    return inner;
}

static void walk(struct hs_dwarf_reader *reader, Dwarf_Die *die,
                 const struct place *place)
{
    int tag = dwarf_tag(die);
    switch (tag) {
    case DW_TAG_structure_type:
    case DW_TAG_class_type:
    case DW_TAG_union_type:
    case DW_TAG_enumeration_type:
    case DW_TAG_typedef:
        list_type(reader, die, place);
        if (tag == DW_TAG_typedef || tag == DW_TAG_enumeration_type || !place->is_class)
            return;
        break;
    case DW_TAG_variable:
    case DW_TAG_member: /* DWARF 4's static members */
        list_variable(reader, die, place);
        return;
    case DW_TAG_namespace:
    case DW_TAG_module:
    case DW_TAG_subprogram:
    case DW_TAG_lexical_block:
    case DW_TAG_try_block:
    case DW_TAG_catch_block:
        break;
    default:
        return;
    }
    if (place->depth >= DEPTH_MAX || !dwarf_haschildren(die))
        return;
    struct place inner = inside(reader, die, tag, place);
    walk_children(reader, die, &inner);
}

static void walk_children(struct hs_dwarf_reader *reader, Dwarf_Die *parent,
                          const struct place *place)
{
    Dwarf_Die child;
    if (dwarf_child(parent, &child) != 0)
        return;
    do
        walk(reader, &child, place);
    while (hs_dwarf_step(reader) && dwarf_siblingof(&child, &child) == 0);
}

/* HS_LAYOUT_ABSENT where the unit does not say, as dwz's common units. */
static uint32_t language_kind(Dwarf_Die *unit)
{
    switch (dwarf_srclang(unit)) {
    case -1:
        return HS_LAYOUT_ABSENT;
    case DW_LANG_C:
    case DW_LANG_C89:
    case DW_LANG_C99:
    case DW_LANG_C11:
    case 0x2c: /* DW_LANG_C17 */
    case DW_LANG_ObjC:
    case DW_LANG_Mips_Assembler:
        return HS_UNIT_C;
    default:
        return HS_UNIT_CLASSES;
    }
}

uint32_t hs_dwarf_unit(struct hs_dwarf_reader *reader, Dwarf_Die *unit)
{
    uint32_t kind = hs_layout_map_get(&reader->units, (uintptr_t)unit->addr);
    if (kind != HS_LAYOUT_ABSENT)
        return kind;
    kind = language_kind(unit);
    if (kind == HS_LAYOUT_ABSENT)
        kind = reader->default_kind;
    if (!hs_layout_map_put(&reader->units, (uintptr_t)unit->addr, kind)) {
        reader->is_over = true;
        return kind;
    }
    struct place place = {.is_class = kind == HS_UNIT_CLASSES};
    walk_children(reader, unit, &place);
    return kind;
}

/* ---- batches ---- */

/* Translate what is listed, then settle the numbers of the batch. */
static void translate(struct hs_dwarf_reader *reader)
{
    /* Both lists may grow on the way. */
    for (size_t next = 0; hs_dwarf_step(reader);) {
        if (reader->variables.count > 0) {
            struct hs_dwarf_variable variable =
                reader->variables.at[--reader->variables.count];
            hs_dwarf_read_variable(reader, &variable);
        } else if (next < reader->listed.count) {
            Dwarf_Die die = reader->listed.at[next++];
            hs_dwarf_type(reader, &die);
        } else {
            break;
        }
        hs_dwarf_read_pending(reader);
    }
    uint32_t *numbers;
    if (hs_layout_builder_merge(&reader->builder, &numbers)) {
        for (size_t i = 0; i < reader->batch_keys.count; i++) {
            struct hs_layout_pair *pair =
                hs_layout_map_slot(&reader->types, reader->batch_keys.at[i]);
            if (HS_IS_BATCH(pair->value))
                pair->value = numbers[pair->value & ~HS_BATCH];
        }
        free(numbers);
    } else {
        reader->is_over = true;
    }
    reader->batch_keys.count = reader->listed.count = reader->variables.count = 0;
    reader->n_pending = 0;
    reader->function_type = HS_TYPE_NONE;
}

/* What most of the file is written in. */
static uint32_t find_language(Dwarf *dwarf)
{
    Dwarf_CU *cu = NULL;
    Dwarf_Die die, split;
    uint8_t type;
    while (dwarf_get_units(dwarf, cu, &cu, NULL, &type, &die, &split) == 0) {
        bool has_split = type == DW_UT_skeleton && dwarf_tag(&split) > 0;
        uint32_t kind = language_kind(has_split ? &split : &die);
        if (kind != HS_LAYOUT_ABSENT && dwarf_srclang(&die) != DW_LANG_Mips_Assembler)
            return kind;
    }
    return HS_UNIT_CLASSES;
}

static void read_units(struct hs_dwarf_reader *reader, Dwarf *dwarf)
{
    Dwarf_CU *cu = NULL;
    Dwarf_Die die, split;
    uint8_t type;
    while (!reader->is_over
           && dwarf_get_units(dwarf, cu, &cu, NULL, &type, &die, &split) == 0) {
        bool has_split = type == DW_UT_skeleton && dwarf_tag(&split) > 0;
        hs_dwarf_unit(reader, has_split ? &split : &die);
        if (reader->listed.count + reader->variables.count > 0)
            translate(reader);
    }
}

void hs_dwarf_reader_init(struct hs_dwarf_reader *reader, Dwarf *dwarf,
                          const struct hs_dwarf_limits *limits)
{
    *reader = (struct hs_dwarf_reader){.function_type = HS_TYPE_NONE,
                                       .default_kind = find_language(dwarf)};
    if (limits->milliseconds) {
        clock_gettime(CLOCK_MONOTONIC, &reader->deadline);
        reader->deadline.tv_sec += limits->milliseconds / 1000;
        reader->deadline.tv_nsec += limits->milliseconds % 1000 * 1000000l;
        reader->deadline.tv_sec += reader->deadline.tv_nsec / 1000000000;
        reader->deadline.tv_nsec %= 1000000000;
    }
    hs_layout_builder_init(&reader->builder, limits->memory);
}

void hs_dwarf_reader_deinit(struct hs_dwarf_reader *reader)
{
    hs_layout_builder_deinit(&reader->builder);
    free(reader->units.at);
    free(reader->scopes.at);
    free(reader->types.at);
    free(reader->batch_keys.at);
    free(reader->listed.at);
    free(reader->variables.at);
    free(reader->pending);
}

struct hs_layout_header *hs_dwarf_read(Dwarf *dwarf, const uint8_t *build_id,
                                       size_t build_id_size,
                                       const struct hs_dwarf_limits *limits,
                                       bool *ret_is_whole)
{
    struct hs_dwarf_reader reader;
    hs_dwarf_reader_init(&reader, dwarf, limits);
    read_units(&reader, dwarf);
    *ret_is_whole = !reader.is_over && !reader.builder.is_full;
    struct hs_layout_header *header =
        hs_layout_builder_finish(&reader.builder, build_id, build_id_size);
    hs_dwarf_reader_deinit(&reader);
    return header;
}

// SPDX-License-Identifier: MIT

/* Scopes and the types of their variables; see the header. */

#include "libheapsnap/types/dwarf_local.h"

#include <dwarf.h>
#include <stdlib.h>

#include "libheapsnap/base/guard.h"
#include "libheapsnap/types/dwarf_reader.h"
#include "libheapsnap/types/layout_name.h"

/* For the types of one module that locals have. */
#define MEMORY_LIMIT (512ull << 20)

struct hs_layout_locals {
    size_t count;
    struct module {
        struct hs_dwarf_reader reader;
        bool is_ready;
        struct hs_layout_map numbers; /* entry in DWARF -> number */
    } modules[];
};

void hs_layout_locals_destroy(struct hs_layout_locals *locals)
{
    if (!locals)
        return;
    for (size_t i = 0; i < locals->count; i++) {
        hs_dwarf_reader_deinit(&locals->modules[i].reader);
        free(locals->modules[i].numbers.at);
    }
    free(locals);
}

bool hs_layouts_code(struct hs_layouts *layouts, uint32_t module, uint64_t pc,
                     struct hs_code *ret)
{
    if (module >= layouts->symbols->capture->n_modules)
        return false;
    struct hs_symbol_module *of = &layouts->symbols->modules[module];
    struct hs_dwarf *dwarf = hs_module_dwarf(of);
    if (!dwarf)
        return false;
    ret->module = module;
    ret->pc = pc;
    ret->address = pc - of->dwarf_bias;
    ret->n_scopes = hs_dwarf_scopes(dwarf, ret->address, ret->scopes);
    return ret->n_scopes > 0;
}

/* ---- types ---- */

static struct module *open_module(struct hs_layouts *layouts, uint32_t index)
{
    size_t count = layouts->symbols->capture->n_modules;
    if (!layouts->locals) {
        layouts->locals =
            calloc(1, sizeof(*layouts->locals) + count * sizeof(struct module));
        if (!layouts->locals)
            return NULL;
        layouts->locals->count = count;
    }
    struct module *module = &layouts->locals->modules[index];
    struct hs_symbol_module *of = &layouts->symbols->modules[index];
    if (!module->is_ready) {
        GElf_Addr bias;
        Dwarf *dwarf = of->state == HS_MODULE_READY
                           ? dwfl_module_getdwarf(of->dwfl_module, &bias)
                           : NULL;
        if (!dwarf)
            return NULL;
        struct hs_dwarf_limits limits = {.memory = MEMORY_LIMIT};
        hs_dwarf_reader_init(&module->reader, dwarf, &limits);
        module->is_ready = true;
    }
    return module;
}

/* The table's type of this name, preferably of this layout. */
static uint32_t find_named(struct hs_layouts *layouts, uint32_t index,
                           const struct hs_layout_builder *builder,
                           const struct hs_layout_type *type)
{
    const struct hs_layout_table *table = &layouts->modules[index].table;
    hs_auto_free char *name = hs_layout_name(builder->strings.at + type->name);
    if (!name || !name[0])
        return HS_TYPE_NONE;
    const struct hs_layout_member *members =
        type->n_members ? &builder->batch.members.at[type->members] : NULL;
    uint64_t hash = hs_layout_hash(builder->strings.at, type, members, name);
    uint32_t found, fallback = HS_TYPE_NONE;
    size_t at = SIZE_MAX;
    while (table->header
           && (found = hs_layout_table_find(table, name, &at)) != HS_TYPE_NONE) {
        const struct hs_layout_type *candidate = &table->types[found];
        if (candidate->kind == type->kind && candidate->hash == hash)
            return hs_layouts_number(layouts, index, found);
        if (type->kind == HS_TYPE_DECLARED && fallback == HS_TYPE_NONE)
            fallback = found;
    }
    return fallback == HS_TYPE_NONE ? fallback
                                    : hs_layouts_number(layouts, index, fallback);
}

/* From the reader's number to ours. */
static uint32_t number_of(struct hs_layouts *layouts, uint32_t index,
                          struct hs_layout_builder *builder, uint32_t type, int depth)
{
    if (type == HS_TYPE_NONE || depth > HS_LAYOUT_DERIVED_MAX)
        return HS_TYPE_NONE;
    const struct hs_layout_type *read = hs_layout_builder_type(builder, type);
    uint32_t element;
    switch (read->kind) {
    case HS_TYPE_POINTER:
    case HS_TYPE_ARRAY:
        element = number_of(layouts, index, builder, read->element, depth + 1);
        return hs_layouts_derive(layouts, read->kind, element, read->count,
                                 read->flags & (HS_LAYOUT_REFERENCE | HS_LAYOUT_OPEN));
    case HS_TYPE_FUNCTION:
        return hs_layouts_derive(layouts, HS_TYPE_FUNCTION, HS_TYPE_NONE, 0, 0);
    default:
        return find_named(layouts, index, builder, read);
    }
}

uint32_t hs_layouts_die_type(struct hs_layouts *layouts, uint32_t module, Dwarf_Die *die,
                             unsigned attribute)
{
    struct module *of = open_module(layouts, module);
    Dwarf_Attribute memory;
    Dwarf_Die target;
    if (!of || !dwarf_formref_die(dwarf_attr_integrate(die, attribute, &memory), &target))
        return HS_TYPE_NONE;
    uint64_t key = (uintptr_t)target.addr;
    uint32_t number = hs_layout_map_get(&of->numbers, key);
    if (number != HS_LAYOUT_ABSENT)
        return number == HS_LAYOUT_ABSENT - 1 ? HS_TYPE_NONE : number;
    uint32_t type = hs_dwarf_type(&of->reader, &target);
    hs_dwarf_read_pending(&of->reader);
    of->reader.listed.count = of->reader.variables.count = 0;
    number = number_of(layouts, module, &of->reader.builder, type, 0);
    hs_layout_map_put(&of->numbers, key,
                      number == HS_TYPE_NONE ? HS_LAYOUT_ABSENT - 1 : number);
    return number;
}

/* ---- variables ---- */

void hs_code_each_variable(Dwarf_Die *scope, bool (*each)(Dwarf_Die *die, void *context),
                           void *context)
{
    Dwarf_Die child;
    if (dwarf_child(scope, &child) != 0)
        return;
    do {
        int tag = dwarf_tag(&child);
        if ((tag == DW_TAG_variable || tag == DW_TAG_formal_parameter)
            && !each(&child, context))
            return;
    } while (dwarf_siblingof(&child, &child) == 0);
}

static bool distance_by(Dwarf_CFI *cfi, uint64_t address, unsigned reg, int64_t *ret)
{
    Dwarf_Frame *frame;
    if (!cfi || dwarf_cfi_addrframe(cfi, address, &frame) != 0)
        return false;
    Dwarf_Op *operations;
    size_t count;
    bool is_found = dwarf_frame_cfa(frame, &operations, &count) == 0 && count == 1;
    if (is_found && operations[0].atom == DW_OP_bregx && operations[0].number == reg)
        *ret = (int64_t)operations[0].number2;
    else if (is_found && operations[0].atom == DW_OP_breg0 + reg && reg < 32)
        *ret = (int64_t)operations[0].number;
    else
        is_found = false;
    free(frame);
    return is_found;
}

bool hs_layouts_frame_distance(struct hs_layouts *layouts, const struct hs_code *code,
                               unsigned reg, int64_t *ret)
{
    Dwfl_Module *module = layouts->symbols->modules[code->module].dwfl_module;
    Dwarf_Addr bias;
    Dwarf_CFI *cfi = dwfl_module_eh_cfi(module, &bias);
    if (distance_by(cfi, code->pc - bias, reg, ret))
        return true;
    cfi = dwfl_module_dwarf_cfi(module, &bias);
    return distance_by(cfi, code->pc - bias, reg, ret);
}

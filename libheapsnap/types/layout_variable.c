// SPDX-License-Identifier: MIT

/* Variables of modules, found by address. */

#include "libheapsnap/types/layout_internal.h"
#include "probes/abi.h"

static const struct hs_variable *speak_of(struct hs_layouts *layouts, uint32_t module,
                                          const struct hs_layout_variable *found)
{
    struct hs_layout_module *of = &layouts->modules[module];
    const struct hs_variable **known = &of->variables[found - of->table.variables];
    if (*known)
        return *known;
    uint64_t bias = layouts->symbols->capture->modules[module].bias;
    struct hs_variable *variable = hs_text_allocate(&layouts->text, sizeof(*variable));
    if (!variable)
        return NULL;
    const char *scope = of->table.strings + found->scope;
    *variable = (struct hs_variable){
        .address =
            found->place == HS_VARIABLE_STATIC ? found->address + bias : found->address,
        .size = found->size,
        .name = of->table.strings + found->name,
        .scope = scope[0] ? scope : NULL,
        .type = hs_layouts_number(layouts, module, found->type),
        .place = (enum hs_variable_place)found->place,
    };
    *known = variable;
    return variable;
}

const struct hs_variable *hs_layouts_variable(struct hs_layouts *layouts,
                                              uint64_t address)
{
    uint32_t module = hs_symbols_module_at(layouts->symbols, address);
    if (module == UINT32_MAX)
        return NULL;
    const struct hs_layout_table *table = &layouts->modules[module].table;
    uint64_t bias = layouts->symbols->capture->modules[module].bias;
    const struct hs_layout_variable *found =
        table->header
            ? hs_layout_table_variable(table, HS_VARIABLE_STATIC, address - bias)
            : NULL;
    return found ? speak_of(layouts, module, found) : NULL;
}

const struct hs_variable *hs_layouts_thread_variable(struct hs_layouts *layouts,
                                                     uint64_t thread_pointer,
                                                     uint64_t address,
                                                     uint64_t *ret_offset)
{
    uint64_t offset;
    uint32_t module =
        hs_symbols_thread_offset(layouts->symbols, thread_pointer, address, &offset);
    if (module == UINT32_MAX || !layouts->modules[module].table.header)
        return NULL;
    const struct hs_layout_variable *found = hs_layout_table_variable(
        &layouts->modules[module].table, HS_VARIABLE_THREAD, offset);
    if (!found)
        return NULL;
    *ret_offset = offset - found->address;
    return speak_of(layouts, module, found);
}

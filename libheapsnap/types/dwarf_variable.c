// SPDX-License-Identifier: MIT

/*
 * Variables that stay where they are: in a module's data, or at an offset of its
 * thread-local block.
 */

#include <dwarf.h>

#include "libheapsnap/types/dwarf_reader.h"

static bool is_constant(const Dwarf_Op *operation)
{
    switch (operation->atom) {
    case DW_OP_const1u:
    case DW_OP_const2u:
    case DW_OP_const4u:
    case DW_OP_const8u:
    case DW_OP_constu:
        return true;
    default:
        return false;
    }
}

/* Addresses may be given by their number in a table (split DWARF). */
static bool operand(Dwarf_Attribute *location, const Dwarf_Op *operation, uint64_t *ret)
{
    Dwarf_Attribute indirect;
    Dwarf_Word value;
    if (operation->atom == DW_OP_addr || is_constant(operation)) {
        *ret = operation->number;
        return true;
    }
    switch (operation->atom) {
    case DW_OP_addrx:
    case DW_OP_GNU_addr_index:
    case DW_OP_constx:
    case DW_OP_GNU_const_index:
        if (dwarf_getlocation_attr(location, operation, &indirect) != 0
            || (dwarf_formaddr(&indirect, &value) != 0
                && dwarf_formudata(&indirect, &value) != 0))
            return false;
        *ret = value;
        return true;
    default:
        return false;
    }
}

/* Where the linker leaves what it has dropped. */
static bool is_dropped(uint64_t address)
{
    return address == 0 || address >= UINT64_MAX - 1;
}

static bool find_place(Dwarf_Die *die, uint64_t *ret_address, uint32_t *ret_place)
{
    Dwarf_Attribute location;
    Dwarf_Op *operations;
    size_t count;
    if (!dwarf_attr(die, DW_AT_location, &location)
        || dwarf_whatform(&location) == DW_FORM_sec_offset
        || dwarf_whatform(&location) == DW_FORM_loclistx
        || dwarf_getlocation(&location, &operations, &count) != 0 || count == 0
        || count > 2 || !operand(&location, &operations[0], ret_address))
        return false;
    bool is_thread = count == 2
                     && (operations[1].atom == DW_OP_form_tls_address
                         || operations[1].atom == DW_OP_GNU_push_tls_address);
    if (count == 2 && !is_thread)
        return false;
    if (!is_thread && (is_constant(&operations[0]) || is_dropped(*ret_address)))
        return false;
    *ret_place = is_thread ? HS_VARIABLE_THREAD : HS_VARIABLE_STATIC;
    return true;
}

void hs_dwarf_read_variable(struct hs_dwarf_reader *reader,
                            struct hs_dwarf_variable *variable)
{
    struct hs_layout_variable found = {.scope = variable->function};
    if (!find_place(&variable->die, &found.address, &found.place))
        return;
    found.type = hs_dwarf_type_of(reader, &variable->die);
    if (found.type == HS_TYPE_NONE)
        return;
    /* The declaration knows the class or namespace. */
    Dwarf_Attribute attribute;
    Dwarf_Die declaration;
    uint32_t scope = variable->qualified;
    if (dwarf_formref_die(dwarf_attr(&variable->die, DW_AT_specification, &attribute),
                          &declaration)) {
        uint32_t declared =
            hs_layout_map_get(&reader->scopes, (uintptr_t)declaration.addr);
        scope = declared == HS_LAYOUT_ABSENT ? scope : declared;
    }
    const char *name = hs_dwarf_name(&variable->die);
    if (!name[0])
        return;
    hs_dwarf_name_unnamed(reader, found.type, 0, name);
    found.name = hs_dwarf_qualify(reader, scope, name);
    hs_layout_builder_variable(&reader->builder, &found);
}

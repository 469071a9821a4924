// SPDX-License-Identifier: MIT

/*
 * Local variables that live on the stack: where they are, counted from the frame's
 * canonical address, at one place in the code.
 */

#include <dwarf.h>
#include <stdlib.h>

#include "libheapsnap/types/dwarf_local.h"
#include "libheapsnap/types/dwarf_reader.h"

struct frame {
    struct hs_layouts *layouts;
    struct hs_code code;
    int64_t base; /* what DW_OP_fbreg counts from, counted from the CFA */
    bool has_base;
    const char *function;
    int64_t wanted;
    const struct hs_variable *found;
};

/* A register and an offset as an offset from the CFA. */
static bool from_register(struct frame *frame, unsigned reg, int64_t offset, int64_t *ret)
{
    int64_t distance;
    if (!hs_layouts_frame_distance(frame->layouts, &frame->code, reg, &distance))
        return false;
    *ret = offset - distance;
    return true;
}

static bool from_operation(struct frame *frame, const Dwarf_Op *operation, int64_t *ret)
{
    int64_t number = (int64_t)operation->number;
    if (operation->atom == DW_OP_call_frame_cfa) {
        *ret = 0;
        return true;
    }
    if (operation->atom >= DW_OP_breg0 && operation->atom <= DW_OP_breg31)
        return from_register(frame, operation->atom - DW_OP_breg0, number, ret);
    if (operation->atom == DW_OP_bregx && operation->number < 128)
        return from_register(frame, (unsigned)operation->number,
                             (int64_t)operation->number2, ret);
    if (operation->atom == DW_OP_fbreg && frame->has_base) {
        *ret = frame->base + number;
        return true;
    }
    return false;
}

static void find_base(struct frame *frame)
{
    Dwarf_Attribute attribute;
    Dwarf_Op *operations;
    size_t count;
    if (dwarf_getlocation_addr(
            dwarf_attr_integrate(&frame->code.scopes[0], DW_AT_frame_base, &attribute),
            frame->code.address, &operations, &count, 1)
            != 1
        || count != 1)
        return;
    if (operations[0].atom >= DW_OP_reg0 && operations[0].atom <= DW_OP_reg31)
        frame->has_base =
            from_register(frame, operations[0].atom - DW_OP_reg0, 0, &frame->base);
    else
        frame->has_base = from_operation(frame, &operations[0], &frame->base);
}

static bool check_variable(Dwarf_Die *die, void *context)
{
    struct frame *frame = context;
    Dwarf_Attribute attribute;
    Dwarf_Op *operations;
    size_t count;
    int64_t offset;
    if (dwarf_getlocation_addr(dwarf_attr(die, DW_AT_location, &attribute),
                               frame->code.address, &operations, &count, 1)
            != 1
        || count != 1 || !from_operation(frame, &operations[0], &offset)
        || offset > frame->wanted)
        return true;
    struct hs_layouts *layouts = frame->layouts;
    uint32_t number = hs_layouts_die_type(layouts, frame->code.module, die, DW_AT_type);
    const struct hs_layout_entry *type = hs_layouts_entry(layouts, number);
    if (!type || (uint64_t)(frame->wanted - offset) >= type->type.size)
        return true;
    struct hs_variable *variable = hs_text_allocate(&layouts->text, sizeof(*variable));
    if (!variable)
        return false;
    *variable = (struct hs_variable){
        .address = (uint64_t)offset,
        .size = type->type.size,
        .name = hs_dwarf_name(die),
        .scope = frame->function,
        .type = number,
        .place = HS_VARIABLE_FRAME,
    };
    frame->found = variable;
    return false;
}

static const struct hs_variable *find(struct frame *frame)
{
    find_base(frame);
    /* Innermost first: what is inlined may use a slot again. */
    for (size_t i = frame->code.n_scopes; i > 0 && !frame->found; i--) {
        frame->function = "";
        for (size_t j = i; j > 0 && !frame->function[0]; j--) {
            int tag = dwarf_tag(&frame->code.scopes[j - 1]);
            if (tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine)
                frame->function = hs_dwarf_name(&frame->code.scopes[j - 1]);
        }
        hs_code_each_variable(&frame->code.scopes[i - 1], check_variable, frame);
    }
    return frame->found;
}

const struct hs_variable *hs_layouts_local(struct hs_layouts *layouts, uint64_t pc,
                                           int64_t offset)
{
    /* The same frames hold slot after slot. */
    uint64_t key = hs_layout_mix(hs_layout_mix(7, pc), (uint64_t)offset) | 1;
    uint32_t known = hs_layout_map_get(&layouts->frame_places, key);
    if (known != HS_LAYOUT_ABSENT)
        return layouts->frame_answers.at[known];
    struct frame frame = {.layouts = layouts, .wanted = offset};
    uint32_t module = hs_symbols_module_at(layouts->symbols, pc);
    const struct hs_variable *found =
        hs_layouts_code(layouts, module, pc, &frame.code) ? find(&frame) : NULL;
    if (hs_array_push(&layouts->frame_answers, found))
        hs_layout_map_put(&layouts->frame_places, key,
                          (uint32_t)layouts->frame_answers.count - 1);
    return found;
}

const struct hs_variable *hs_layouts_stack_variable(struct hs_layouts *layouts,
                                                    size_t thread, uint64_t address,
                                                    uint64_t *ret_offset)
{
    uint64_t pc, cfa;
    if (!hs_symbols_slot_frame(layouts->symbols, thread, address, &pc, &cfa))
        return NULL;
    const struct hs_variable *found =
        hs_layouts_local(layouts, pc, (int64_t)(address - cfa));
    if (found)
        *ret_offset = address - cfa - found->address;
    return found;
}

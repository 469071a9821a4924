// SPDX-License-Identifier: MIT

/*
 * Call frame instructions, as in DWARF 5 section 6.4 and the x86-64 psABI. Only three
 * registers matter to a stack trace: where the others are saved is read and forgotten.
 */

#include "probes/tracker/cfi_program.h"

#include <stddef.h>

#include "probes/tracker/cfi_expression.h"

/* No compiler nests deeper, and no function needs longer programs. */
#define REMEMBERED_MAX 8
#define PROGRAM_MAX ((uint64_t)256 << 10)

struct machine {
    const struct hs_cfi_common *common;
    struct hs_cursor cursor;
    uint64_t location, pc;
    struct hs_cfi_row *row;
    struct hs_cfi_row remembered[REMEMBERED_MAX];
    unsigned n_remembered;
    bool failed;
};

static struct hs_cfi_register *row_register(struct hs_cfi_row *row, uint64_t number)
{
    switch (number) {
    case HS_REGISTER_BP:
        return &row->bp;
    case HS_REGISTER_SP:
        return &row->sp;
    case HS_REGISTER_RETURN:
        return &row->return_address;
    }
    return NULL;
}

static void set(struct machine *machine, uint64_t number, struct hs_cfi_register rule)
{
    struct hs_cfi_register *place = row_register(machine->row, number);
    if (place)
        *place = rule;
}

static void set_kind(struct machine *machine, uint64_t number, int kind)
{
    struct hs_cfi_register rule = {.offset = 0};
    rule.kind = kind;
    set(machine, number, rule);
}

static void set_saved(struct machine *machine, uint64_t number, int64_t factored)
{
    struct hs_cfi_register rule = {.kind = HS_CFI_SAVED};
    if (__builtin_mul_overflow(factored, machine->common->data_align, &rule.offset))
        machine->failed = true;
    set(machine, number, rule);
}

static void restore(struct machine *machine, uint64_t number)
{
    struct hs_cfi_row initial = machine->common->initial;
    const struct hs_cfi_register *rule = row_register(&initial, number);
    if (rule)
        set(machine, number, *rule);
}

static void set_cfa(struct machine *machine, uint64_t number, int64_t offset)
{
    machine->row->cfa_register = number;
    machine->row->cfa_offset = offset;
    machine->row->cfa_kind = HS_CFA_SUM;
}

/* An unsigned operand that is used as a signed one. */
static int64_t read_unsigned(struct machine *machine)
{
    uint64_t value = hs_cursor_uleb(&machine->cursor);
    if (value > INT32_MAX) {
        machine->failed = true;
        return 0;
    }
    return (int64_t)value;
}

static int64_t read_factored(struct machine *machine)
{
    int64_t offset = 0;
    if (__builtin_mul_overflow(hs_cursor_sleb(&machine->cursor),
                               machine->common->data_align, &offset))
        machine->failed = true;
    return offset;
}

static void advance(struct machine *machine, uint64_t delta)
{
    if (__builtin_mul_overflow(delta, machine->common->code_align, &delta)
        || __builtin_add_overflow(machine->location, delta, &machine->location))
        machine->failed = true;
}

/* A block of bytes; what is read through the cursor returned ends where it ends. */
static struct hs_cursor take_block(struct machine *machine)
{
    uint64_t size = hs_cursor_uleb(&machine->cursor);
    struct hs_cursor block = machine->cursor;
    hs_cursor_skip(&machine->cursor, size);
    block.end = machine->cursor.at;
    block.failed = machine->cursor.failed;
    return block;
}

static void set_cfa_expression(struct machine *machine)
{
    struct hs_cursor block = take_block(machine);
    int64_t offset;
    machine->row->cfa_kind = HS_CFA_OTHER;
    if (machine->pc != UINT64_MAX && hs_cfi_read_linkage(block, machine->pc, &offset)) {
        set_cfa(machine, HS_REGISTER_SP, offset);
    } else if (hs_cfi_read_loaded(block, HS_REGISTER_BP, &offset)) {
        set_cfa(machine, HS_REGISTER_BP, offset);
        machine->row->cfa_kind = HS_CFA_LOADED;
    }
}

/* The register is saved where an expression says. */
static void set_expression(struct machine *machine, uint64_t number)
{
    struct hs_cfi_register rule = {.kind = HS_CFI_BESIDE_BP};
    if (!hs_cfi_read_sum(take_block(machine), HS_REGISTER_BP, &rule.offset))
        rule.kind = HS_CFI_OTHER;
    set(machine, number, rule);
}

static void remember(struct machine *machine)
{
    if (machine->n_remembered == REMEMBERED_MAX)
        machine->failed = true;
    else
        machine->remembered[machine->n_remembered++] = *machine->row;
}

static void recall(struct machine *machine)
{
    if (machine->n_remembered == 0)
        machine->failed = true;
    else
        *machine->row = machine->remembered[--machine->n_remembered];
}

/* Those that move the location. */
static bool step_location(struct machine *machine, uint8_t code)
{
    struct hs_cursor *cursor = &machine->cursor;
    switch (code) {
    case 0x01: /* set_loc */
        machine->location = hs_cursor_pointer(cursor, machine->common->pointer_encoding,
                                              machine->common->header);
        return true;
    case 0x02:
        advance(machine, hs_cursor_read(cursor, 1));
        return true;
    case 0x03:
        advance(machine, hs_cursor_read(cursor, 2));
        return true;
    case 0x04:
        advance(machine, hs_cursor_read(cursor, 4));
        return true;
    }
    return false;
}

/* Those that say where the frame is. */
static bool step_cfa(struct machine *machine, uint8_t code)
{
    struct hs_cursor *cursor = &machine->cursor;
    uint64_t number;
    switch (code) {
    case 0x0c: /* def_cfa */
        number = hs_cursor_uleb(cursor);
        set_cfa(machine, number, read_unsigned(machine));
        return true;
    case 0x0d: /* def_cfa_register */
        machine->failed |= machine->row->cfa_kind != HS_CFA_SUM;
        machine->row->cfa_register = hs_cursor_uleb(cursor);
        return true;
    case 0x0e: /* def_cfa_offset */
        machine->failed |= machine->row->cfa_kind != HS_CFA_SUM;
        machine->row->cfa_offset = read_unsigned(machine);
        return true;
    case 0x0f: /* def_cfa_expression */
        set_cfa_expression(machine);
        return true;
    case 0x12: /* def_cfa_sf */
        number = hs_cursor_uleb(cursor);
        set_cfa(machine, number, read_factored(machine));
        return true;
    case 0x13: /* def_cfa_offset_sf */
        machine->failed |= machine->row->cfa_kind != HS_CFA_SUM;
        machine->row->cfa_offset = read_factored(machine);
        return true;
    }
    return false;
}

/* Those that say where a register is. */
static bool step_register(struct machine *machine, uint8_t code)
{
    struct hs_cursor *cursor = &machine->cursor;
    uint64_t number = 0;
    if ((code >= 0x05 && code <= 0x09) || code == 0x10 || code == 0x11
        || (code >= 0x14 && code <= 0x16) || code == 0x2f)
        number = hs_cursor_uleb(cursor);
    switch (code) {
    case 0x05: /* offset_extended */
        set_saved(machine, number, read_unsigned(machine));
        return true;
    case 0x06: /* restore_extended */
        restore(machine, number);
        return true;
    case 0x07: /* undefined */
        set_kind(machine, number, HS_CFI_UNDEFINED);
        return true;
    case 0x08: /* same_value */
        set_kind(machine, number, HS_CFI_SAME);
        return true;
    case 0x09: /* register */
    case 0x14: /* val_offset */
    case 0x15: /* val_offset_sf */
        hs_cursor_uleb(cursor);
        set_kind(machine, number, HS_CFI_OTHER);
        return true;
    case 0x10: /* expression */
        set_expression(machine, number);
        return true;
    case 0x16: /* val_expression */
        take_block(machine);
        set_kind(machine, number, HS_CFI_OTHER);
        return true;
    case 0x11: /* offset_extended_sf */
        set_saved(machine, number, hs_cursor_sleb(cursor));
        return true;
    case 0x2f: /* GNU_negative_offset_extended */
        set_saved(machine, number, -read_unsigned(machine));
        return true;
    }
    return false;
}

static bool step_other(struct machine *machine, uint8_t code)
{
    switch (code) {
    case 0x00: /* nop */
        return true;
    case 0x0a:
        remember(machine);
        return true;
    case 0x0b:
        recall(machine);
        return true;
    case 0x2e: /* GNU_args_size */
        hs_cursor_uleb(&machine->cursor);
        return true;
    }
    return false;
}

static void step(struct machine *machine)
{
    uint8_t code = (uint8_t)hs_cursor_read(&machine->cursor, 1);
    uint8_t operand = code & 0x3f;
    switch (code >> 6) {
    case 1:
        advance(machine, operand);
        return;
    case 2:
        set_saved(machine, operand, read_unsigned(machine));
        return;
    case 3:
        restore(machine, operand);
        return;
    }
    if (!step_location(machine, code) && !step_cfa(machine, code)
        && !step_register(machine, code) && !step_other(machine, code))
        machine->failed = true;
}

bool hs_cfi_run(const struct hs_cfi_common *common, struct hs_cursor cursor,
                uint64_t location, uint64_t pc, struct hs_cfi_row *row)
{
    struct machine machine = {
        .common = common, .cursor = cursor, .location = location, .pc = pc, .row = row};
    if (cursor.failed || cursor.end - cursor.at > PROGRAM_MAX)
        return false;
    /* A row holds from its location on, so the one after `pc` is not wanted any more. */
    while (machine.cursor.at < machine.cursor.end && !machine.failed
           && !machine.cursor.failed) {
        struct hs_cfi_row before = *row;
        step(&machine);
        if (machine.location > pc) {
            *row = before;
            break;
        }
    }
    return !machine.failed && !machine.cursor.failed;
}

static struct hs_rule complex_rule(enum hs_rule_reason reason)
{
    return (struct hs_rule){.kind = HS_RULE_COMPLEX, .reason = reason};
}

/* Are both the return address and the stack pointer where they always are? */
static bool is_ordinary(const struct hs_cfi_row *row)
{
    return row->return_address.kind == HS_CFI_SAVED && row->return_address.offset == -8
           && row->sp.kind == HS_CFI_SAME;
}

/* rbx and r12 to r15 keep their values across calls (psABI 3.2.1); what others held when
 * the called function began, nobody can know. */
static bool is_kept(uint64_t number)
{
    return number == 3 || (number >= 12 && number <= 15);
}

struct hs_rule hs_cfi_row_rule(const struct hs_cfi_row *row)
{
    struct hs_rule rule = {.kind = HS_RULE_SP};
    if (row->return_address.kind == HS_CFI_UNDEFINED)
        return (struct hs_rule){.kind = HS_RULE_OUTERMOST};
    if (!is_ordinary(row))
        return complex_rule(HS_REASON_PLACE);
    if (row->cfa_kind == HS_CFA_LOADED && row->cfa_register == HS_REGISTER_BP
        && row->cfa_offset <= -8 && row->cfa_offset % 8 == 0
        && row->bp.kind == HS_CFI_BESIDE_BP && row->bp.offset == 0)
        return (struct hs_rule){.kind = HS_RULE_REALIGNED,
                                .cfa_offset = (uint32_t)-row->cfa_offset};
    if (row->cfa_kind != HS_CFA_SUM)
        return complex_rule(HS_REASON_EXPRESSION);
    if (row->cfa_register == HS_REGISTER_BP)
        rule.kind = HS_RULE_BP;
    else if (row->cfa_register != HS_REGISTER_SP)
        return complex_rule(is_kept(row->cfa_register) ? HS_REASON_REGISTER
                                                       : HS_REASON_TABLE);
    if (row->cfa_offset < 8 || row->cfa_offset > INT32_MAX || row->cfa_offset % 8 != 0)
        return complex_rule(HS_REASON_PLACE);
    rule.cfa_offset = (uint32_t)row->cfa_offset;

    const struct hs_cfi_register *bp = &row->bp;
    if (bp->kind == HS_CFI_SAVED && bp->offset <= -16 && bp->offset >= -INT32_MAX
        && bp->offset % 8 == 0)
        rule.bp_offset = (uint32_t)-bp->offset;
    else if (bp->kind != HS_CFI_SAME)
        return complex_rule(HS_REASON_PLACE);
    return rule;
}

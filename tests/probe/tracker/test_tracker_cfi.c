// SPDX-License-Identifier: MIT

/*
 * Rules from unwind tables made by hand: ordinary ones, and every way to break them.
 */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>
#include <sys/mman.h>

#include "probes/tracker/cfi.h"

/* One function of 0x40 bytes, CODE bytes behind the header. */
#define CODE 0x1000

struct tables {
    uint8_t bytes[256];
    size_t used;
};

static void put(struct tables *tables, const void *bytes, size_t size)
{
    memcpy(tables->bytes + tables->used, bytes, size);
    tables->used += size;
}

static void put_word(struct tables *tables, uint32_t word)
{
    put(tables, &word, sizeof(word));
}

static void end_record(struct tables *tables, size_t start)
{
    while (tables->used % 4 != 0)
        put(tables, "", 1);
    uint32_t length = (uint32_t)(tables->used - start - 4);
    memcpy(tables->bytes + start, &length, 4);
}

/* A header, a CIE with `augmentation`, and an FDE that runs `program`. */
static struct tables tables_make(const char *augmentation, const void *program,
                                 size_t size)
{
    struct tables tables = {.used = 0};
    put(&tables, "\x01\x1b\x03\x3b", 4);
    put_word(&tables, 16); /* .eh_frame, from here */
    put_word(&tables, 1);
    put_word(&tables, CODE);
    size_t fde_field = tables.used;
    put_word(&tables, 0);

    size_t cie = tables.used;
    put_word(&tables, 0);
    put_word(&tables, 0);
    put(&tables, "\x01", 1);
    put(&tables, augmentation, strlen(augmentation) + 1);
    put(&tables, "\x01\x78\x10\x01\x1b", 5); /* align 1, -8; return address 16; pcrel */
    put(&tables, "\x0c\x07\x08\x90\x01", 5); /* CFA = sp + 8, return address at CFA - 8 */
    end_record(&tables, cie);

    size_t fde = tables.used;
    put_word(&tables, 0);
    put_word(&tables, (uint32_t)(tables.used - cie));
    put_word(&tables, (uint32_t)(CODE - tables.used));
    put_word(&tables, 0x40);
    put(&tables, "", 1); /* no augmentation data */
    put(&tables, program, size);
    end_record(&tables, fde);
    memcpy(tables.bytes + fde_field, &(uint32_t){(uint32_t)fde}, 4);
    return tables;
}

/* push %rbp; mov %rsp, %rbp; …; pop %rbp; ret; and code behind the ret */
#define PUSHING                                                                  \
    "\x41\x0e\x10\x86\x02"     /* from 1: CFA = sp + 16, bp at CFA - 16 */       \
    "\x43\x0d\x06"             /* from 4: CFA = bp + 16 */                       \
    "\x4c\x0a\xc6\x0c\x07\x08" /* from 16: remember; CFA = sp + 8, bp is back */ \
    "\x41\x0b"                 /* from 17: as before */
#define MAKE(augmentation, program) \
    tables_make(augmentation, program, sizeof(program) - 1)

static struct hs_rule rule_at(const struct tables *tables, uint64_t offset)
{
    uint64_t start = (uint64_t)tables->bytes;
    struct hs_cfi_span span = {start, start + tables->used};
    return hs_cfi_rule(&span, start, start + CODE + offset);
}

static bool is_rule(struct hs_rule rule, enum hs_rule_kind kind, uint32_t cfa,
                    uint32_t bp)
{
    return rule.kind == kind && rule.cfa_offset == cfa && rule.bp_offset == bp;
}

Test(cfi, follows_a_function_through_its_prologue_and_epilogue)
{
    struct tables tables = MAKE("zR", PUSHING);

    cr_expect(is_rule(rule_at(&tables, 0), HS_RULE_SP, 8, 0));
    cr_expect(is_rule(rule_at(&tables, 1), HS_RULE_SP, 16, 16));
    cr_expect(is_rule(rule_at(&tables, 3), HS_RULE_SP, 16, 16));
    cr_expect(is_rule(rule_at(&tables, 4), HS_RULE_BP, 16, 16));
    cr_expect(is_rule(rule_at(&tables, 16), HS_RULE_SP, 8, 0));
    cr_expect(is_rule(rule_at(&tables, 17), HS_RULE_BP, 16, 16));
    cr_expect(is_rule(rule_at(&tables, 0x3f), HS_RULE_BP, 16, 16));
}

Test(cfi, code_outside_every_function_has_only_its_frame_pointer)
{
    struct tables tables = MAKE("zR", PUSHING);

    cr_expect(eq(int, rule_at(&tables, 0x40).kind, HS_RULE_FRAME));
    cr_expect(eq(int, rule_at(&tables, (uint64_t)-1).kind, HS_RULE_FRAME));
}

Test(cfi, a_function_without_a_return_address_is_the_outermost)
{
    struct tables tables = MAKE("zR", "\x07\x10");

    cr_expect(eq(int, rule_at(&tables, 5).kind, HS_RULE_OUTERMOST));
}

Test(cfi, a_signal_frame_is_complex)
{
    struct tables tables = MAKE("zRS", PUSHING);

    cr_expect(eq(int, rule_at(&tables, 5).kind, HS_RULE_COMPLEX));
    cr_expect(eq(int, rule_at(&tables, 5).reason, HS_REASON_SIGNAL));
    cr_expect(eq(int, rule_at(&tables, 0x40).kind, HS_RULE_FRAME));
}

/* breg7 (sp) 8, breg16 (pc) 0, lit15, and, lit11, ge, lit3, shl, plus */
#define LINKAGE "\x0f\x0b\x77\x08\x80\x00\x3f\x1a\x3b\x2a\x33\x24\x22"

Test(cfi, knows_what_linkers_say_of_the_procedure_linkage_table)
{
    struct tables tables = MAKE("zR", "\x0e\x10\x46\x0e\x18\x4a" LINKAGE);
    uint64_t entry = 16 - (uint64_t)tables.bytes % 16;

    cr_expect(is_rule(rule_at(&tables, entry + 16), HS_RULE_SP, 8, 0));
    cr_expect(is_rule(rule_at(&tables, entry + 26), HS_RULE_SP, 8, 0));
    cr_expect(is_rule(rule_at(&tables, entry + 27), HS_RULE_SP, 16, 0));
    cr_expect(is_rule(rule_at(&tables, entry + 31), HS_RULE_SP, 16, 0));
    cr_expect(is_rule(rule_at(&tables, entry + 32), HS_RULE_SP, 8, 0));
}

Test(cfi, an_expression_like_that_of_the_linkage_table_is_complex)
{
    for (size_t at = 0; at < sizeof(LINKAGE) - 3; at++) {
        char program[] = LINKAGE;
        program[2 + at] = (char)(program[2 + at] + (at == 6 ? -16 : 64));
        struct tables tables = MAKE("zR", program);
        if (at == 1)
            cr_expect(eq(int, rule_at(&tables, 5).kind, HS_RULE_COMPLEX)); /* sp - 56 */
        else
            cr_expect(eq(int, rule_at(&tables, 5).reason, HS_REASON_EXPRESSION),
                      "byte %zu", at);
    }
}

/* CFA in the slot below bp, bp in the slot at bp */
#define REALIGNED "\x0f\x03\x76\x58\x06\x10\x06\x02\x76\x00"

Test(cfi, knows_frames_that_keep_their_cfa)
{
    struct tables tables = MAKE("zR", REALIGNED);

    cr_expect(is_rule(rule_at(&tables, 5), HS_RULE_REALIGNED, 40, 0));
}

Test(cfi, a_frame_that_keeps_its_cfa_otherwise_is_complex)
{
    static const struct {
        size_t at;
        char byte;
    } odd[] = {{2, 0x77}, {3, 0x08}, {3, 0x7c}, {4, 0x22}, {8, 0x77}, {9, 0x08}};

    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        char program[] = REALIGNED;
        program[odd[i].at] = odd[i].byte;
        struct tables tables = MAKE("zR", program);
        cr_expect(eq(int, rule_at(&tables, 5).kind, HS_RULE_COMPLEX), "change %zu", i);
    }
}

Test(cfi, what_no_rule_expresses_is_complex)
{
    static const struct {
        const char *program;
        size_t size;
        enum hs_rule_reason reason;
    } odd[] = {
        {"\x0f\x03\x77\x78\x06", 5, HS_REASON_EXPRESSION}, /* CFA is an expression */
        {"\x10\x06\x02\x76\x00", 5, HS_REASON_PLACE},      /* so is the place of bp */
        {"\x0c\x03\x00", 3, HS_REASON_REGISTER},           /* CFA in rbx */
        {"\x0c\x0a\x00", 3, HS_REASON_TABLE}, /* … in r10, which calls do not keep */
        {"\x0e\x0c", 2, HS_REASON_PLACE},     /* CFA = sp + 12 */
        {"\x0e\x00", 2, HS_REASON_PLACE},     /* … + 0 */
        {"\x0c\x06\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 13,
         HS_REASON_TABLE},                    /* … + 2^70 */
        {"\x09\x06\x03", 3, HS_REASON_PLACE}, /* bp in rbx */
        {"\x87\x02", 2, HS_REASON_PLACE},     /* sp saved */
        {"\x90\x02", 2, HS_REASON_PLACE},     /* the return address elsewhere */
        {"\x86\x01", 2, HS_REASON_PLACE},     /* bp where the return address is */
        {"\x0b", 1, HS_REASON_TABLE},         /* nothing was remembered */
        {"\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0a", 9, HS_REASON_TABLE}, /* too much */
        {"\x3f", 1, HS_REASON_TABLE},     /* no such instruction */
        {"\x0c\x07", 2, HS_REASON_PLACE}, /* cut: padding is an offset of 0 */
    };

    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        struct tables tables = tables_make("zR", odd[i].program, odd[i].size);
        struct hs_rule rule = rule_at(&tables, 5);
        cr_expect(eq(int, rule.kind, HS_RULE_COMPLEX), "program %zu", i);
        cr_expect(eq(int, rule.reason, odd[i].reason), "program %zu", i);
    }
}

Test(cfi, instructions_about_other_registers_change_nothing)
{
    struct tables tables =
        MAKE("zR", "\x83\x03\x05\x0c\x04\x10\x03\x02\x76\x00\x09\x0d\x0e\x2e\x10\xc3");

    cr_expect(is_rule(rule_at(&tables, 5), HS_RULE_SP, 8, 0));
}

/* The tables at the very end of readable memory. */
static uint8_t *at_the_edge(const struct tables *tables)
{
    uint8_t *pages =
        mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert(ne(ptr, pages, MAP_FAILED));
    cr_assert(eq(int, mprotect(pages + 4096, 4096, PROT_NONE), 0));
    uint8_t *start = pages + 4096 - (tables->used + 3) / 4 * 4;
    memcpy(start, tables->bytes, tables->used);
    return start;
}

Test(cfi, a_table_that_is_cut_is_complex_or_says_nothing)
{
    struct tables tables = MAKE("zR", PUSHING);
    uint64_t start = (uint64_t)at_the_edge(&tables);

    for (size_t size = 0; size < tables.used; size++) {
        struct hs_cfi_span span = {start, start + size};
        struct hs_rule rule = hs_cfi_rule(&span, start, start + CODE + 5);
        cr_expect(eq(int, rule.kind, HS_RULE_COMPLEX), "cut to %zu", size);
    }
}

Test(cfi, memory_that_cannot_be_read_is_complex)
{
    struct tables tables = MAKE("zR", PUSHING);
    uint64_t start = (uint64_t)at_the_edge(&tables);
    struct hs_cfi_span span = {start, start + 4096};

    /* The only entry's FDE is moved to the page behind. */
    memcpy((void *)(start + 16), &(uint32_t){(uint32_t)tables.used + 64}, 4);
    cr_expect(eq(int, hs_cfi_rule(&span, start, start + CODE + 5).kind, HS_RULE_COMPLEX));
    cr_expect(
        eq(int, hs_cfi_rule(&span, start + 2048, start + CODE).kind, HS_RULE_COMPLEX));
}

Test(cfi, any_byte_may_be_anything)
{
    struct tables tables = MAKE("zR", PUSHING);
    uint8_t *bytes = at_the_edge(&tables);
    uint64_t start = (uint64_t)bytes;
    struct hs_cfi_span span = {start, start + 4096};
    size_t n_rules = 0;

    for (size_t at = 0; at < tables.used; at++)
        for (unsigned value = 0; value < 256; value++) {
            bytes[at] = (uint8_t)value;
            struct hs_rule rule = hs_cfi_rule(&span, start, start + CODE + 17);
            n_rules += rule.kind == HS_RULE_BP;
            cr_assert(eq(u32, rule.cfa_offset % 8, 0));
            cr_assert(eq(u32, rule.bp_offset % 8, 0));
            bytes[at] = tables.bytes[at];
        }

    cr_expect(gt(sz, n_rules, tables.used)); /* each byte's own value at least */
}

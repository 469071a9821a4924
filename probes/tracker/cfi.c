// SPDX-License-Identifier: MIT

/*
 * From .eh_frame_hdr's sorted table to the FDE of an address, its CIE, and the programs
 * of both. Formats: LSB 10.6. Two answers besides a rule: no FDE covers the address
 * (HS_RULE_FRAME), or there is something here we do not understand (HS_RULE_COMPLEX).
 */

#include "probes/tracker/cfi.h"

#include <stddef.h>

#include "probes/tracker/cfi_program.h"
#include "probes/tracker/cfi_read.h"

/* An entry of the table: two 32-bit offsets from the header. */
#define ENTRY_SIZE 8
#define TABLE_ENCODING 0x3b

struct tables {
    const struct hs_cfi_span *span;
    uint64_t header;
    uint64_t entries, count;
};

/* One FDE or CIE: where its id field is, and a cursor that ends where it ends. */
struct record {
    uint64_t id_at;
    uint64_t id;
    struct hs_cursor body;
};

/* Rules speak of x86-64's registers. */
#if defined(__x86_64__)
#define HAS_RULES true
#else
#define HAS_RULES false
#endif

static const struct hs_rule broken_rule = {.kind = HS_RULE_COMPLEX,
                                           .reason = HS_REASON_TABLE};
static const struct hs_rule signal_rule = {.kind = HS_RULE_COMPLEX,
                                           .reason = HS_REASON_SIGNAL};
static const struct hs_rule frame_rule = {.kind = HS_RULE_FRAME};

static bool tables_open(struct tables *tables)
{
    struct hs_cursor cursor = hs_cursor_create(tables->span, tables->header);
    uint8_t version = (uint8_t)hs_cursor_read(&cursor, 1);
    uint8_t frame_encoding = (uint8_t)hs_cursor_read(&cursor, 1);
    uint8_t count_encoding = (uint8_t)hs_cursor_read(&cursor, 1);
    uint8_t table_encoding = (uint8_t)hs_cursor_read(&cursor, 1);
    if (cursor.failed || version != 1 || table_encoding != TABLE_ENCODING
        || frame_encoding == HS_POINTER_OMITTED || count_encoding == HS_POINTER_OMITTED)
        return false;
    hs_cursor_pointer(&cursor, frame_encoding, tables->header);
    tables->count = hs_cursor_pointer(&cursor, count_encoding, tables->header);
    tables->entries = cursor.at;
    return !cursor.failed && tables->count <= (cursor.end - cursor.at) / ENTRY_SIZE;
}

/* A field of entry `index`, made absolute. */
static uint64_t entry_read(struct hs_cursor *cursor, const struct tables *tables,
                           uint64_t index, unsigned field)
{
    cursor->at = tables->entries + index * ENTRY_SIZE + field * 4;
    return tables->header + (uint64_t)(int32_t)hs_cursor_read(cursor, 4);
}

/* The FDE of the last entry that begins at or before `pc`; 0 when there is none. */
static uint64_t find_fde(const struct tables *tables, uint64_t pc, bool *ret_failed)
{
    struct hs_cursor cursor = hs_cursor_create(tables->span, tables->header);
    uint64_t low = 0, high = tables->count;
    while (low < high && !cursor.failed) {
        uint64_t middle = low + (high - low) / 2;
        if (entry_read(&cursor, tables, middle, 0) <= pc)
            low = middle + 1;
        else
            high = middle;
    }
    uint64_t fde = low > 0 ? entry_read(&cursor, tables, low - 1, 1) : 0;
    *ret_failed = cursor.failed;
    return fde;
}

static bool record_open(const struct hs_cfi_span *span, uint64_t address,
                        struct record *ret)
{
    struct hs_cursor cursor = hs_cursor_create(span, address);
    uint64_t length = hs_cursor_read(&cursor, 4);
    /* 0 ends the section, 0xffffffff announces a 64-bit length. */
    if (cursor.failed || length < 4 || length >= 0xfffffff0u
        || length > cursor.end - cursor.at)
        return false;
    cursor.end = cursor.at + length;
    ret->id_at = cursor.at;
    ret->id = hs_cursor_read(&cursor, 4);
    ret->body = cursor;
    return !cursor.failed;
}

/* The function that handles exceptions is nothing to us, but others follow the pointer. */
static bool read_personality(const struct hs_cfi_common *common, struct hs_cursor *cursor)
{
    uint8_t encoding = (uint8_t)hs_cursor_read(cursor, 1);
    if (!(encoding & HS_POINTER_INDIRECT)) {
        hs_cursor_value(cursor, encoding);
        return true;
    }
    uint64_t pointer = hs_cursor_pointer(
        cursor, (uint8_t)(encoding & ~HS_POINTER_INDIRECT), common->header);
    return !cursor->failed && hs_cursor_can_reach(cursor, pointer);
}

/* The letters after 'z'. False: unknown ones, or a pointer that leads nowhere. */
static bool read_augmentation(struct hs_cfi_common *common, const char *letters,
                              struct hs_cursor *cursor)
{
    uint64_t size = hs_cursor_uleb(cursor);
    if (cursor->failed || size > cursor->end - cursor->at)
        return false;
    uint64_t next = cursor->at + size;
    for (const char *letter = letters; *letter && !cursor->failed; letter++) {
        switch (*letter) {
        case 'R':
            common->pointer_encoding = (uint8_t)hs_cursor_read(cursor, 1);
            break;
        case 'L':
            hs_cursor_read(cursor, 1);
            break;
        case 'P':
            if (!read_personality(common, cursor))
                return false;
            break;
        case 'S':
            common->is_signal = true;
            break;
        default:
            return false;
        }
    }
    if (cursor->failed || cursor->at > next)
        return false;
    cursor->at = next;
    return true;
}

static bool common_read(struct hs_cfi_common *common, const struct hs_cfi_span *span,
                        uint64_t address)
{
    struct record record;
    if (!record_open(span, address, &record) || record.id != 0)
        return false;
    struct hs_cursor *cursor = &record.body;
    uint64_t version = hs_cursor_read(cursor, 1);
    char letters[8] = "";
    for (size_t i = 0; (letters[i] = (char)hs_cursor_read(cursor, 1)) != '\0'; i++)
        if (i == sizeof(letters) - 1)
            return false;
    common->code_align = hs_cursor_uleb(cursor);
    common->data_align = hs_cursor_sleb(cursor);
    uint64_t return_register =
        version == 1 ? hs_cursor_read(cursor, 1) : hs_cursor_uleb(cursor);
    if (cursor->failed || (version != 1 && version != 3) || return_register != 16)
        return false;

    common->has_augmentation = letters[0] == 'z';
    if (letters[0] != '\0'
        && (letters[0] != 'z' || !read_augmentation(common, letters + 1, cursor)))
        return false;
    /* Initial instructions come before any location. */
    if (!hs_cfi_run(common, *cursor, 0, UINT64_MAX, &common->initial))
        return false;
    return true;
}

static struct hs_rule fde_rule(const struct tables *tables, uint64_t address, uint64_t pc)
{
    struct record fde;
    if (!record_open(tables->span, address, &fde) || fde.id == 0)
        return broken_rule;
    struct hs_cfi_common common = {.header = tables->header};
    if (!common_read(&common, tables->span, fde.id_at - fde.id))
        return broken_rule;

    struct hs_cursor *cursor = &fde.body;
    uint64_t start = hs_cursor_pointer(cursor, common.pointer_encoding, tables->header);
    uint64_t size = hs_cursor_value(cursor, common.pointer_encoding);
    if (common.has_augmentation)
        hs_cursor_skip(cursor, hs_cursor_uleb(cursor));
    if (cursor->failed || pc < start)
        return broken_rule;
    if (pc - start >= size)
        return frame_rule;
    if (common.is_signal)
        return signal_rule;
    struct hs_cfi_row row = common.initial;
    if (!hs_cfi_run(&common, *cursor, start, pc, &row))
        return broken_rule;
    return hs_cfi_row_rule(&row);
}

struct hs_rule hs_cfi_rule(const struct hs_cfi_span *span, uint64_t header, uint64_t pc)
{
    struct tables tables = {.span = span, .header = header};
    bool failed;
    if (!HAS_RULES || !tables_open(&tables))
        return broken_rule;
    uint64_t fde = find_fde(&tables, pc, &failed);
    if (failed)
        return broken_rule;
    return fde ? fde_rule(&tables, fde, pc) : frame_rule;
}

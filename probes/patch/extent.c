// SPDX-License-Identifier: MIT

/*
 * The sorted table of .eh_frame_hdr, in the one form that linkers write: pairs of 4-byte
 * distances from its own start, of a function and of its entry in .eh_frame.
 */

#include "probes/patch/extent.h"

#include <stddef.h>

#include "probes/tracker/cfi_read.h"
#include "probes/tracker/module_table.h"

#define PCREL_SDATA4 0x1b
#define UDATA4 0x03
#define DATAREL_SDATA4 0x3b

struct table {
    struct hs_cfi_span span;
    uint64_t header;
    uint64_t pairs; /* address of the first */
    uint64_t count;
};

static bool table_find(uint64_t address, struct table *ret)
{
    struct hs_module_unwind module;
    if (!hs_module_find_unwind(address, &module) || module.table == 0)
        return false;
    struct table table = {.span = {module.start, module.end}, .header = module.table};
    struct hs_cursor cursor = hs_cursor_create(&table.span, table.header);
    uint64_t version = hs_cursor_read(&cursor, 1);
    uint64_t frame_form = hs_cursor_read(&cursor, 1);
    uint64_t count_form = hs_cursor_read(&cursor, 1);
    uint64_t table_form = hs_cursor_read(&cursor, 1);
    hs_cursor_read(&cursor, 4);
    table.count = hs_cursor_read(&cursor, 4);
    table.pairs = cursor.at;
    if (cursor.failed || version != 1 || frame_form != PCREL_SDATA4
        || count_form != UDATA4 || table_form != DATAREL_SDATA4
        || table.count > (table.span.end - table.pairs) / 8)
        return false;
    *ret = table;
    return true;
}

/* Start of function `index`, and its entry; 0 when it cannot be read. */
static uint64_t table_read(const struct table *table, uint64_t index, uint64_t *ret_entry)
{
    struct hs_cursor cursor = hs_cursor_create(&table->span, table->pairs + index * 8);
    uint64_t start = table->header + (uint64_t)(int32_t)hs_cursor_read(&cursor, 4);
    *ret_entry = table->header + (uint64_t)(int32_t)hs_cursor_read(&cursor, 4);
    return cursor.failed ? 0 : start;
}

/* An entry: its length, the distance to what it has in common with others, the start of
 * the function relative to this very place, its size. */
static uint64_t entry_size(const struct table *table, uint64_t entry, uint64_t address)
{
    struct hs_cursor cursor = hs_cursor_create(&table->span, entry);
    uint64_t length = hs_cursor_read(&cursor, 4);
    hs_cursor_read(&cursor, 4);
    uint64_t at = cursor.at;
    uint64_t start = at + (uint64_t)(int32_t)hs_cursor_read(&cursor, 4);
    uint64_t size = hs_cursor_read(&cursor, 4);
    return cursor.failed || length < 12 || length == UINT32_MAX || start != address
               ? 0
               : size;
}

static bool find_in_table(uint64_t address, struct hs_extent *ret)
{
    struct table table;
    if (!table_find(address, &table))
        return false;
    uint64_t low = 0, high = table.count, entry = 0, next_entry;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        uint64_t start = table_read(&table, middle, &entry);
        if (start == 0)
            return false;
        if (start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || table_read(&table, low - 1, &entry) != address)
        return false;
    uint64_t size = entry_size(&table, entry, address);
    uint64_t next = low < table.count ? table_read(&table, low, &next_entry) : 0;
    if (size == 0 || size > table.span.end - address)
        return false;
    ret->size = size;
    ret->room = next > address + size && next <= table.span.end ? next - address : size;
    return true;
}

/* What compilers align functions to; the code that moves one looks at the padding. */
static struct hs_extent by_symbol(uint64_t address, uint64_t size)
{
    uint64_t end = (address + size + 15) & ~(uint64_t)15;
    return (struct hs_extent){.size = size, .room = end - address};
}

bool hs_extent_find(uint64_t address, uint64_t symbol_size, struct hs_extent *ret)
{
    struct hs_extent extent;
    struct hs_module_unwind module;
    if (!find_in_table(address, &extent)) {
        if (symbol_size == 0 || !hs_module_find_unwind(address, &module)
            || symbol_size > module.end - address)
            return false;
        extent = by_symbol(address, symbol_size);
    }
    uint64_t last = (address + extent.size - 1) & ~(uint64_t)7;
    if (!hs_memory_is_readable(address) || !hs_memory_is_readable(last))
        return false;
    *ret = extent;
    return true;
}

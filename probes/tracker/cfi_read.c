// SPDX-License-Identifier: MIT

/*
 * The cursor. Pages are tested with a system call that reads eight bytes and then finds
 * its other argument wrong: it works where opening files or pipes is forbidden.
 */

#include "probes/tracker/cfi_read.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "probes/tracker/raw.h"
#include "probes/tracker/rules.h"

#define PAGE_MASK (~(uint64_t)4095)

bool hs_memory_is_readable(uint64_t address)
{
    const int no_such_operation = -1;
    return hs_raw(SYS_rt_sigprocmask, no_such_operation, address, NULL, 8) == -EINVAL;
}

struct hs_cursor hs_cursor_create(const struct hs_cfi_span *span, uint64_t at)
{
    bool is_inside = at >= span->start && at < span->end;
    return (struct hs_cursor){
        .at = at, .end = span->end, .page = 1, .failed = !is_inside};
}

/* Pages of unwind tables that were found readable, and the generation of rules in which:
 * they are part of a module, and stay as long as it does. */
#define KNOWN_PAGES 2048
#define GENERATION_SHIFT 36
static uint64_t known[KNOWN_PAGES];

/* Whole words on their own pages only, so a probe never straddles two. */
static bool is_readable(struct hs_cursor *cursor, uint64_t address)
{
    uint64_t page = address & PAGE_MASK;
    if (page == cursor->page)
        return true;
    uint64_t generation = __atomic_load_n(&hs_rules_generation, __ATOMIC_RELAXED);
    uint64_t mark = page / 4096 | (generation + 1) << GENERATION_SHIFT;
    uint64_t *place = &known[page / 4096 % KNOWN_PAGES];
    if (__atomic_load_n(place, __ATOMIC_RELAXED) != mark) {
        if (!hs_memory_is_readable(page))
            return false;
        __atomic_store_n(place, mark, __ATOMIC_RELAXED);
    }
    cursor->page = page;
    return true;
}

bool hs_cursor_can_reach(const struct hs_cursor *cursor, uint64_t address)
{
    struct hs_cursor other = *cursor;
    return is_readable(&other, address) && is_readable(&other, address + 7);
}

uint64_t hs_cursor_read(struct hs_cursor *cursor, unsigned size)
{
    uint64_t value = 0;
    if (cursor->failed || cursor->end - cursor->at < size
        || !is_readable(cursor, cursor->at)
        || !is_readable(cursor, cursor->at + size - 1)) {
        cursor->failed = true;
        return 0;
    }
    memcpy(&value, (const void *)cursor->at, size);
    cursor->at += size;
    return value;
}

uint64_t hs_cursor_uleb(struct hs_cursor *cursor)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 63; shift += 7) {
        uint64_t byte = hs_cursor_read(cursor, 1);
        value |= (byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
    cursor->failed = true;
    return 0;
}

int64_t hs_cursor_sleb(struct hs_cursor *cursor)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 63; shift += 7) {
        uint64_t byte = hs_cursor_read(cursor, 1);
        value |= (byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            if (byte & 0x40)
                value |= UINT64_MAX << (shift + 7);
            return (int64_t)value;
        }
    }
    cursor->failed = true;
    return 0;
}

void hs_cursor_skip(struct hs_cursor *cursor, uint64_t size)
{
    if (cursor->failed || cursor->end - cursor->at < size)
        cursor->failed = true;
    else
        cursor->at += size;
}

uint64_t hs_cursor_value(struct hs_cursor *cursor, uint8_t encoding)
{
    switch (encoding & HS_POINTER_FORM) {
    case 0x00: /* a machine word */
    case 0x04:
    case 0x0c:
        return hs_cursor_read(cursor, 8);
    case 0x01:
        return hs_cursor_uleb(cursor);
    case 0x02:
        return hs_cursor_read(cursor, 2);
    case 0x03:
        return hs_cursor_read(cursor, 4);
    case 0x09:
        return (uint64_t)hs_cursor_sleb(cursor);
    case 0x0a:
        return (uint64_t)(int16_t)hs_cursor_read(cursor, 2);
    case 0x0b:
        return (uint64_t)(int32_t)hs_cursor_read(cursor, 4);
    }
    cursor->failed = true;
    return 0;
}

uint64_t hs_cursor_pointer(struct hs_cursor *cursor, uint8_t encoding, uint64_t base)
{
    uint64_t place = cursor->at;
    uint64_t value = hs_cursor_value(cursor, encoding);
    switch (encoding & ~HS_POINTER_FORM) {
    case 0x00:
        return value;
    case 0x10: /* relative to its own place */
        return place + value;
    case 0x30: /* relative to the header */
        return base + value;
    }
    cursor->failed = true;
    return 0;
}

// SPDX-License-Identifier: MIT

/*
 * Reading bytes that may lie: a cursor that stops at its end, or at a page that cannot be
 * read, and says so afterwards. A failed cursor reads zeros.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_CFI_READ_H
#define HEAPSNAP_PROBES_TRACKER_CFI_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "probes/tracker/cfi.h"

struct hs_cursor {
    uint64_t at, end;
    uint64_t page; /* the last one found readable */
    bool failed;
};

/* How a pointer is stored: DW_EH_PE_*. */
enum {
    HS_POINTER_OMITTED = 0xff,
    HS_POINTER_FORM = 0x0f,
    HS_POINTER_RELATION = 0x70,
    HS_POINTER_INDIRECT = 0x80, /* the pointer is where this one points */
};

/* Can the 8 bytes at `address` be read? Asks the kernel; no descriptor, no side effect. */
bool hs_memory_is_readable(uint64_t address);

/* Failed from the start when `at` is not in the span. */
struct hs_cursor hs_cursor_create(const struct hs_cfi_span *span, uint64_t at);

/* Can the word at `address` be read, wherever it is? */
bool hs_cursor_can_reach(const struct hs_cursor *cursor, uint64_t address);

uint64_t hs_cursor_read(struct hs_cursor *cursor, unsigned size); /* 1, 2, 4 or 8 */
uint64_t hs_cursor_uleb(struct hs_cursor *cursor);
int64_t hs_cursor_sleb(struct hs_cursor *cursor);
void hs_cursor_skip(struct hs_cursor *cursor, uint64_t size);

/* A number in the form of `encoding`, and a pointer: the same relative to its place or to
 * `base`. Indirect and aligned ones fail. */
uint64_t hs_cursor_value(struct hs_cursor *cursor, uint8_t encoding);
uint64_t hs_cursor_pointer(struct hs_cursor *cursor, uint8_t encoding, uint64_t base);

#endif

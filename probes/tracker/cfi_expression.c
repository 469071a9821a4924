// SPDX-License-Identifier: MIT

/*
 * Expressions compared with the few that occur; DWARF 5 section 2.5. A machine for all of
 * them would never get to do anything else.
 */

#include "probes/tracker/cfi_expression.h"

#include <stddef.h>

#define DEREF 0x06
#define LIT0 0x30
#define BREG0 0x70

static bool take_sum(struct hs_cursor *block, uint64_t number, int64_t *ret_offset)
{
    if (hs_cursor_read(block, 1) != BREG0 + number)
        return false;
    int64_t offset = hs_cursor_sleb(block);
    if (block->failed || offset < INT32_MIN || offset > INT32_MAX)
        return false;
    *ret_offset = offset;
    return true;
}

static bool take_bytes(struct hs_cursor *block, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (hs_cursor_read(block, 1) != bytes[i] || block->failed)
            return false;
    return true;
}

bool hs_cfi_read_sum(struct hs_cursor block, uint64_t number, int64_t *ret_offset)
{
    return take_sum(&block, number, ret_offset) && block.at == block.end;
}

bool hs_cfi_read_loaded(struct hs_cursor block, uint64_t number, int64_t *ret_offset)
{
    static const uint8_t deref[] = {DEREF};
    return take_sum(&block, number, ret_offset) && take_bytes(&block, deref, 1)
           && block.at == block.end;
}

bool hs_cfi_read_linkage(struct hs_cursor block, uint64_t pc, int64_t *ret_offset)
{
    /* breg16 (the pc) 0, lit15, and, [litN,] ge, lit3, shl, plus */
    static const uint8_t head[] = {BREG0 + HS_REGISTER_RETURN, 0x00, LIT0 + 15, 0x1a};
    static const uint8_t tail[] = {0x2a, LIT0 + 3, 0x24, 0x22};
    int64_t offset;
    if (!take_sum(&block, HS_REGISTER_SP, &offset)
        || !take_bytes(&block, head, sizeof(head)))
        return false;
    uint64_t bound = hs_cursor_read(&block, 1) - LIT0;
    if (bound > 15 || !take_bytes(&block, tail, sizeof(tail)) || block.at != block.end)
        return false;
    *ret_offset = offset + ((pc & 15) >= bound ? 8 : 0);
    return true;
}

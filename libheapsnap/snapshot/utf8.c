// SPDX-License-Identifier: MIT

/*
 * The table of well-formed UTF-8 (Unicode 15, table 3-7) as code. ASCII is skipped eight
 * bytes at a time, because nearly all names are ASCII.
 */

#include "libheapsnap/snapshot/utf8.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static bool is_tail(unsigned char byte)
{
    return (byte & 0xc0) == 0x80;
}

size_t hs_utf8_length(const char *text, size_t size)
{
    const unsigned char *at = (const unsigned char *)text;
    if (at[0] < 0x80)
        return 1;
    if (at[0] >= 0xc2 && at[0] <= 0xdf)
        return size >= 2 && is_tail(at[1]) ? 2 : 0;
    if (at[0] >= 0xe0 && at[0] <= 0xef) {
        if (size < 3 || !is_tail(at[1]) || !is_tail(at[2]))
            return 0;
        bool is_overlong = at[0] == 0xe0 && at[1] < 0xa0;
        bool is_surrogate = at[0] == 0xed && at[1] >= 0xa0;
        return is_overlong || is_surrogate ? 0 : 3;
    }
    if (at[0] >= 0xf0 && at[0] <= 0xf4) {
        if (size < 4 || !is_tail(at[1]) || !is_tail(at[2]) || !is_tail(at[3]))
            return 0;
        bool is_overlong = at[0] == 0xf0 && at[1] < 0x90;
        bool is_beyond = at[0] == 0xf4 && at[1] >= 0x90;
        return is_overlong || is_beyond ? 0 : 4;
    }
    return 0;
}

size_t hs_utf8_ascii_run(const char *text, size_t size)
{
    size_t run = 0;
    uint64_t word;
    while (size - run >= sizeof(word)) {
        memcpy(&word, text + run, sizeof(word));
        if (word & UINT64_C(0x8080808080808080))
            break;
        run += sizeof(word);
    }
    while (run < size && !(text[run] & 0x80))
        run++;
    return run;
}

size_t hs_utf8_encode(unsigned code, char *out)
{
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        code = 0xfffd;
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

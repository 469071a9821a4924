// SPDX-License-Identifier: MIT

/*
 * A place in a JSON text that may be hostile and gigabytes long.
 *
 * Number arrays go straight into columns, so there is no tree and no event per value: a
 * caller walks forward and says what it expects. Every function that returns false has
 * described the failure, with the byte offset, in `err`.
 */

#ifndef HEAPSNAP_SNAPSHOT_CURSOR_H
#define HEAPSNAP_SNAPSHOT_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heapsnap/error.h"

struct hs_cursor {
    const char *path; /* for messages */
    const char *start, *at, *end;
    struct hs_error *err;
};

/* "FILE: byte N: expected WHAT"; returns false. */
bool hs_cursor_expected(const struct hs_cursor *cursor, const char *what);
/* The same with a sentence of the caller's. */
bool hs_cursor_fail(const struct hs_cursor *cursor, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void hs_cursor_skip_space(struct hs_cursor *cursor);
/* Skip space and step over `wanted`; false, saying nothing, when something else is there. */
bool hs_cursor_accept(struct hs_cursor *cursor, char wanted);
bool hs_cursor_expect(struct hs_cursor *cursor, char wanted, const char *what);

/* Step over a string and find its raw bytes between the quotes. */
bool hs_cursor_string(struct hs_cursor *cursor, const char **ret_text, size_t *ret_size);
/* Step over any value. Nesting deeper than 1000 is refused. */
bool hs_cursor_skip_value(struct hs_cursor *cursor);

/*
 * Decode a string into `out`, NUL-terminated, and set `*out` behind it. Needs at most as
 * many bytes as the string takes in the file, quotes included. What a C string cannot
 * hold or UTF-8 does not know is replaced: NUL by U+2400, lone surrogates by U+FFFD, bytes
 * that are no UTF-8 by '?'.
 */
bool hs_cursor_decode(struct hs_cursor *cursor, char **out);

/*
 * Numbers of an array. begin() steps over '[' and makes sure that there is a ']', which
 * then stops the fast loop; hs_cursor_number() gives the next number, at most `limit`;
 * finish() steps over ']'. `what` names the numbers in messages.
 */
bool hs_cursor_numbers_begin(struct hs_cursor *cursor);
bool hs_cursor_numbers_slow(struct hs_cursor *cursor, bool is_first, uint64_t *ret,
                            uint64_t limit, const char *what);
bool hs_cursor_numbers_finish(struct hs_cursor *cursor, const char *what);

/* The common case inline: ",123" or "\n,123" with few digits. */
static inline bool hs_cursor_number(struct hs_cursor *cursor, bool is_first,
                                    uint64_t *ret, uint64_t limit, const char *what)
{
    const char *at = cursor->at;
    if (!is_first) {
        if (*at == '\n')
            at++;
        if (*at != ',')
            return hs_cursor_numbers_slow(cursor, is_first, ret, limit, what);
        at++;
    }
    unsigned digit = (unsigned)(unsigned char)*at - '0';
    if (digit > 9)
        return hs_cursor_numbers_slow(cursor, is_first, ret, limit, what);
    uint64_t number = digit;
    const char *first = at++;
    while ((digit = (unsigned)(unsigned char)*at - '0') <= 9) {
        number = number * 10 + digit;
        at++;
    }
    if (at - first > 18 || number > limit)
        return hs_cursor_numbers_slow(cursor, is_first, ret, limit, what);
    cursor->at = at;
    *ret = number;
    return true;
}

#endif

// SPDX-License-Identifier: MIT

/*
 * Walking over JSON without recursion and without copying, except for strings that are
 * kept. What is kept must be JSON to the letter; in what is skipped, structure and strings
 * are checked, because a mistake there would let us resume in the wrong place.
 */

#include "libheapsnap/snapshot/cursor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "libheapsnap/snapshot/utf8.h"

#define DEPTH_LIMIT 1000

bool hs_cursor_fail(const struct hs_cursor *cursor, const char *format, ...)
{
    char reason[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof(reason), format, arguments);
    va_end(arguments);
    hs_error_set(cursor->err, EINVAL, "%s: byte %zu: %s", cursor->path,
                 (size_t)(cursor->at - cursor->start), reason);
    return false;
}

bool hs_cursor_expected(const struct hs_cursor *cursor, const char *what)
{
    if (cursor->at >= cursor->end)
        return hs_cursor_fail(cursor,
                              "the file ends here, but %s should follow; it was "
                              "not written or copied completely",
                              what);
    return hs_cursor_fail(cursor, "expected %s", what);
}

void hs_cursor_skip_space(struct hs_cursor *cursor)
{
    while (cursor->at < cursor->end
           && (*cursor->at == ' ' || *cursor->at == '\n' || *cursor->at == '\r'
               || *cursor->at == '\t'))
        cursor->at++;
}

bool hs_cursor_accept(struct hs_cursor *cursor, char wanted)
{
    hs_cursor_skip_space(cursor);
    if (cursor->at >= cursor->end || *cursor->at != wanted)
        return false;
    cursor->at++;
    return true;
}

bool hs_cursor_expect(struct hs_cursor *cursor, char wanted, const char *what)
{
    return hs_cursor_accept(cursor, wanted) || hs_cursor_expected(cursor, what);
}

bool hs_cursor_string(struct hs_cursor *cursor, const char **ret_text, size_t *ret_size)
{
    if (!hs_cursor_expect(cursor, '"', "a string"))
        return false;
    const char *text = cursor->at;
    while (cursor->at < cursor->end && *cursor->at != '"') {
        if ((unsigned char)*cursor->at < 0x20)
            return hs_cursor_expected(cursor, "no control character in a string");
        cursor->at += *cursor->at == '\\' ? 2 : 1;
    }
    if (cursor->at >= cursor->end) {
        cursor->at = cursor->end;
        return hs_cursor_expected(cursor, "the end of a string");
    }
    *ret_text = text;
    *ret_size = (size_t)(cursor->at - text);
    cursor->at++;
    return true;
}

/* A number or one of true, false, null: letters, digits, sign and point. */
static bool skip_scalar(struct hs_cursor *cursor)
{
    const char *first = cursor->at;
    while (cursor->at < cursor->end
           && ((*cursor->at >= '0' && *cursor->at <= '9')
               || (*cursor->at >= 'a' && *cursor->at <= 'z') || *cursor->at == '-'
               || *cursor->at == '+' || *cursor->at == '.' || *cursor->at == 'E'))
        cursor->at++;
    return cursor->at > first || hs_cursor_expected(cursor, "a value");
}

static bool skip_key(struct hs_cursor *cursor)
{
    const char *text;
    size_t size;
    return hs_cursor_string(cursor, &text, &size)
           && hs_cursor_expect(cursor, ':', "':' after a name");
}

bool hs_cursor_skip_value(struct hs_cursor *cursor)
{
    char closers[DEPTH_LIMIT];
    int depth = 0;
    for (;;) {
        hs_cursor_skip_space(cursor);
        char first = cursor->at < cursor->end ? *cursor->at : '\0';
        if (first == '{' || first == '[') {
            if (depth == DEPTH_LIMIT)
                return hs_cursor_fail(cursor, "nested deeper than %d", DEPTH_LIMIT);
            cursor->at++;
            closers[depth++] = first == '{' ? '}' : ']';
            if (!hs_cursor_accept(cursor, closers[depth - 1])) {
                if (first == '{' && !skip_key(cursor))
                    return false;
                continue;
            }
            depth--;
        } else if (first == '"') {
            const char *text;
            size_t size;
            if (!hs_cursor_string(cursor, &text, &size))
                return false;
        } else if (!skip_scalar(cursor)) {
            return false;
        }
        while (depth > 0 && hs_cursor_accept(cursor, closers[depth - 1]))
            depth--;
        if (depth == 0)
            return true;
        if (!hs_cursor_expect(cursor, ',', "',' or the end of a list"))
            return false;
        if (closers[depth - 1] == '}' && !skip_key(cursor))
            return false;
    }
}

static int hex_digit(char character)
{
    if (character >= '0' && character <= '9')
        return character - '0';
    if (character >= 'a' && character <= 'f')
        return character - 'a' + 10;
    if (character >= 'A' && character <= 'F')
        return character - 'A' + 10;
    return -1;
}

/* The code unit of "\uXXXX" at `at`, or -1. */
static int unit_at(const struct hs_cursor *cursor, const char *at)
{
    if (cursor->end - at < 6 || at[0] != '\\' || at[1] != 'u')
        return -1;
    int unit = 0;
    for (int i = 2; i < 6; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

static bool decode_unit(struct hs_cursor *cursor, char **out)
{
    int unit = unit_at(cursor, cursor->at);
    if (unit < 0)
        return hs_cursor_expected(cursor, "four hexadecimal digits after \\u");
    cursor->at += 6;
    unsigned code = (unsigned)unit;
    if (unit >= 0xd800 && unit <= 0xdbff) {
        int low = unit_at(cursor, cursor->at);
        if (low >= 0xdc00 && low <= 0xdfff) {
            code = 0x10000 + ((unsigned)(unit - 0xd800) << 10) + (unsigned)(low - 0xdc00);
            cursor->at += 6;
        }
    }
    *out += hs_utf8_encode(code == 0 ? 0x2400 : code, *out);
    return true;
}

static bool decode_escape(struct hs_cursor *cursor, char **out)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    char name = cursor->end - cursor->at > 1 ? cursor->at[1] : '\0';
    if (name == 'u')
        return decode_unit(cursor, out);
    const char *found = name ? strchr(names, name) : NULL;
    if (!found)
        return hs_cursor_expected(cursor, "an escape that JSON knows");
    *(*out)++ = values[found - names];
    cursor->at += 2;
    return true;
}

/* Copy bytes that need no thought, eight at a time: no quote, no backslash, no control
 * character, no byte above 0x7f. */
static void copy_plain(struct hs_cursor *cursor, char **out)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
    const char *at = cursor->at;
    char *to = *out;
    uint64_t word;
    while (cursor->end - at >= (ptrdiff_t)sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        uint64_t quote = word ^ (ones * '"'), escape = word ^ (ones * '\\');
        if (((word - ones * 0x20) | (quote - ones) | (escape - ones) | word) & tops)
            break;
        memcpy(to, &word, sizeof(word));
        at += sizeof(word);
        to += sizeof(word);
    }
    while (at < cursor->end && (unsigned char)*at >= 0x20 && *at != '"' && *at != '\\'
           && !(*at & 0x80))
        *to++ = *at++;
    cursor->at = at;
    *out = to;
}

bool hs_cursor_decode(struct hs_cursor *cursor, char **out)
{
    if (!hs_cursor_expect(cursor, '"', "a string"))
        return false;
    for (;;) {
        copy_plain(cursor, out);
        if (cursor->at >= cursor->end)
            return hs_cursor_expected(cursor, "the end of a string");
        if (*cursor->at == '"')
            break;
        if (*cursor->at == '\\') {
            if (!decode_escape(cursor, out))
                return false;
        } else if ((unsigned char)*cursor->at < 0x20) {
            return hs_cursor_expected(cursor, "no control character in a string");
        } else {
            size_t length =
                hs_utf8_length(cursor->at, (size_t)(cursor->end - cursor->at));
            if (length > 0)
                memcpy(*out, cursor->at, length);
            else
                **out = '?';
            length = length ? length : 1;
            *out += length;
            cursor->at += length;
        }
    }
    cursor->at++;
    *(*out)++ = '\0';
    return true;
}

bool hs_cursor_numbers_begin(struct hs_cursor *cursor)
{
    if (!hs_cursor_expect(cursor, '[', "'[' and numbers"))
        return false;
    if (!memchr(cursor->at, ']', (size_t)(cursor->end - cursor->at))) {
        cursor->at = cursor->end;
        return hs_cursor_expected(cursor, "']'");
    }
    return true;
}

bool hs_cursor_numbers_slow(struct hs_cursor *cursor, bool is_first, uint64_t *ret,
                            uint64_t limit, const char *what)
{
    if (!is_first && !hs_cursor_expect(cursor, ',', what))
        return false;
    hs_cursor_skip_space(cursor);
    const char *first = cursor->at;
    uint64_t number = 0;
    const char *at = first;
    for (; *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(number, 10, &number)
            || __builtin_add_overflow(number, (uint64_t)(*at - '0'), &number))
            number = UINT64_MAX;
    if (at == first)
        return hs_cursor_expected(cursor, what);
    if (number > limit)
        return hs_cursor_fail(cursor, "expected %s of at most %llu", what,
                              (unsigned long long)limit);
    cursor->at = at;
    *ret = number;
    return true;
}

bool hs_cursor_numbers_finish(struct hs_cursor *cursor, const char *what)
{
    return hs_cursor_expect(cursor, ']', what);
}

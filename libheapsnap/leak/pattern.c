// SPDX-License-Identifier: MIT

/*
 * Both matchers go back to the last "*" only, which is enough: an earlier one can give
 * nothing that the later one could not.
 */

#include "libheapsnap/leak/pattern.h"

#include <stddef.h>
#include <string.h>

/* The first place at or behind `text` where `size` bytes of `piece` stand. */
static const char *find_piece(const char *text, const char *piece, size_t size)
{
    for (; strnlen(text, size) == size; text++)
        if (memcmp(text, piece, size) == 0)
            return text;
    return NULL;
}

static bool ends_with(const char *text, const char *piece, size_t size)
{
    size_t length = strlen(text);
    return length >= size && memcmp(text + length - size, piece, size) == 0;
}

bool hs_pattern_is_in(const char *pattern, const char *text)
{
    if (!*text)
        return false;
    bool is_fixed = *pattern == '^'; /* the next piece stands right here */
    pattern += is_fixed;
    for (;;) {
        size_t size = strcspn(pattern, "*$");
        char stop = pattern[size];
        if (stop == '$') {
            bool is_here = !is_fixed || strlen(text) == size;
            return is_here && ends_with(text, pattern, size);
        }
        const char *at = find_piece(text, pattern, size);
        if (!at || (is_fixed && at != text))
            return false;
        if (stop == '\0')
            return true;
        text = at + size;
        pattern += size + 1;
        is_fixed = false;
    }
}

bool hs_pattern_is_all(const char *pattern, const char *text)
{
    const char *star = NULL, *retry = NULL;
    while (*text) {
        bool is_escaped = pattern[0] == '\\' && pattern[1];
        if (*pattern == '*') {
            star = pattern++;
            retry = text;
        } else if (*pattern == '?' || pattern[is_escaped] == *text) {
            pattern += 1 + is_escaped;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

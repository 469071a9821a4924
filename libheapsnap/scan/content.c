// SPDX-License-Identifier: MIT

/*
 * Asked for every block there is, so both answers are made for the common case: the word
 * is outside of every module, and the first byte is no text.
 */

#include "libheapsnap/scan/content.h"

#define BYTES(byte) (0x0101010101010101ull * (byte))
#define REST_LIMIT 256u /* of what follows a NUL: enough to tell numbers from text */

/* ---- words that point into modules ---- */

/* The index of the range before the widest gap in [first, last), or `last`: no gap. */
static size_t widest_gap(const struct hs_content_range *ranges, size_t first, size_t last)
{
    size_t widest = last;
    uint64_t width = 0;
    for (size_t i = first; i < last; i++)
        if (ranges[i + 1].start - ranges[i].end > width) {
            width = ranges[i + 1].start - ranges[i].end;
            widest = i;
        }
    return widest;
}

/* Cut the island with the widest gap in two; islands hold indexes here. False: no gap. */
static bool split(const struct hs_content_range *ranges, size_t first[], size_t last[],
                  uint32_t count)
{
    uint32_t chosen = count;
    size_t cut = 0;
    uint64_t width = 0;
    for (uint32_t i = 0; i < count; i++) {
        size_t gap = widest_gap(ranges, first[i], last[i]);
        if (gap == last[i] || ranges[gap + 1].start - ranges[gap].end <= width)
            continue;
        width = ranges[gap + 1].start - ranges[gap].end;
        chosen = i;
        cut = gap;
    }
    if (chosen == count)
        return false;
    first[count] = cut + 1;
    last[count] = last[chosen];
    last[chosen] = cut;
    return true;
}

void hs_content_modules_init(struct hs_content_modules *modules,
                             const struct hs_content_range *ranges, size_t count)
{
    size_t first[HS_CONTENT_ISLANDS] = {0}, last[HS_CONTENT_ISLANDS] = {0};
    uint32_t n_islands = 1;

    *modules = (struct hs_content_modules){.ranges = ranges, .count = count};
    if (count == 0)
        return;
    modules->low = ranges[0].start;
    modules->span = ranges[count - 1].end - ranges[0].start;
    last[0] = count - 1;
    while (n_islands < HS_CONTENT_ISLANDS && split(ranges, first, last, n_islands))
        n_islands++;
    for (uint32_t i = 0; i < n_islands; i++)
        modules->islands[i] =
            (struct hs_content_range){ranges[first[i]].start, ranges[last[i]].end};
}

static bool is_in_island(const struct hs_content_modules *modules, uint64_t word)
{
    bool is_inside = false;
    for (uint32_t i = 0; i < HS_CONTENT_ISLANDS; i++)
        is_inside |= word - modules->islands[i].start
                     < modules->islands[i].end - modules->islands[i].start;
    return is_inside;
}

static bool is_in_module(const struct hs_content_modules *modules, uint64_t word)
{
    size_t low = 0, high = modules->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (modules->ranges[middle].end <= word)
            low = middle + 1;
        else
            high = middle;
    }
    return low < modules->count && modules->ranges[low].start <= word;
}

uint32_t hs_content_module_words(const struct hs_content_modules *modules,
                                 const void *memory, size_t size)
{
    const uint64_t *words = memory;
    const uint64_t low = modules->low, span = modules->span;
    size_t count = size / 8 < HS_CONTENT_WORDS ? size / 8 : HS_CONTENT_WORDS;
    uint32_t found = 0;

    if ((uintptr_t)memory & 7)
        return 0;
    for (size_t i = 0; i < count; i++)
        if (words[i] - low < span && is_in_island(modules, words[i])
            && is_in_module(modules, words[i]))
            found |= 1u << i;
    return found;
}

/* ---- text ---- */

static bool is_plain(uint8_t byte)
{
    return (byte >= 0x20 && byte < 0x7f) || (byte >= '\t' && byte <= '\r')
           || byte == 0x1b;
}

/* Eight characters of 0x20 to 0x7e? No byte borrows from the next, once none is above. */
static bool are_plain(const uint8_t *bytes)
{
    uint64_t word;
    __builtin_memcpy(&word, bytes, 8);
    uint64_t delete = word ^ BYTES(0x7f);
    return !((word | (word - BYTES(0x20)) | (delete - BYTES(0x01))) & BYTES(0x80));
}

/* Bytes of the character of two to four bytes at `bytes`, 0 when it is none: no overlong
 * form, no surrogate, no control character (Unicode 15, table 3-7). */
static size_t multibyte(const uint8_t *bytes, size_t size)
{
    uint8_t lead = bytes[0], low = 0x80, high = 0xbf;
    size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;

    if (lead < 0xc2 || lead > 0xf4 || size < length)
        return 0;
    if (lead == 0xc2 || lead == 0xe0)
        low = 0xa0;
    else if (lead == 0xf0)
        low = 0x90;
    else if (lead == 0xed)
        high = 0x9f;
    else if (lead == 0xf4)
        high = 0x8f;
    if (bytes[1] < low || bytes[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

/* Bytes of characters from `bytes` on, up to the first that is none. */
static size_t run(const uint8_t *bytes, size_t size)
{
    size_t at = 0;
    while (at < size) {
        if (at + 8 <= size && are_plain(bytes + at)) {
            at += 8;
            continue;
        }
        if (bytes[at] < 0x80) {
            if (!is_plain(bytes[at]))
                return at;
            at++;
            continue;
        }
        size_t length = multibyte(bytes + at, size - at);
        if (length == 0)
            return at;
        at += length;
    }
    return at;
}

/* Nothing but texts and zeros? */
static bool is_clean(const uint8_t *bytes, size_t size)
{
    size_t at = 0;
    while (at < size) {
        at += run(bytes + at, size - at);
        if (at < size && bytes[at])
            return false;
        at++;
    }
    return true;
}

size_t hs_content_text(const void *memory, size_t size)
{
    const uint8_t *bytes = memory;
    size_t seen = size < HS_CONTENT_TEXT_LIMIT ? size : HS_CONTENT_TEXT_LIMIT;
    size_t length = run(bytes, seen);

    if (length == 0)
        return 0;
    if (length == size)
        return length >= 4 || (length >= 2 && size % 4) ? length : 0;
    if (seen < size && length + 4 > seen)
        return length; /* the limit may cut a character */
    if (bytes[length])
        return 0;
    size_t rest = size - length - 1;
    if (rest == 0)
        return length;
    if (length < (rest < 8 ? 4 : 5))
        return 0;
    if (length >= rest)
        return length;
    return is_clean(bytes + length + 1, rest < REST_LIMIT ? rest : REST_LIMIT) ? length
                                                                               : 0;
}

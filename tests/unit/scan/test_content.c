// SPDX-License-Identifier: MIT

/* What a block's bytes say about it. */

#include "libheapsnap/scan/content.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- words that point into modules ---- */

static const struct hs_content_range spread[] = {
    {0x400000, 0x401000},
    {0x555500000000, 0x555500010000},
    {0x7f0000000000, 0x7f0000001000},
    {0x7f0000001000, 0x7f0000002000},
    {0x7f0000010000, 0x7f0000020000},
    {0x7f1000000000, 0x7f1000001000},
    {0x7fff00000000, 0x7fff00001000},
};
#define SPREAD (sizeof(spread) / sizeof(spread[0]))

static uint32_t words_of(const uint64_t *words, size_t size)
{
    struct hs_content_modules modules;
    hs_content_modules_init(&modules, spread, SPREAD);
    return hs_content_module_words(&modules, words, size);
}

Test(content, words_at_every_border_of_a_module)
{
    for (size_t i = 0; i < SPREAD; i++) {
        uint64_t words[4] = {spread[i].start - 1, spread[i].start, spread[i].end - 1,
                             spread[i].end};
        uint32_t expected = 2 | 4;
        if (i > 0 && spread[i - 1].end == spread[i].start)
            expected |= 1;
        if (i + 1 < SPREAD && spread[i + 1].start == spread[i].end)
            expected |= 8;
        cr_expect(eq(u32, words_of(words, sizeof(words)), expected), "module %zu", i);
    }
}

Test(content, no_more_than_the_first_words_and_only_whole_ones)
{
    uint64_t words[40];
    for (size_t i = 0; i < 40; i++)
        words[i] = 0x400800;

    cr_expect(eq(u32, words_of(words, sizeof(words)), UINT32_MAX));
    cr_expect(eq(u32, words_of(words, 23), 3));
    cr_expect(eq(u32, words_of(words, 7), 0));
}

Test(content, without_modules_no_word_points_into_one)
{
    struct hs_content_modules modules;
    uint64_t words[2] = {0, UINT64_MAX};
    hs_content_modules_init(&modules, NULL, 0);

    cr_expect(eq(u32, hs_content_module_words(&modules, words, sizeof(words)), 0));
}

Test(content, a_thousand_modules_are_told_from_the_gaps_between_them)
{
    static struct hs_content_range many[1000];
    struct hs_content_modules modules;
    uint64_t at = 0x10000;
    srand(3);
    for (size_t i = 0; i < 1000; i++) {
        at += (uint64_t)(rand() % 3) << (rand() % 30);
        many[i].start = at;
        many[i].end = at += 1 + (uint64_t)(rand() % 100000);
    }
    hs_content_modules_init(&modules, many, 1000);

    for (int i = 0; i < 20000; i++) {
        const struct hs_content_range *near = &many[rand() % 1000];
        uint64_t word = near->start + (uint64_t)(rand() % 200000) - 50000;
        uint32_t expected = 0;
        for (size_t j = 0; j < 1000; j++)
            expected |= word >= many[j].start && word < many[j].end;
        cr_assert(eq(u32, hs_content_module_words(&modules, &word, 8), expected));
    }
}

/* ---- text ---- */

/* The text in a block of `size` bytes that begins with `bytes`; the rest is zero. */
static size_t text_in(const char *bytes, size_t length, size_t size)
{
    char *block = calloc(1, size);
    memcpy(block, bytes, length);
    size_t result = hs_content_text(block, size);
    free(block);
    return result;
}

static size_t text_of(const char *text, size_t size)
{
    return text_in(text, strlen(text), size);
}

Test(content, a_string_that_fits_exactly_is_text_however_short)
{
    cr_expect(eq(sz, text_of("a", 2), 1));
    cr_expect(eq(sz, text_of("hello", 6), 5));
    cr_expect(eq(sz, text_of("a line\n\twith blanks\r\n", 22), 21));
    cr_expect(eq(sz, text_of("\033[1mbold\033[0m", 13), 12));
}

Test(content, a_string_without_its_nul_needs_four_characters_or_an_odd_size)
{
    cr_expect(eq(sz, text_of("GET", 3), 3));
    cr_expect(eq(sz, text_of("a", 1), 0));
    cr_expect(eq(sz, text_of("RIFF", 4), 4));
    cr_expect(eq(sz, text_of("not terminated at all", 21), 21));
}

Test(content, room_behind_the_nul_asks_for_more_characters)
{
    cr_expect(eq(sz, text_of("abc", 8), 0));
    cr_expect(eq(sz, text_of("abcd", 8), 4));
    cr_expect(eq(sz, text_of("abcd", 64), 0)); /* a number, or a magic one */
    cr_expect(eq(sz, text_of("abcde", 64), 5));
    cr_expect(eq(sz, text_of("a name in a buffer", 4096), 18));
}

Test(content, numbers_behind_a_short_text_are_a_structure_and_behind_a_long_one_rubbish)
{
    cr_expect(eq(sz, text_in("worker\0\0\1\0\0\0\2\0\0\0", 16, 32), 0));
    cr_expect(eq(sz, text_in("a line that is long enough\0\1\2", 29, 40), 26));
    cr_expect(eq(sz, text_in("short\0what an older line left\0", 30, 64), 5));
}

Test(content, zeros_numbers_and_control_characters_are_no_text)
{
    static const uint64_t pointer = 0x00007f12345678a0;
    static const double one = 1.0;

    cr_expect(eq(sz, text_of("", 64), 0));
    cr_expect(eq(sz, text_in("\1\0\0\0", 4, 4), 0));
    cr_expect(eq(sz, text_in((const char *)&pointer, 8, 8), 0));
    cr_expect(eq(sz, text_in((const char *)&one, 8, 8), 0));
    cr_expect(eq(sz, text_of("text with a \1 in it", 20), 0));
    cr_expect(eq(sz, text_of("text with a \x7f in it", 20), 0));
}

Test(content, utf8_is_text_and_what_only_resembles_it_is_not)
{
    static const char *const good[] = {"Gr\xc3\xbc\xc3\x9f!", "\xe6\xbc\xa2\xe5\xad\x97",
                                       "\xf0\x9f\x90\x9f fish", "\xed\x9f\xbf end",
                                       "\xf4\x8f\xbf\xbf end"};
    static const char *const bad[] = {"\xc0\xaf overlong",
                                      "\xe0\x9f\xbf overlong",
                                      "\xf0\x8f\xbf\xbf overlong",
                                      "\xed\xa0\x80 surrogate",
                                      "\xf4\x90\x80\x80 beyond",
                                      "\xc2\x85 control",
                                      "\x80 tail",
                                      "\xff\xff\xff\xff",
                                      "Gr\xfc\xdf, Latin 1",
                                      "cut \xe6\xbc"};

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        cr_expect(eq(sz, text_of(good[i], strlen(good[i]) + 1), strlen(good[i])), "%zu",
                  i);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_expect(eq(sz, text_of(bad[i], strlen(bad[i]) + 1), 0), "%zu", i);
}

Test(content, every_byte_at_every_place_is_judged_alike)
{
    for (int place = 0; place < 19; place++)
        for (int byte = 1; byte < 256; byte++) {
            char block[20] = "nineteen characters";
            bool is_plain =
                (byte >= 32 && byte < 127) || (byte >= 9 && byte <= 13) || byte == 27;
            block[place] = (char)byte;
            cr_assert(eq(sz, hs_content_text(block, sizeof(block)), is_plain ? 19 : 0),
                      "byte %d at %d", byte, place);
        }
}

Test(content, of_a_long_text_only_the_beginning_is_read)
{
    size_t size = HS_CONTENT_TEXT_LIMIT + 64;
    char *block = malloc(size);
    memset(block, 'x', HS_CONTENT_TEXT_LIMIT);
    memset(block + HS_CONTENT_TEXT_LIMIT, 1, 64);

    cr_expect(eq(sz, hs_content_text(block, size), HS_CONTENT_TEXT_LIMIT));
    block[HS_CONTENT_TEXT_LIMIT - 1] = '\xe6'; /* of a character the limit cuts */
    cr_expect(eq(sz, hs_content_text(block, size), HS_CONTENT_TEXT_LIMIT - 1));
    block[HS_CONTENT_TEXT_LIMIT / 2] = '\2';
    cr_expect(eq(sz, hs_content_text(block, size), 0));
    free(block);
}

Test(content, the_words_of_a_text_need_no_look_up_but_the_one_it_ends_in_may)
{
    cr_expect(eq(sz, hs_content_text_end(6), 0)); /* "P2dxUU" or 0x555578643250 */
    cr_expect(eq(sz, hs_content_text_end(7), 8)); /* no address is that long */
    cr_expect(eq(sz, hs_content_text_end(16), 16));
    cr_expect(eq(sz, hs_content_text_end(19), 24)); /* a fixed address, or text */
    cr_expect(eq(sz, hs_content_text_end(22), 16));
    cr_expect(eq(sz, hs_content_text_end(23), 24));
}

// SPDX-License-Identifier: MIT

/* What a capture says about the bytes of its blocks. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "probes/abi.h"
#include "support.h"

static bool is_text(const struct hs_capture *capture, uint64_t size)
{
    return capture->blocks[block_of(capture, size)].flags & HS_BLOCK_TEXT;
}

/* The words noted of the block, as bits. */
static uint32_t words_of(const struct hs_capture *capture, uint64_t size)
{
    size_t block = block_of(capture, size);
    uint32_t words = 0;
    for (size_t i = 0; i < capture->n_words; i++)
        if (capture->words[i].block == block)
            words |= 1u << capture->words[i].word;
    return words;
}

static size_t edges_of(const struct hs_capture *capture, uint64_t size)
{
    size_t block = block_of(capture, size), count = 0;
    for (size_t i = 0; i < capture->n_edges; i++)
        count += capture->edges[i].from == block;
    return count;
}

static const struct hs_capture_text *preview_of(const struct hs_capture *capture,
                                                uint64_t size)
{
    size_t block = block_of(capture, size);
    for (size_t i = 0; i < capture->n_texts; i++)
        if (capture->texts[i].block == block)
            return &capture->texts[i];
    return NULL;
}

Test(contents, texts_are_told_from_objects_with_a_name)
{
    struct program program = program_start("contents", "", -1, 0);
    struct hs_capture capture = program_capture(program.pid);

    cr_expect(is_text(&capture, 1001));
    cr_expect(is_text(&capture, 1004));
    cr_expect(not(is_text(&capture, 1002)));
    cr_expect(not(is_text(&capture, 1003)));
    cr_expect(not(is_text(&capture, 1005)));
    cr_expect(not(is_text(&capture, 1006)));
    cr_expect(not(is_text(&capture, 1007)));
    cr_expect(eq(sz, edges_of(&capture, 1001), 0));
    cr_expect(eq(sz, edges_of(&capture, 1003), 1));
    hs_capture_close(&capture);
    program_end(&program);
}

Test(contents, words_that_point_into_modules_are_noted)
{
    struct program program = program_start("contents", "", -1, 0);
    struct hs_capture capture = program_capture(program.pid);

    cr_expect(eq(u32, words_of(&capture, 1001), 0));
    cr_expect(eq(u32, words_of(&capture, 1002), 1 | 1 << 5));
    cr_expect(eq(u32, words_of(&capture, 1005), 0));
    cr_expect(eq(u32, words_of(&capture, 1007), 1 << 9));
    hs_capture_close(&capture);
    program_end(&program);
}

Test(contents, texts_are_in_it_only_when_asked_for)
{
    struct program silent = program_start("contents", "", -1, 0);
    struct program telling = program_start("contents", "strings=1", -1, 0);
    struct hs_capture without = program_capture(silent.pid);
    struct hs_capture with = program_capture(telling.pid);

    cr_expect(eq(sz, without.n_texts, 0));
    const struct hs_capture_text *text = preview_of(&with, 1001);
    cr_assert(ne(ptr, (void *)text, NULL));
    cr_expect(eq(int, text->length, 27));
    cr_expect(eq(int, memcmp(text->text, "xxxxxxxxxxxxxxxxxxxxxxxxxxx", 27), 0));
    text = preview_of(&with, 1004); /* half of the last letter fits */
    cr_assert(ne(ptr, (void *)text, NULL));
    cr_expect(eq(int, text->length, 26));
    cr_expect(
        eq(int, memcmp(text->text, "gr\303\274n 0123456789012, \342\202\254 f", 27), 0),
        "%.27s", text->text);
    cr_expect(eq(ptr, (void *)preview_of(&with, 1003), NULL));
    hs_capture_close(&without);
    hs_capture_close(&with);
    program_end(&silent);
    program_end(&telling);
}

// SPDX-License-Identifier: MIT

/* What gzip and Zstandard packed comes out again, or is refused. */

#include "libheapsnap/snapshot/unpack.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#define TEXT_SIZE 1000000
#define ROOM (TEXT_SIZE * 2)

static char *text, *packed;

/* Text of several pieces that packs badly. */
static void make_text(void)
{
    text = malloc(TEXT_SIZE);
    packed = malloc(ROOM);
    uint32_t state = 1;
    for (size_t i = 0; i < TEXT_SIZE; i++) {
        state = state * 1664525 + 1013904223;
        text[i] = "0123456789,\n"[(state >> 24) % 12];
    }
}

static void free_text(void)
{
    free(text);
    free(packed);
}

static size_t pack_gzip(size_t size, char *out)
{
    z_stream stream = {.next_in = (Bytef *)text,
                       .avail_in = (uInt)size,
                       .next_out = (Bytef *)out,
                       .avail_out = ROOM / 2};
    cr_assert(eq(int, deflateInit2(&stream, 1, Z_DEFLATED, 31, 8, 0), Z_OK));
    cr_assert(eq(int, deflate(&stream, Z_FINISH), Z_STREAM_END));
    deflateEnd(&stream);
    return stream.total_out;
}

static size_t pack_zstd(size_t size, char *out)
{
    ZSTD_CCtx *context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    size_t got = ZSTD_compress2(context, out, ROOM / 2, text, size);
    ZSTD_freeCCtx(context);
    cr_assert(not(ZSTD_isError(got)));
    return got;
}

static bool never(const char *start, size_t size)
{
    (void)start;
    (void)size;
    return false;
}

static bool always(const char *start, size_t size)
{
    (void)start;
    return size > 0;
}

static int unpack(size_t size, struct hs_error *err)
{
    char *out = NULL;
    size_t got = 0;
    int result = hs_unpack(packed, size, never, "FILE", &out, &got, err);
    if (result == 0 && (got > TEXT_SIZE || memcmp(out, text, got) != 0))
        result = 1;
    free(out);
    return result;
}

TestSuite(unpack, .init = make_text, .fini = free_text);

static void expect_whole(size_t (*pack)(size_t, char *))
{
    size_t first = pack(TEXT_SIZE, packed);
    cr_expect(hs_is_packed(packed, first));

    char *out = NULL;
    size_t size = 0;
    int result = hs_unpack(packed, first, never, "FILE", &out, &size, NULL);

    cr_assert(eq(int, result, 0));
    cr_expect(eq(sz, size, TEXT_SIZE));
    cr_expect(eq(int, memcmp(out, text, size), 0));
    free(out);
}

Test(unpack, what_was_packed_comes_out_again)
{
    expect_whole(pack_gzip);
    expect_whole(pack_zstd);
}

static void expect_both(size_t (*pack)(size_t, char *))
{
    size_t first = pack(5000, packed), second = pack(700, packed + first);
    char *out = NULL;
    size_t size = 0;

    int result = hs_unpack(packed, first + second, never, "FILE", &out, &size, NULL);

    cr_assert(eq(int, result, 0));
    cr_expect(eq(sz, size, 5700));
    cr_expect(eq(int, memcmp(out + 5000, text, 700), 0));
    free(out);
}

Test(unpack, two_files_one_behind_another_are_one)
{
    expect_both(pack_gzip);
    expect_both(pack_zstd);
}

static void expect_refusals(size_t (*pack)(size_t, char *))
{
    size_t size = pack(3000, packed);
    for (size_t cut = 4; cut < size; cut++) {
        struct hs_error err = {0};
        cr_expect(eq(int, unpack(cut, &err), -EINVAL), "cut at %zu", cut);
        cr_expect(strstr(err.text, "FILE: the packed file ends") != NULL, "%s", err.text);
    }
    packed[size / 2] ^= 0x10;
    cr_expect(eq(int, unpack(size, NULL), -EINVAL));
    packed[size / 2] ^= 0x10;
    memset(packed + size, 'x', 9);
    cr_expect(eq(int, unpack(size + 9, NULL), -EINVAL));
    cr_expect(eq(int, unpack(size, NULL), 0));
}

Test(unpack, cuts_damage_and_what_stands_behind_the_end_are_refused)
{
    expect_refusals(pack_gzip);
    expect_refusals(pack_zstd);
}

Test(unpack, what_is_hopeless_is_not_unpacked_to_its_end)
{
    size_t packed_size = pack_gzip(TEXT_SIZE, packed), size = 0;
    char *out = NULL;

    cr_assert(
        eq(int, hs_unpack(packed, packed_size, always, "FILE", &out, &size, NULL), 0));

    cr_expect(size > 0 && size < TEXT_SIZE);
    free(out);
}

Test(unpack, a_small_file_does_not_fill_the_memory)
{
    enum { BLOCKS = 8000 };
    /* A frame without a size, whose blocks each repeat one byte 128 Ki times: 1 GiB. */
    static const char head[] = "\x28\xb5\x2f\xfd\x00\x58", block[] = "\x02\x00\x10 ";
    struct hs_error err = {0};
    memcpy(packed, head, 6);
    for (size_t i = 0; i < BLOCKS; i++)
        memcpy(packed + 6 + i * 4, block, 4);

    cr_expect(eq(int, unpack(6 + BLOCKS * 4, &err), -EINVAL));

    cr_expect(strstr(err.text, "thousand times") != NULL, "%s", err.text);
}

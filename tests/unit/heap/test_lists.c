// SPDX-License-Identifier: MIT

/*
 * Free chunks that look used: fastbins and threads' caches, with links as they were before
 * glibc 2.32 and since.
 */

#include "picture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

/* A link stored at `place`. */
static uint64_t mangled(uint64_t place, uint64_t target)
{
    return target ^ (place >> 12);
}

static uint64_t plain(uint64_t place, uint64_t target)
{
    (void)place;
    return target;
}

typedef uint64_t link_function(uint64_t place, uint64_t target);

/* Three chunks of 0x30 in a fastbin, and one in use. */
static void check_fastbin(link_function *link)
{
    struct picture picture = picture_create();
    uint64_t memory[4];
    for (int i = 0; i < 4; i++)
        memory[i] = picture_chunk(&picture, 0x30, 1);
    for (int i = 0; i < 3; i++)
        fake_poke(picture.fake, memory[i],
                  link(memory[i], i < 2 ? memory[i + 1] - 16 : 0));
    picture_finish(&picture);
    fake_poke(picture.fake, ARENA + 16 + 8, memory[0] - 16);

    struct hs_heap_report report;
    struct hs_capture capture = picture_walk(&picture, &report);

    cr_expect(eq(sz, capture.n_blocks, 1));
    cr_expect(picture_has(&capture, memory[3], 0x28));
    cr_expect(eq(sz, report.n_cached, 3));
    cr_expect(eq(sz, report.n_damages, 0));
    hs_capture_close(&capture);
    picture_destroy(&picture);
}

Test(lists, of_fastbins_are_followed)
{
    check_fastbin(plain);
}

Test(lists, of_fastbins_with_protected_links_are_followed)
{
    check_fastbin(mangled);
}

/* A cache with three chunks of 0x40 (number 2) and one of 0x410 (number 63). */
struct cache {
    struct picture picture;
    uint64_t record, small[3], big, used;
};

static struct cache cache_create(uint64_t size, link_function *link)
{
    struct cache cache = {.picture = picture_create()};
    struct picture *picture = &cache.picture;
    uint64_t heads = size == 0x290 ? 128 : 64;
    cache.record = picture_chunk(picture, size, 1);
    for (int i = 0; i < 3; i++)
        cache.small[i] = picture_chunk(picture, 0x40, 1);
    cache.big = picture_chunk(picture, 0x410, 1);
    cache.used = picture_chunk(picture, 0x40, 1);
    for (int i = 0; i < 3; i++)
        fake_poke(picture->fake, cache.small[i],
                  link(cache.small[i], i < 2 ? cache.small[i + 1] : 0));
    fake_poke(picture->fake, cache.big, link(cache.big, 0));
    fake_poke(picture->fake, cache.record, size == 0x290 ? 3ull << 32 : 3ull << 16);
    fake_poke(picture->fake, cache.record + heads - 8, 1ull << (size == 0x290 ? 48 : 56));
    fake_poke(picture->fake, cache.record + heads + 8 * 2, cache.small[0]);
    fake_poke(picture->fake, cache.record + heads + 8 * 63, cache.big);
    picture_finish(picture);
    return cache;
}

static void check_cache(uint64_t size, link_function *link)
{
    struct cache cache = cache_create(size, link);

    struct hs_heap_report report;
    struct hs_capture capture = picture_walk(&cache.picture, &report);

    cr_expect(eq(sz, capture.n_blocks, 1));
    cr_expect(picture_has(&capture, cache.used, 0x38));
    cr_expect(eq(sz, report.n_cached, 4));
    hs_capture_close(&capture);
    picture_destroy(&cache.picture);
}

Test(lists, of_a_thread_with_one_byte_a_count_are_followed)
{
    check_cache(0x250, plain);
}

Test(lists, of_a_thread_with_two_bytes_a_count_are_followed)
{
    check_cache(0x290, plain);
}

Test(lists, of_a_thread_with_protected_links_are_followed)
{
    check_cache(0x290, mangled);
}

Test(lists, of_a_thread_that_was_stopped_before_it_counted_are_followed)
{
    struct cache cache = cache_create(0x290, mangled);
    fake_poke(cache.picture.fake, cache.record, 2ull << 32);

    struct hs_heap_report report;
    struct hs_capture capture = picture_walk(&cache.picture, &report);

    cr_expect(eq(sz, report.n_cached, 4));
    hs_capture_close(&capture);
    picture_destroy(&cache.picture);
}

Test(lists, in_a_block_that_only_resembles_a_cache_free_nothing)
{
    struct cache cache = cache_create(0x290, mangled);
    fake_poke(cache.picture.fake, cache.record, 7ull << 32);

    struct hs_heap_report report;
    struct hs_capture capture = picture_walk(&cache.picture, &report);

    cr_expect(eq(sz, report.n_cached, 0));
    cr_expect(eq(sz, capture.n_blocks, 6));
    hs_capture_close(&capture);
    picture_destroy(&cache.picture);
}

Test(lists, of_a_thread_that_are_empty_make_no_block_of_their_record)
{
    struct picture picture = picture_create();
    picture_chunk(&picture, 0x290, 1);
    uint64_t zeros = picture_chunk(&picture, 0x290, 1);
    picture_finish(&picture);

    struct hs_capture capture = picture_walk(&picture, NULL);

    cr_expect(eq(sz, capture.n_blocks, 1));
    cr_expect(picture_has(&capture, zeros, 0x288));
    hs_capture_close(&capture);
    picture_destroy(&picture);
}

Test(lists, that_run_in_a_circle_end)
{
    struct picture picture = picture_create();
    uint64_t first = picture_chunk(&picture, 0x30, 1);
    uint64_t second = picture_chunk(&picture, 0x30, 1);
    picture_chunk(&picture, 0x30, 1);
    fake_poke(picture.fake, first, second - 16);
    fake_poke(picture.fake, second, first - 16);
    picture_finish(&picture);
    fake_poke(picture.fake, ARENA + 16 + 8, first - 16);

    struct hs_heap_report report;
    struct hs_capture capture = picture_walk(&picture, &report);

    cr_expect(eq(sz, report.n_cached, 2));
    cr_expect(eq(sz, report.n_damages, 1));
    hs_capture_close(&capture);
    picture_destroy(&picture);
}

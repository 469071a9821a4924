// SPDX-License-Identifier: MIT

/*
 * Where heaps are: the main arena among what resembles it, other arenas and their heaps,
 * mappings of single chunks, and an allocator in the middle of its work.
 */

#include "picture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>

#include "probes/abi.h"

Test(arenas, are_not_mistaken_for_a_place_a_few_lists_before)
{
    struct picture picture = picture_create();
    uint64_t memory = picture_chunk(&picture, 0x40, 1);
    picture_chunk(&picture, 0x40, 1);
    picture_finish(&picture);
    fake_poke(picture.fake, ARENA + 16 + 16, memory - 16); /* a "top", seen from there */

    struct hs_heap_report report;
    struct hs_capture capture = picture_walk(&picture, &report);

    cr_expect(eq(sz, report.n_arenas, 1));
    cr_expect(eq(sz, capture.n_blocks, 1));
    hs_capture_close(&capture);
    picture_destroy(&picture);
}

/* A second arena with two heaps `distance` apart; their records are `header` bytes long. */
static void check_second_arena(uint64_t header, uint64_t distance)
{
    const uint64_t next_heap = HEAPS + distance, second = HEAPS + header;
    struct picture picture = picture_create();
    fake_memory_map(picture.fake, HEAPS, 0x21000, FAKE_DATA, "");
    fake_memory_map(picture.fake, next_heap, 0x21000, FAKE_DATA, "");
    picture_chunk(&picture, 0x40, 1);
    picture_finish(&picture);
    fake_poke(picture.fake, ARENA + 2160, second);

    /* The full one ends with posts of 16 and 0 bytes. */
    for (uint64_t heap = HEAPS; heap <= next_heap; heap += distance) {
        fake_poke(picture.fake, heap, second);
        fake_poke(picture.fake, heap + 16, 0x21000);
        fake_poke(picture.fake, heap + 24, 0x21000);
    }
    picture.at = (second + 2200 + 15) & ~15ull;
    uint64_t in_first = picture_chunk(&picture, HEAPS + 0x21000 - 32 - picture.at, 5);
    picture_chunk(&picture, 16, 1);
    picture_chunk(&picture, 0, 1);
    picture.at = next_heap + header;
    uint64_t in_second = picture_chunk(&picture, 0x80, 5);
    picture_arena(&picture, second, ARENA, picture.at, 0x42000);
    picture_top(&picture, second, next_heap + 0x21000);

    struct hs_heap_report report;
    struct hs_capture capture = picture_walk(&picture, &report);

    cr_expect(eq(sz, report.n_arenas, 2));
    cr_expect(eq(sz, report.n_damages, 0));
    cr_expect(eq(sz, capture.n_blocks, 3));
    cr_expect(
        picture_has(&capture, in_first, HEAPS + 0x21000 - 32 - (in_first - 16) - 8));
    cr_expect(picture_has(&capture, in_second, 0x78));
    hs_capture_close(&capture);
    picture_destroy(&picture);
}

Test(arenas, have_heaps_with_short_records_before_2_35)
{
    check_second_arena(32, 64ull << 20);
}

Test(arenas, have_heaps_with_long_records_since_2_35)
{
    check_second_arena(48, 64ull << 20);
}

Test(arenas, have_heaps_closer_together_with_huge_pages)
{
    check_second_arena(48, 8ull << 20);
}

Test(arenas, whose_break_could_not_move_go_on_in_a_mapping)
{
    struct picture picture = picture_create();
    fake_memory_map(picture.fake, MAPPED, 0x100000, FAKE_DATA, "");
    uint64_t old = picture_chunk(&picture, BREAK_SIZE - 0x20, 1);
    picture_chunk(&picture, 0x10, 1);
    picture_chunk(&picture, 0x10, 1);
    picture.at = MAPPED;
    uint64_t new = picture_chunk(&picture, 0x300, 1);
    picture_libc(&picture);
    picture_arena(&picture, ARENA, ARENA, picture.at, BREAK_SIZE + 0x100000);
    picture_top(&picture, ARENA, MAPPED + 0x100000);
    fake_poke(picture.fake, ARENA, 2ull << 32); /* not contiguous */

    struct hs_heap_report report;
    struct hs_capture capture = picture_walk(&picture, &report);

    cr_expect(eq(sz, capture.n_blocks, 2));
    cr_expect(picture_has(&capture, old, BREAK_SIZE - 0x28));
    cr_expect(picture_has(&capture, new, 0x2f8));
    cr_expect(eq(sz, report.n_damages, 0));
    hs_capture_close(&capture);
    picture_destroy(&picture);
}

Test(arenas, leave_big_chunks_to_mappings_of_their_own)
{
    struct picture picture = picture_create();
    fake_memory_map(picture.fake, MAPPED, 0xa0000, FAKE_DATA, "");
    picture_chunk(&picture, 0x40, 1);
    picture_finish(&picture);
    fake_poke(picture.fake, MAPPED + 0x1000 + 8, 0x21000 | 2);
    fake_poke(picture.fake, MAPPED + 0x22000 + 8, 0x40000 | 2); /* its neighbour */
    /* Aligned to 16 KB: the first head is still there, the real one says how far it is. */
    uint64_t start = MAPPED + 0x62000, aligned = MAPPED + 0x64000;
    fake_poke(picture.fake, start + 8, 0x30000 | 2);
    fake_poke(picture.fake, aligned - 16, aligned - 16 - start);
    fake_poke(picture.fake, aligned - 8, (start + 0x30000 - (aligned - 16)) | 2);

    struct hs_heap_report report;
    struct hs_capture capture = picture_walk(&picture, &report);

    cr_expect(eq(sz, report.n_mapped, 3));
    cr_expect(picture_has(&capture, MAPPED + 0x1010, 0x20ff0));
    cr_expect(picture_has(&capture, MAPPED + 0x22010, 0x3fff0));
    cr_expect(picture_has(&capture, aligned, start + 0x30000 - aligned));
    hs_capture_close(&capture);
    picture_destroy(&picture);
}

static int resumed;

static void release_lock(struct fake_memory *fake)
{
    if (++resumed == 2)
        fake_poke(fake, ARENA, 0);
}

Test(arenas, whose_lock_is_held_are_looked_at_again)
{
    struct picture picture = picture_create();
    picture_chunk(&picture, 0x40, 1);
    picture_finish(&picture);
    fake_poke(picture.fake, ARENA, 1);
    fake_memory_on_resume(picture.fake, release_lock);

    struct hs_heap_report report;
    struct hs_capture capture = picture_walk(&picture, &report);

    cr_expect(eq(int, resumed, 2));
    cr_expect(eq(sz, report.n_busy, 0));
    cr_expect(eq(u32, capture.header->busy_arenas, 0));
    hs_capture_close(&capture);
    picture_destroy(&picture);
}

Test(arenas, whose_lock_is_held_in_a_core_are_counted)
{
    struct picture picture = picture_create();
    picture_chunk(&picture, 0x40, 1);
    picture_finish(&picture);
    fake_poke(picture.fake, ARENA, 1);
    fake_memory(picture.fake)->is_core = true;

    struct hs_heap_report report;
    struct hs_capture capture = picture_walk(&picture, &report);

    cr_expect(eq(sz, report.n_busy, 1));
    cr_expect(eq(u32, capture.header->busy_arenas, 1));
    cr_expect(eq(u32, capture.header->source, HS_SOURCE_CORE));
    hs_capture_close(&capture);
    picture_destroy(&picture);
}

static void expect_failure(struct picture *picture, int expected, const char *text)
{
    struct hs_capture capture = {0};
    struct hs_error err = {0};
    cr_expect(eq(int, hs_heap_capture(fake_memory(picture->fake), &capture, NULL, &err),
                 expected));
    cr_expect(eq(str, err.text, (char *)text));
    picture_destroy(picture);
}

Test(arenas, that_are_not_there_are_a_reason_to_refuse)
{
    struct picture picture = picture_create();
    picture_libc(&picture);

    expect_failure(&picture, -ENOTSUP,
                   "process 4242 (fake) is a static program without a glibc heap that "
                   "could be walked; link it dynamically and start it with: heapsnap "
                   "run -- COMMAND");
}

Test(arenas, of_glibc_say_nothing_in_a_program_of_musl)
{
    struct picture picture = picture_create();
    picture_finish(&picture);
    fake_memory_module(picture.fake, "/lib/ld-musl-x86_64.so.1", LIBC_END, LIBC_END + 1);

    expect_failure(&picture, -ENOTSUP,
                   "process 4242 (fake) is linked with musl, whose heap cannot be walked "
                   "from outside; start it with: heapsnap run -- COMMAND");
}

Test(arenas, of_an_image_that_ended_too_early_give_no_capture)
{
    struct picture picture = picture_create();
    picture_chunk(&picture, 0x40, 1);
    picture_finish(&picture);
    fake_memory_end(picture.fake);

    expect_failure(&picture, -ESTALE,
                   "the image of process 4242 ended before it was read");
}

// SPDX-License-Identifier: MIT

/*
 * From one chunk to the next: what is in use, what is free, and what a damaged heap still
 * gives.
 */

#include "picture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "probes/abi.h"

Test(chunks, in_use_become_blocks_of_their_usable_size)
{
    struct picture picture = picture_create();
    uint64_t first = picture_chunk(&picture, 0x20, 1);
    uint64_t second = picture_chunk(&picture, 0x110, 1);
    picture_finish(&picture);

    struct hs_heap_report report;
    struct hs_capture capture = picture_walk(&picture, &report);

    cr_assert(eq(sz, capture.n_blocks, 2));
    cr_expect(picture_has(&capture, first, 0x18));
    cr_expect(picture_has(&capture, second, 0x108));
    cr_expect(eq(u32, capture.blocks[0].flags & HS_BLOCK_USABLE, HS_BLOCK_USABLE));
    cr_expect(eq(u32, capture.blocks[0].stack, HS_STACK_UNKNOWN));
    cr_expect(eq(u32, capture.blocks[0].id % 2, 1));
    cr_expect(lt(u32, capture.blocks[0].id, capture.blocks[1].id));
    cr_expect(eq(u32, capture.header->source, HS_SOURCE_PROCESS));
    cr_expect(eq(sz, report.n_damages, 0));
    hs_capture_close(&capture);
    picture_destroy(&picture);
}

Test(chunks, that_the_next_one_calls_free_are_no_blocks)
{
    struct picture picture = picture_create();
    uint64_t first = picture_chunk(&picture, 0x40, 1);
    uint64_t second = picture_chunk(&picture, 0x50, 1);
    uint64_t third = picture_chunk(&picture, 0x60, 1);
    picture_free(&picture, second);
    picture_finish(&picture);

    struct hs_capture capture = picture_walk(&picture, NULL);

    cr_expect(eq(sz, capture.n_blocks, 2));
    cr_expect(picture_has(&capture, first, 0x38));
    cr_expect(picture_has(&capture, third, 0x58));
    hs_capture_close(&capture);
    picture_destroy(&picture);
}

Test(chunks, stay_in_use_when_the_free_mark_disagrees_about_the_size)
{
    struct picture picture = picture_create();
    uint64_t first = picture_chunk(&picture, 0x40, 1);
    picture_chunk(&picture, 0x100, 0); /* a zero byte was written too far */
    picture_finish(&picture);

    struct hs_heap_report report;
    struct hs_capture capture = picture_walk(&picture, &report);

    cr_expect(picture_has(&capture, first, 0x38));
    cr_expect(eq(sz, report.n_damages, 1));
    cr_expect(eq(u64, report.first_damage, first - 16 + 0x40));
    hs_capture_close(&capture);
    picture_destroy(&picture);
}

/* Thirty chunks, of which number 10 was overwritten by text. */
static uint64_t damaged_heap(struct picture *picture, uint64_t memory[30])
{
    for (int i = 0; i < 30; i++)
        memory[i] = picture_chunk(picture, 0x50, 1);
    fake_poke(picture->fake, memory[10] - 8, 0x4141414141414141);
    return memory[10] - 16;
}

Test(chunks, behind_a_damaged_one_are_found_again)
{
    struct picture picture = picture_create();
    uint64_t memory[30];
    uint64_t damage = damaged_heap(&picture, memory);
    picture_finish(&picture);

    struct hs_heap_report report;
    struct hs_capture capture = picture_walk(&picture, &report);

    cr_expect(eq(sz, capture.n_blocks, 29));
    cr_expect(picture_has(&capture, memory[9], 0x48));
    cr_expect(picture_has(&capture, memory[11], 0x48));
    cr_expect(eq(sz, report.n_damages, 1));
    cr_expect(eq(u64, report.first_damage, damage));
    cr_expect(eq(u64, report.unclear_bytes, 0x50));
    hs_capture_close(&capture);
    picture_destroy(&picture);
}

Test(chunks, that_are_damaged_still_hold_what_they_point_to)
{
    struct picture picture = picture_create();
    uint64_t memory[30];
    damaged_heap(&picture, memory);
    fake_poke(picture.fake, memory[10], memory[20]);
    picture_finish(&picture);

    struct hs_capture capture = picture_walk(&picture, NULL);

    cr_assert(eq(sz, capture.n_root_edges, 1));
    const struct hs_capture_root_edge *edge = &capture.root_edges[0];
    cr_expect(eq(u64, capture.blocks[edge->to].address, memory[20]));
    cr_expect(eq(u32, capture.roots[edge->root].kind, HS_ROOT_WEAK));
    hs_capture_close(&capture);
    picture_destroy(&picture);
}

Test(chunks, go_on_behind_memory_that_somebody_else_took_from_the_break)
{
    struct picture picture = picture_create();
    uint64_t before = picture_chunk(&picture, 0x100, 1);
    picture_chunk(&picture, 0x10, 1);
    picture_chunk(&picture, 0x10, 1);
    picture.at += 0x3000; /* theirs */
    uint64_t after = picture_chunk(&picture, 0x200, 1);
    picture_finish(&picture);

    struct hs_heap_report report;
    struct hs_capture capture = picture_walk(&picture, &report);

    cr_expect(eq(sz, capture.n_blocks, 2));
    cr_expect(picture_has(&capture, before, 0xf8));
    cr_expect(picture_has(&capture, after, 0x1f8));
    cr_expect(eq(sz, report.n_damages, 0));
    hs_capture_close(&capture);
    picture_destroy(&picture);
}

Test(chunks, that_are_being_cut_off_the_top_end_there)
{
    struct picture picture = picture_create();
    uint64_t first = picture_chunk(&picture, 0x40, 1);
    picture_chunk(&picture, 0x60, 1);
    picture_finish(&picture);
    uint64_t cut = picture.at - 0x60; /* still has the size of the old top */
    fake_poke(picture.fake, cut + 8, (BREAK + BREAK_SIZE - cut) | 1);

    struct hs_capture capture = picture_walk(&picture, NULL);

    cr_expect(eq(sz, capture.n_blocks, 1));
    cr_expect(picture_has(&capture, first, 0x38));
    hs_capture_close(&capture);
    picture_destroy(&picture);
}

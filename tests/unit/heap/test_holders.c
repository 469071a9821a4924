// SPDX-License-Identifier: MIT

/*
 * What holds blocks in a process that never loaded the shim: data of modules, registers,
 * stacks, other blocks, and mappings as weak evidence; and what does not.
 */

#include "picture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "probes/abi.h"

#define STACK 0x7fff00000000ull
#define SP (STACK + 0x8000)

/* The kinds of the roots that point to the block at `address`, one bit each. */
static unsigned holders(const struct hs_capture *capture, uint64_t address)
{
    unsigned kinds = 0;
    for (size_t i = 0; i < capture->n_root_edges; i++) {
        const struct hs_capture_root_edge *edge = &capture->root_edges[i];
        if (capture->blocks[edge->to].address == address)
            kinds |= 1u << capture->roots[edge->root].kind;
    }
    return kinds;
}

/* Ten blocks, a stack and a mapping of the program. */
static struct picture held_picture(uint64_t memory[10])
{
    struct picture picture = picture_create();
    fake_memory_map(picture.fake, MAPPED, 0x4000, FAKE_DATA | HS_BLOCK_FILE, "/tmp/file");
    for (int i = 0; i < 10; i++)
        memory[i] = picture_chunk(&picture, 0x40, 1);
    picture_finish(&picture);
    fake_memory_map(picture.fake, STACK, 0x10000, FAKE_DATA, "[stack]");
    fake_memory_thread(picture.fake, 4242)->registers[7] = SP;
    return picture;
}

/* The index of the block that a chunk or mapping at `address` became. */
static uint32_t block_at(const struct hs_capture *capture, uint64_t address)
{
    for (uint32_t i = 0; i < capture->n_blocks; i++)
        if (capture->blocks[i].address == address)
            return i;
    return UINT32_MAX;
}

Test(holders, are_data_stacks_and_mappings_of_files)
{
    uint64_t memory[10];
    struct picture picture = held_picture(memory);
    fake_poke(picture.fake, LIBC_DATA + 0x100, memory[0]);
    fake_poke(picture.fake, SP + 0x40, memory[2]);
    fake_poke(picture.fake, MAPPED + 0x1008, memory[3]);
    fake_poke(picture.fake, SP - 128, memory[4]); /* the red zone */

    struct hs_capture capture = picture_walk(&picture, NULL);

    cr_expect(eq(u32, holders(&capture, memory[0]), 1u << HS_ROOT_MODULE));
    cr_expect(eq(u32, holders(&capture, memory[1]), 0));
    cr_expect(eq(u32, holders(&capture, memory[2]), 1u << HS_ROOT_STACK));
    cr_expect(eq(u32, holders(&capture, memory[3]), 1u << HS_ROOT_WEAK));
    cr_expect(eq(u32, holders(&capture, memory[4]), 1u << HS_ROOT_STACK));
    hs_capture_close(&capture);
    picture_destroy(&picture);
}

Test(holders, are_mappings_that_are_blocks_themselves)
{
    struct picture picture = picture_create();
    fake_memory_map(picture.fake, MAPPED, 0x4000, FAKE_DATA, "");
    uint64_t memory = picture_chunk(&picture, 0x40, 1);
    picture_finish(&picture);
    fake_poke(picture.fake, LIBC_DATA + 0x100, MAPPED + 0x2000);
    fake_poke(picture.fake, MAPPED + 0x1008, memory);

    struct hs_capture capture = picture_walk(&picture, NULL);

    cr_assert(eq(sz, capture.n_blocks, 2));
    cr_expect(eq(u32, capture.blocks[1].flags,
                 HS_BLOCK_MAPPING | HS_BLOCK_READ | HS_BLOCK_WRITE));
    cr_expect(eq(u64, capture.blocks[1].size, 0x4000));
    cr_expect(eq(u32, holders(&capture, MAPPED), 1u << HS_ROOT_MODULE));
    cr_assert(eq(sz, capture.n_edges, 1));
    cr_expect(eq(u32, capture.edges[0].from, block_at(&capture, MAPPED)));
    cr_expect(eq(u32, capture.edges[0].to, block_at(&capture, memory)));
    cr_expect(eq(u64, capture.header->usable_bytes, 0x38));
    hs_capture_close(&capture);
    picture_destroy(&picture);
}

Test(holders, are_the_registers_of_a_stopped_thread)
{
    uint64_t memory[10];
    struct picture picture = held_picture(memory);
    struct hs_memory_thread *other = fake_memory_thread(picture.fake, 4243);
    other->registers[3] = memory[5];
    other->vector[0] = memory[6] + 8;
    other->n_vector = 1;

    struct hs_capture capture = picture_walk(&picture, NULL);

    cr_expect(eq(u32, holders(&capture, memory[5]), 1u << HS_ROOT_REGISTERS));
    cr_expect(eq(u32, holders(&capture, memory[6]), 1u << HS_ROOT_REGISTERS));
    cr_expect(eq(sz, capture.n_threads, 2));
    hs_capture_close(&capture);
    picture_destroy(&picture);
}

Test(holders, are_not_what_lies_below_a_stack_pointer)
{
    uint64_t memory[10];
    struct picture picture = held_picture(memory);
    fake_poke(picture.fake, SP - 136, memory[0]);

    struct hs_capture capture = picture_walk(&picture, NULL);

    cr_expect(eq(u32, holders(&capture, memory[0]), 0));
    hs_capture_close(&capture);
    picture_destroy(&picture);
}

Test(holders, are_not_the_stacks_of_ended_threads_but_their_records)
{
    const uint64_t guard = MAPPED + 0x10000, record = guard + 0x9700;
    struct picture picture = picture_create();
    fake_memory_map(picture.fake, guard, 0x1000, 0, "");
    fake_memory_map(picture.fake, guard + 0x1000, 0x9000, FAKE_DATA, "");
    uint64_t stale = picture_chunk(&picture, 0x40, 1);
    uint64_t table = picture_chunk(&picture, 0x40, 1);
    picture_finish(&picture);
    fake_poke(picture.fake, guard + 0x9000, stale);
    fake_poke(picture.fake, record, record);
    fake_poke(picture.fake, record + 8, table + 16);
    fake_poke(picture.fake, record + 16, record);

    struct hs_capture capture = picture_walk(&picture, NULL);

    cr_expect(eq(u32, holders(&capture, stale), 0));
    cr_expect(eq(u32, holders(&capture, table), 1u << HS_ROOT_WEAK));
    hs_capture_close(&capture);
    picture_destroy(&picture);
}

Test(holders, are_not_the_lists_of_the_arena_or_free_memory)
{
    uint64_t memory[10];
    struct picture picture = held_picture(memory);
    picture_free(&picture, memory[4]);
    fake_poke(picture.fake, memory[4] + 16, memory[7]);   /* stale */
    fake_poke(picture.fake, ARENA + 104, memory[8] - 16); /* last_remainder */
    fake_poke(picture.fake, ARENA + 112, memory[4] - 16); /* the unsorted list */
    fake_poke(picture.fake, memory[4] + 8, ARENA + 96);
    fake_poke(picture.fake, memory[4], ARENA + 96);

    struct hs_capture capture = picture_walk(&picture, NULL);

    cr_expect(eq(sz, capture.n_blocks, 9));
    cr_expect(eq(sz, capture.n_root_edges, 0));
    cr_expect(eq(sz, capture.n_edges, 0));
    hs_capture_close(&capture);
    picture_destroy(&picture);
}

Test(holders, are_other_blocks_by_beginnings_and_insides)
{
    uint64_t memory[10];
    struct picture picture = held_picture(memory);
    fake_poke(picture.fake, memory[0] + 8, memory[1]);
    fake_poke(picture.fake, memory[0] + 24, memory[2] + 4);

    struct hs_capture capture = picture_walk(&picture, NULL);

    cr_assert(eq(sz, capture.n_edges, 2));
    cr_expect(eq(u32, capture.edges[0].to, 1));
    cr_expect(eq(u32, capture.edges[0].word, 1));
    cr_expect(eq(u32, capture.edges[0].inside, 0));
    cr_expect(eq(u32, capture.edges[1].to, 2));
    cr_expect(eq(u32, capture.edges[1].word, 3));
    cr_expect(eq(u32, capture.edges[1].inside, 4));
    hs_capture_close(&capture);
    picture_destroy(&picture);
}

Test(holders, that_are_text_are_marked_and_words_into_modules_kept)
{
    uint64_t memory[10];
    struct picture picture = held_picture(memory);
    fake_poke(picture.fake, memory[0], 0x6c6c6568206f6e65); /* "eno hell" */
    fake_poke(picture.fake, memory[0] + 8, 0x6f);
    fake_poke(picture.fake, memory[1], LIBC + 0x2345);

    struct hs_capture capture = picture_walk(&picture, NULL);

    cr_expect(eq(u32, capture.blocks[0].flags & HS_BLOCK_TEXT, HS_BLOCK_TEXT));
    cr_expect(eq(u32, capture.blocks[1].flags & HS_BLOCK_TEXT, 0));
    cr_assert(eq(sz, capture.n_words, 1));
    cr_expect(eq(u32, capture.words[0].block, 1));
    cr_expect(eq(u64, capture.words[0].value, LIBC + 0x2345));
    hs_capture_close(&capture);
    picture_destroy(&picture);
}

Test(holders, on_a_live_stack_are_copied_for_its_frames)
{
    uint64_t memory[10];
    struct picture picture = held_picture(memory);
    fake_poke(picture.fake, SP, 0x1122334455667788);

    struct hs_capture capture = picture_walk(&picture, NULL);

    const struct hs_capture_thread *thread = &capture.threads[0];
    cr_expect(eq(u64, thread->stack_start, SP - 128));
    cr_expect(eq(u64, thread->stack_end, STACK + 0x10000));
    cr_assert(eq(u64, thread->stacks_size, 0x8080));
    cr_expect(eq(u64, *(const uint64_t *)(const void *)(capture.stacks + 128),
                 0x1122334455667788));
    hs_capture_close(&capture);
    picture_destroy(&picture);
}

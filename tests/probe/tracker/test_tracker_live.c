// SPDX-License-Identifier: MIT

/*
 * The live table by itself: made-up addresses, no heap.
 */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "probes/tracker/control.h"
#include "probes/tracker/live.h"

#define HEAP 0x555500000000u

struct list {
    struct hs_live_block blocks[16];
    size_t count;
};

static bool add_to_list(const struct hs_live_block *block, void *context)
{
    struct list *list = context;
    if (list->count == 16)
        return false;
    list->blocks[list->count++] = *block;
    return true;
}

static struct list live_blocks(void)
{
    struct list list = {.count = 0};
    hs_live_each(add_to_list, &list);
    return list;
}

Test(live, a_removed_block_tells_what_it_was)
{
    hs_live_init(5);
    hs_live_insert(HEAP + 16, 24, 7);
    struct hs_live_block block;

    bool found = hs_live_remove(HEAP + 16, &block);

    cr_expect(found);
    cr_expect(eq(u64, block.address, HEAP + 16));
    cr_expect(eq(u64, block.size, 24));
    cr_expect(eq(u32, block.stack, 7));
    cr_expect(eq(u32, block.birth_epoch, 1));
    cr_expect(not(hs_live_remove(HEAP + 16, NULL)), "it was removed already");
}

Test(live, neighbours_of_the_smallest_size_are_kept_apart)
{
    hs_live_init(5);
    hs_live_insert(HEAP + 16, 0, 3);
    hs_live_insert(HEAP + 48, 24, 4);
    hs_live_insert(HEAP + 80, 24, 5);

    struct list list = live_blocks();

    cr_assert(eq(sz, list.count, 3));
    cr_expect(eq(u64, list.blocks[0].address, HEAP + 16));
    cr_expect(eq(u64, list.blocks[1].address, HEAP + 48));
    cr_expect(eq(u64, list.blocks[2].address, HEAP + 80));
    cr_expect(eq(u64, list.blocks[0].size, 0));
    cr_expect(eq(u32, list.blocks[2].stack, 5));
}

Test(live, eight_byte_granules_hold_eight_byte_blocks)
{
    hs_live_init(3);
    for (uint64_t i = 0; i < 4; i++)
        hs_live_insert(HEAP + 8 * i, 8, (uint32_t)(10 + i));

    struct list list = live_blocks();

    cr_assert(eq(sz, list.count, 4));
    cr_expect(eq(u64, list.blocks[3].address, HEAP + 24));
    cr_expect(eq(u32, list.blocks[3].stack, 13));
}

#if !defined(__SANITIZE_THREAD__) /* whose own memory grows with ours */
static long resident_kilobytes(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    cr_assert(ne(ptr, file, NULL));
    cr_assert(eq(int, fscanf(file, "%*d %ld", &pages), 1));
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* As jemalloc's classes lie: those of 16 bytes and more pay half a byte a byte. */
Test(live, eight_byte_blocks_elsewhere_cost_the_others_nothing)
{
    hs_live_init(3);
    hs_live_insert(HEAP, 8, 1);
    long before = resident_kilobytes();

    for (uint64_t at = HEAP; at < HEAP + (16 << 20); at += 32)
        hs_live_insert(at, 32, 2);

    cr_expect(lt(long, resident_kilobytes() - before, 10 << 10));
}
#endif

static bool check_ascending(const struct hs_live_block *block, void *context)
{
    uint64_t *next = context;
    cr_assert(eq(u64, block->address, *next));
    cr_assert(eq(u64, block->size, 8 + *next / 8 % 3));
    *next += *next % 64 == 0 ? 8 : *next % 64 == 8 ? 16 : 40;
    return true;
}

/* Blocks at 0, 8 and 24 of each 64 bytes, over more than a page of words. */
Test(live, eight_byte_blocks_come_in_order_and_go_one_by_one)
{
    static const uint64_t places[] = {24, 0, 8};
    uint64_t next = HEAP, end = HEAP + (1 << 20);

    hs_live_init(3);
    for (uint64_t at = HEAP; at < end; at += 64)
        for (int i = 0; i < 3; i++)
            hs_live_insert(at + places[i], 8 + (at + places[i]) / 8 % 3, 5);
    hs_live_each(check_ascending, &next);
    cr_expect(eq(u64, next, end));

    for (uint64_t at = HEAP; at < end; at += 64) {
        cr_assert(not(hs_live_remove(at + 16, NULL)));
        cr_assert(hs_live_remove(at + 8, NULL));
        cr_assert(not(hs_live_remove(at + 8, NULL)));
        cr_assert(hs_live_remove(at, NULL));
        cr_assert(hs_live_remove(at + 24, NULL));
    }
    cr_expect(eq(sz, live_blocks().count, 0));
}

Test(live, an_address_inside_a_block_is_not_the_block)
{
    hs_live_init(5);
    hs_live_insert(HEAP + 16, 24, 7);

    cr_expect(not(hs_live_remove(HEAP + 24, NULL)));
    cr_expect(eq(sz, live_blocks().count, 1));
}

Test(live, huge_blocks_keep_their_exact_size)
{
    const uint64_t sizes[] = {(1u << 27) - 1, 1u << 27, (1u << 28) + 12345,
                              ((uint64_t)3 << 40) + 7};
    const uint64_t last_granule = HEAP + (1u << 24) - 16;
    hs_live_init(5);

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        /* The rest of the size of this one goes into the next leaf. */
        hs_live_insert(last_granule, sizes[i], 9);
        struct list list = live_blocks();
        struct hs_live_block block = {0};
        bool found = hs_live_remove(last_granule, &block);

        cr_expect(eq(sz, list.count, 1));
        cr_expect(eq(u64, list.blocks[0].size, sizes[i]));
        cr_expect(found);
        cr_expect(eq(u64, block.size, sizes[i]));
        cr_expect(eq(sz, live_blocks().count, 0));
    }
}

Test(live, blocks_far_apart_come_in_order_of_address)
{
    hs_live_init(5);
    hs_live_insert(0x7ffff0000010u, 1, 2);
    hs_live_insert(HEAP + 16, 2, 2);
    hs_live_insert(0x10010, 3, 2);

    struct list list = live_blocks();

    cr_assert(eq(sz, list.count, 3));
    cr_expect(eq(u64, list.blocks[0].address, 0x10010));
    cr_expect(eq(u64, list.blocks[1].address, HEAP + 16));
    cr_expect(eq(u64, list.blocks[2].address, 0x7ffff0000010u));
}

Test(live, addresses_beyond_user_space_are_counted_as_dropped)
{
    hs_live_init(5);

    hs_live_insert(0xffff800000000010u, 8, 2);

    cr_expect(eq(u64, hs_live_dropped_count(), 1));
    cr_expect(eq(sz, live_blocks().count, 0));
    cr_expect(not(hs_live_remove(0xffff800000000010u, NULL)));
}

Test(live, a_restored_block_keeps_its_birth)
{
    hs_live_init(5);
    hs_live_insert(HEAP + 16, 24, 7);
    struct hs_live_block block;
    hs_live_remove(HEAP + 16, &block);
    hs_live_advance_epoch();

    hs_live_restore(&block);

    struct list list = live_blocks();
    cr_assert(eq(sz, list.count, 1));
    cr_expect(eq(u32, list.blocks[0].birth_epoch, 1));
}

Test(live, epochs_start_again_when_they_are_used_up)
{
    hs_live_init(5);
    hs_live_insert(HEAP + 16, 24, 7);
    uint32_t epoch = 1;
    for (int i = 0; i < 1022; i++)
        epoch = hs_live_advance_epoch();
    hs_live_insert(HEAP + 80, 24, 7);
    cr_assert(eq(u32, epoch, 1023));

    epoch = hs_live_advance_epoch();

    struct list list = live_blocks();
    cr_expect(eq(u32, epoch, 1));
    cr_expect(eq(u32, hs_control->epoch, 1));
    cr_assert(eq(sz, list.count, 2));
    cr_expect(eq(u32, list.blocks[0].birth_epoch, 0));
    cr_expect(eq(u32, list.blocks[1].birth_epoch, 0));
    cr_expect(eq(u32, list.blocks[1].stack, 7));
}

Test(live, an_overwritten_block_is_not_counted_twice)
{
    hs_live_init(5);

    for (uint64_t i = 0; i < 10000; i++)
        hs_live_insert(HEAP + 16, i, 7);

    cr_expect(le(i64, hs_control->live_blocks, 256));
    cr_expect(eq(sz, live_blocks().count, 1));
}

static void *insert_and_remove(void *context)
{
    uint64_t base = HEAP + (uint64_t)(uintptr_t)context * 32;
    for (int round = 0; round < 20; round++) {
        for (uint64_t i = 0; i < 2000; i++)
            hs_live_insert(base + i * 256 + 16, i, 7);
        for (uint64_t i = 0; i < 2000; i++)
            if (!hs_live_remove(base + i * 256 + 16, NULL))
                return context;
    }
    return NULL;
}

Test(live, threads_on_neighbouring_granules_lose_nothing)
{
    hs_live_init(5);
    pthread_t threads[4];

    for (uintptr_t i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, insert_and_remove, (void *)(i + 1));

    for (int i = 0; i < 4; i++) {
        void *failed = NULL;
        pthread_join(threads[i], &failed);
        cr_expect(zero(ptr, failed));
    }
    cr_expect(eq(sz, live_blocks().count, 0));
}

Test(live, what_was_given_back_can_begin_again_with_other_granules)
{
    hs_live_init(5);
    hs_live_insert(HEAP, 24, 7);
    hs_live_insert(HEAP + (1ull << 30), 24, 7);

    hs_live_deinit();
    hs_live_insert(HEAP + 64, 24, 7); /* nowhere to go */
    hs_live_init(3);
    cr_expect(not(hs_live_remove(HEAP, NULL)));
    hs_live_insert(HEAP + 8, 8, 9);

    struct list list = live_blocks();
    cr_assert(eq(u64, list.count, 1));
    cr_expect(eq(u64, list.blocks[0].address, HEAP + 8));
    cr_expect(eq(u32, list.blocks[0].stack, 9));
}

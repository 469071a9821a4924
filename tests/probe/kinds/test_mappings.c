// SPDX-License-Identifier: MIT

/*
 * The table of mappings, used directly: what is cut, split, replaced and put back, and
 * the same against a model with one cell a page, and with threads at once.
 */

#include <pthread.h>
#include <stdlib.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "probes/abi.h"
#include "probes/tracker/control.h"
#include "probes/tracker/mappings.h"

#define PAGE 0x1000ull

struct seen {
    struct hs_mapping at[16];
    size_t count;
};

static bool remember(const struct hs_mapping *mapping, void *context)
{
    struct seen *seen = context;
    if (seen->count < 16)
        seen->at[seen->count] = *mapping;
    seen->count++;
    return true;
}

static struct seen all_mappings(void)
{
    struct seen seen = {0};
    hs_mapping_each(remember, &seen);
    return seen;
}

/* Pages [first, +count), made by `stack`. */
static void add(uint64_t first, uint64_t count, uint32_t stack)
{
    hs_mapping_add(first * PAGE, count * PAGE, 0, stack);
}

static bool cut(uint64_t first, uint64_t count)
{
    return hs_mapping_remove(first * PAGE, count * PAGE, NULL);
}

static void expect_piece(const struct hs_mapping *piece, uint64_t first, uint64_t count,
                         uint32_t stack)
{
    cr_expect(eq(u64, piece->address, first * PAGE));
    cr_expect(eq(u64, piece->size, count * PAGE));
    cr_expect(eq(u32, piece->stack, stack));
}

Test(mappings, they_are_visited_in_ascending_order)
{
    add(30, 1, 3);
    add(10, 2, 1);
    add(20, 1, 2);

    struct seen seen = all_mappings();

    cr_assert(eq(sz, seen.count, 3));
    expect_piece(&seen.at[0], 10, 2, 1);
    expect_piece(&seen.at[1], 20, 1, 2);
    expect_piece(&seen.at[2], 30, 1, 3);
}

Test(mappings, unmapping_all_of_one_leaves_its_neighbours)
{
    add(10, 2, 1);
    add(12, 2, 2);
    add(14, 2, 3);

    bool known = cut(12, 2);
    struct seen seen = all_mappings();

    cr_expect(known);
    cr_assert(eq(sz, seen.count, 2));
    expect_piece(&seen.at[0], 10, 2, 1);
    expect_piece(&seen.at[1], 14, 2, 3);
}

Test(mappings, unmapping_the_head_keeps_the_tail)
{
    add(10, 4, 1);

    cut(10, 1);
    struct seen seen = all_mappings();

    cr_assert(eq(sz, seen.count, 1));
    expect_piece(&seen.at[0], 11, 3, 1);
}

Test(mappings, unmapping_the_tail_keeps_the_head)
{
    add(10, 4, 1);

    cut(13, 5);
    struct seen seen = all_mappings();

    cr_assert(eq(sz, seen.count, 1));
    expect_piece(&seen.at[0], 10, 3, 1);
}

Test(mappings, a_hole_splits_one_and_both_pieces_keep_their_birth)
{
    hs_control->epoch = 3;
    hs_mapping_add(10 * PAGE, 5 * PAGE, HS_BLOCK_SHARED, 1);

    hs_control->epoch = 9;
    cut(12, 1);
    struct seen seen = all_mappings();

    cr_assert(eq(sz, seen.count, 2));
    expect_piece(&seen.at[0], 10, 2, 1);
    expect_piece(&seen.at[1], 13, 2, 1);
    cr_expect(eq(u32, seen.at[0].birth_epoch, 3));
    cr_expect(eq(u32, seen.at[1].birth_epoch, 3));
    cr_expect(eq(u32, seen.at[1].flags, HS_BLOCK_SHARED));
}

Test(mappings, one_unmap_may_end_many)
{
    for (uint32_t i = 0; i < 6; i++)
        add(10 + 2 * i, 2, i + 1);

    cut(13, 6); /* the end of the second up to the middle of the fifth */
    struct seen seen = all_mappings();

    cr_assert(eq(sz, seen.count, 4));
    expect_piece(&seen.at[1], 12, 1, 2);
    expect_piece(&seen.at[2], 19, 1, 5);
    expect_piece(&seen.at[3], 20, 2, 6);
}

Test(mappings, a_fixed_mapping_replaces_what_was_there)
{
    add(10, 10, 1);

    add(13, 2, 2);
    struct seen seen = all_mappings();

    cr_assert(eq(sz, seen.count, 3));
    expect_piece(&seen.at[0], 10, 3, 1);
    expect_piece(&seen.at[1], 13, 2, 2);
    expect_piece(&seen.at[2], 15, 5, 1);
}

Test(mappings, adjacent_ones_stay_apart)
{
    add(10, 1, 7);
    add(11, 1, 7);

    struct seen seen = all_mappings();

    cr_expect(eq(sz, seen.count, 2));
}

Test(mappings, unmapping_what_nobody_recorded_changes_nothing)
{
    add(10, 1, 1);

    bool known = cut(11, 100);

    cr_expect(not(known));
    cr_expect(eq(sz, all_mappings().count, 1));
    cr_expect(eq(u64, hs_mapping_dropped_count(), 0));
}

Test(mappings, a_range_that_wraps_around_is_ignored)
{
    add(10, 1, 1);

    cr_expect(not(hs_mapping_remove(5 * PAGE, UINT64_MAX - PAGE, NULL)));
    cr_expect(eq(sz, all_mappings().count, 1));
}

Test(mappings, a_failed_unmap_puts_back_the_part_that_was_cut)
{
    struct hs_mapping gone = {0};
    hs_control->epoch = 2;
    add(10, 5, 1);
    hs_control->epoch = 6;

    hs_mapping_remove(12 * PAGE, PAGE, &gone);
    hs_mapping_restore(&gone);
    struct seen seen = all_mappings();

    cr_assert(eq(sz, seen.count, 3));
    expect_piece(&seen.at[1], 12, 1, 1);
    cr_expect(eq(u32, seen.at[1].birth_epoch, 2));
}

Test(mappings, the_byte_after_one_belongs_to_nobody)
{
    struct hs_mapping found = {0};
    add(10, 2, 1);

    cr_expect(hs_mapping_find(12 * PAGE - 1, &found));
    cr_expect(not(hs_mapping_find(12 * PAGE, &found)));
    cr_expect(not(hs_mapping_find(10 * PAGE - 1, &found)));
}

#if !defined(__SANITIZE_THREAD__) /* it copies 25 GB, each word of them checked */
Test(mappings, a_full_table_drops_the_new_ones_and_counts_them)
{
    struct hs_mapping found;
    for (uint64_t i = 0; i < HS_MAPPING_LIMIT; i++)
        add(10 + 2 * i, 1, 1);

    add(1, 1, 2);
    add(10, 1, 2); /* replaces one, so at least that one is gone */

    cr_expect(eq(u64, hs_mapping_dropped_count(), 1));
    cr_expect(not(hs_mapping_find(PAGE, &found)));
    cr_expect(eq(sz, all_mappings().count, HS_MAPPING_LIMIT));
}
#endif

Test(mappings, when_epochs_begin_anew_every_mapping_is_old)
{
    struct hs_mapping found = {.birth_epoch = 99};
    hs_control->epoch = 900;
    add(10, 1, 1);

    hs_mapping_forget_epochs();
    add(20, 1, 1); /* the table still takes updates */

    cr_assert(hs_mapping_find(10 * PAGE, &found));
    cr_expect(eq(u32, found.birth_epoch, 0));
    cr_expect(hs_mapping_find(20 * PAGE, &found));
}

#define MODEL_PAGES 64

static void compare_with_model(const uint32_t model[MODEL_PAGES])
{
    for (uint64_t page = 0; page < MODEL_PAGES; page++) {
        struct hs_mapping found = {0};
        hs_mapping_find(page * PAGE, &found);
        cr_assert(eq(u32, found.stack, model[page]), "page %d", (int)page);
    }
}

Test(mappings, a_thousand_random_changes_agree_with_a_table_of_pages)
{
    uint32_t model[MODEL_PAGES] = {0};
    srandom(20);

    for (uint32_t step = 1; step <= 1000; step++) {
        uint64_t first = (uint64_t)random() % MODEL_PAGES;
        uint64_t count = 1 + (uint64_t)random() % (MODEL_PAGES - first);
        bool adds = random() % 2;
        if (adds)
            add(first, count, step);
        else
            cut(first, count);
        for (uint64_t page = first; page < first + count; page++)
            model[page] = adds ? step : 0;
        compare_with_model(model);
    }
}

#define THREADS 4

/* Each thread works in a range of its own, as the kernel would give it. */
static void *work(void *context)
{
    uint64_t base = 1000 * (uint64_t)(uintptr_t)context;
    for (int round = 0; round < 2000; round++) {
        add(base, 4, 1);
        cut(base + 1, 1);
        cut(base, 4);
    }
    add(base, 1, (uint32_t)(uintptr_t)context);
    return NULL;
}

Test(mappings, threads_lose_no_update)
{
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, (void *)(i + 1));

    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    struct seen seen = all_mappings();

    cr_assert(eq(sz, seen.count, THREADS));
    for (uint32_t i = 0; i < THREADS; i++)
        expect_piece(&seen.at[i], 1000 * (i + 1), 1, i + 1);
    cr_expect(eq(u64, hs_mapping_dropped_count(), 0));
}

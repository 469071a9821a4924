// SPDX-License-Identifier: MIT

/*
 * Sampling: that the law is what it says, and that no sampled block is lost or invented.
 * Seeds are fixed, so that a result is always the same.
 */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>

#include "probes/tracker/control.h"
#include "probes/tracker/sample.h"

static bool is_chosen(uint64_t size)
{
    return !hs_sample_pass(size) && hs_sample_choose(size);
}

static void begin(uint64_t rate)
{
    hs_sample_begin(rate);
    hs_sample_seed = 20261120;
    hs_sample_left = 0;
}

/* What is estimated for `count` blocks of `size`, in standard deviations off the truth. */
static double deviation(uint64_t size, unsigned count)
{
    double chance = 1 - exp(-(double)size / (double)hs_sample_rate);
    double sigma = sqrt(count * (1 - chance) / chance);
    double estimate = 0;
    for (unsigned i = 0; i < count; i++)
        if (is_chosen(size))
            estimate += (double)hs_sample_weight(size) / 65536;
    return (estimate - count) / sigma;
}

Test(sample, estimates_every_size_without_a_bias)
{
    static const uint64_t sizes[] = {1,    16,    100,    1000,   4096,
                                     7777, 30000, 100000, 300000, 1000000};
    begin(65536);

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        double off = deviation(sizes[i], sizes[i] < 100 ? 30000000 : 2000000);
        cr_expect(fabs(off) < 5, "size %lu: %+.2f sigma", (unsigned long)sizes[i], off);
    }
}

Test(sample, estimates_a_mixture_without_a_bias)
{
    static const uint64_t sizes[] = {24, 64, 200, 1500, 9000, 70000, 600000};
    double truth = 0, estimate = 0, variance = 0;
    begin(32768);

    for (unsigned i = 0; i < 7000000; i++) {
        uint64_t size = sizes[i % 7];
        double chance = 1 - exp(-(double)size / 32768);
        truth += (double)size;
        variance += (double)size * (double)size * (1 - chance) / chance;
        if (is_chosen(size))
            estimate += (double)size * (double)hs_sample_weight(size) / 65536;
    }

    cr_expect(fabs(estimate - truth) < 5 * sqrt(variance), "%.0f for %.0f", estimate,
              truth);
    cr_expect(fabs(estimate / truth - 1) < 0.01);
}

Test(sample, weights_are_those_of_the_law)
{
    static const uint64_t rates[] = {1, 100, 4096, 524288, (uint64_t)1 << 40};
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        begin(rates[i]);
        for (uint64_t size = 1; size < (uint64_t)1 << 46; size = size * 3 / 2 + 1) {
            double weight = (double)hs_sample_weight(size) / 65536;
            double law = -1 / expm1(-(double)size / (double)rates[i]);
            cr_assert(fabs(weight / law - 1) < 0.0001, "%lu of %lu: %f, not %f",
                      (unsigned long)size, (unsigned long)rates[i], weight, law);
        }
    }
    hs_sample_end();
    cr_expect(eq(u64, hs_sample_weight(77), 65536));
}

Test(sample, blocks_of_no_bytes_are_never_chosen)
{
    begin(1);

    for (int i = 0; i < 1000; i++)
        cr_assert(not(is_chosen(0)));
}

Test(sample, sizes_that_cannot_be_do_no_harm)
{
    begin(524288);

    cr_expect(is_chosen(UINT64_MAX));
    cr_expect(is_chosen((uint64_t)1 << 63));
    cr_expect(gt(u64, hs_sample_left, 0));
    cr_expect(lt(u64, hs_sample_left, (uint64_t)1 << 30));
}

#define BLOCKS 20000

static uint64_t address_of(unsigned i)
{
    return 0x10000 + (uint64_t)i * 48 + (uint64_t)(i % 5) * (1ull << 40);
}

static uint64_t seen, sum, last;

static bool note(const struct hs_live_block *block, void *context)
{
    (void)context;
    cr_assert(gt(u64, block->address, last));
    last = block->address;
    seen++;
    sum += block->address ^ block->size ^ block->stack;
    return true;
}

static void walk(void)
{
    seen = sum = last = 0;
    hs_sample_each(note, NULL);
}

Test(sample, the_table_holds_what_was_put_in_and_not_taken_out)
{
    uint64_t expected = 0, left = 0;
    begin(4096);
    for (unsigned i = 0; i < BLOCKS; i++)
        hs_sample_insert(address_of(i), i, i + 2);
    for (unsigned i = 0; i < BLOCKS; i++) {
        struct hs_live_block block = {0};
        if (i % 4 == 0) {
            cr_assert(hs_sample_may_hold((void *)address_of(i)));
            cr_assert(hs_sample_remove(address_of(i), &block));
            cr_assert(eq(u64, block.size, i));
            cr_assert(eq(u32, block.stack, i + 2));
            cr_assert(not(hs_sample_remove(address_of(i), NULL)));
            continue;
        }
        left++;
        expected += address_of(i) ^ i ^ (i + 2);
    }

    walk();

    cr_expect(eq(u64, seen, left));
    cr_expect(eq(u64, sum, expected));
    cr_expect(eq(u64, hs_sample_dropped_count(), 0));
}

Test(sample, a_block_over_another_replaces_it)
{
    begin(4096);
    hs_sample_insert(0x1000, 10, 2);
    hs_sample_insert(0x1000, 20, 3);

    walk();

    cr_expect(eq(u64, seen, 1));
    cr_expect(eq(u64, sum, 0x1000 ^ 20 ^ 3));
}

Test(sample, the_filter_empties_with_the_table)
{
    begin(4096);
    for (unsigned i = 0; i < 200; i++)
        hs_sample_insert(0x100000 + i * 64, 64, 2);
    cr_expect(hs_sample_may_hold((void *)0x100000));
    for (unsigned i = 0; i < 200; i++)
        hs_sample_remove(0x100000 + i * 64, NULL);

    cr_expect(not(hs_sample_may_hold((void *)0x100000)));
}

Test(sample, a_free_of_nothing_takes_no_block_out)
{
    begin(1);
    uint64_t neighbour = (uint64_t)1 << 39; /* shares an entry with 0 */
    hs_sample_insert(neighbour, 100, 2);
    cr_assert(hs_sample_may_hold(NULL));

    cr_expect(not(hs_sample_remove(0, NULL)));

    cr_expect(hs_sample_may_hold((void *)neighbour));
    cr_expect(hs_sample_remove(neighbour, NULL));
}

Test(sample, a_full_place_of_the_filter_stays_full)
{
    begin(4096);
    for (unsigned i = 0; i < 300; i++)
        hs_sample_insert((uint64_t)(i + 1) << 39 | 0x5000, 64, 2);
    for (unsigned i = 1; i < 300; i++)
        hs_sample_remove((uint64_t)(i + 1) << 39 | 0x5000, NULL);

    cr_expect(hs_sample_may_hold((void *)((uint64_t)1 << 39 | 0x5000)));
    cr_expect(hs_sample_remove((uint64_t)1 << 39 | 0x5000, NULL));
}

Test(sample, running_totals_are_estimates_and_return_to_nothing)
{
    begin(1000);
    for (unsigned i = 0; i < 1000; i++)
        hs_sample_insert(0x1000 + i * 64, 10, 2);

    int64_t blocks = hs_control->live_blocks, bytes = hs_control->live_bytes;
    for (unsigned i = 0; i < 1000; i++)
        hs_sample_remove(0x1000 + i * 64, NULL);

    double weight = -1 / expm1(-0.01);
    cr_expect(lt(dbl, fabs((double)blocks - 1000 * weight), 10));
    cr_expect(lt(dbl, fabs((double)bytes - 10000 * weight), 2000));
    cr_expect(eq(i64, hs_control->live_blocks, 0));
    cr_expect(eq(i64, hs_control->live_bytes, 0));
}

Test(sample, what_was_ended_can_begin_again)
{
    begin(4096);
    hs_sample_insert(0x1000, 10, 2);

    hs_sample_end();
    begin(4096);
    walk();

    cr_expect(eq(u64, seen, 0));
    cr_expect(not(hs_sample_may_hold((void *)0x1000)));
}

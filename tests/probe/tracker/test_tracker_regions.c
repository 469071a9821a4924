// SPDX-License-Identifier: MIT

/* Regions come and go as exact pairs, however many threads there are. */

#include "probes/tracker/regions.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>

struct sum {
    uint64_t count, size;
};

static bool add_up(uint64_t start, uint64_t size, void *context)
{
    struct sum *sum = context;
    (void)start;
    sum->count++;
    sum->size += size;
    return true;
}

static struct sum all(void)
{
    struct sum sum = {0};
    hs_region_each(add_up, &sum);
    return sum;
}

Test(regions, a_pair_stays_until_it_was_taken_back_as_often)
{
    cr_expect(hs_region_add(0x1000, 16));
    cr_expect(hs_region_add(0x1000, 16));
    cr_expect(hs_region_add(0x1000, 32));
    cr_expect(eq(u64, all().size, 48));

    cr_expect(hs_region_remove(0x1000, 16));
    cr_expect(eq(u64, all().size, 48));
    cr_expect(hs_region_remove(0x1000, 16));
    cr_expect(eq(u64, all().size, 32));

    cr_expect(not(hs_region_remove(0x1000, 16)));
    cr_expect(not(hs_region_remove(0x1008, 32)));
    cr_expect(hs_region_remove(0x1000, 32));
    cr_expect(eq(u64, all().count, 0));
}

Test(regions, what_is_empty_or_too_large_is_refused)
{
    cr_expect(not(hs_region_add(0x1000, 0)));
    cr_expect(not(hs_region_add(0x1000, UINT64_MAX)));
    cr_expect(not(hs_region_remove(0, 0)));
}

Test(regions, a_full_table_refuses_and_takes_again_when_one_is_free)
{
    for (uint64_t i = 1; i <= HS_REGIONS_MAX; i++)
        cr_assert(hs_region_add(i, 1));

    cr_expect(not(hs_region_add(9999, 1)));
    cr_expect(hs_region_remove(77, 1));
    cr_expect(hs_region_add(9999, 1));
}

static void *come_and_go(void *context)
{
    uint64_t own = (uint64_t)(uintptr_t)context;
    for (int i = 0; i < 2000; i++) {
        cr_assert(hs_region_add(0x5000, 8));
        cr_assert(hs_region_add(own, 8));
        cr_assert(hs_region_remove(0x5000, 8));
        cr_assert(hs_region_remove(own, 8));
    }
    return NULL;
}

Test(regions, threads_do_not_lose_each_others)
{
    pthread_t threads[4];
    for (uintptr_t i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, come_and_go, (void *)(0x100 + i));
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);

    cr_expect(eq(u64, all().count, 0));
}

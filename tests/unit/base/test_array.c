// SPDX-License-Identifier: MIT

/* Growing arrays. */

#include "libheapsnap/base/array.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdint.h>

Test(array, keeps_what_was_pushed_while_it_grows)
{
    HS_ARRAY(uint32_t) numbers = {0};

    bool is_fine = true;
    for (uint32_t i = 0; i < 1000; i++)
        is_fine = is_fine && hs_array_push(&numbers, i * 3);

    cr_assert(is_fine);
    cr_expect(eq(sz, numbers.count, 1000));
    for (uint32_t i = 0; i < 1000; i++)
        cr_expect(eq(u32, numbers.at[i], i * 3));
    free(numbers.at);
}

Test(array, a_size_beyond_memory_leaves_the_array_as_it_was)
{
    HS_ARRAY(uint64_t) numbers = {0};
    bool is_pushed = hs_array_push(&numbers, 7);

    bool is_huge = hs_array_reserve(&numbers, SIZE_MAX / 4);

    cr_assert(is_pushed);
    cr_expect(not(is_huge));
    cr_expect(eq(sz, numbers.count, 1));
    cr_expect(eq(u64, numbers.at[0], 7));
    free(numbers.at);
}

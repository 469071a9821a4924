// SPDX-License-Identifier: MIT

/* Blocks that begin with a count of what follows. */

#include "libheapsnap/scan/shape.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static uint32_t shape(uint64_t first, uint64_t second, uint64_t size)
{
    uint64_t words[4] = {first, second, 0, 0};
    return hs_shape_of(words, size);
}

Test(shape, an_array_behind_its_count_divides_into_equal_parts)
{
    cr_expect(eq(u32, shape(5, 0, 8 + 5 * 24), HS_SHAPE_COUNTED));
    cr_expect(eq(u32, shape(1, 0, 8 + 40), HS_SHAPE_COUNTED));
    cr_expect(eq(u32, shape(5, 0, 8 + 5 * 24 + 1), 0));
    cr_expect(eq(u32, shape(0, 0, 48), 0));
    cr_expect(eq(u32, shape(41, 0, 48), 0));
    cr_expect(eq(u32, shape(0x55550000, 0, 48), 0));
}

Test(shape, a_length_in_front_is_a_count_of_bytes)
{
    cr_expect(eq(u32, shape(40, 0, 48), HS_SHAPE_COUNTED));
}

Test(shape, an_old_string_has_length_capacity_and_a_closing_zero)
{
    cr_expect(eq(u32, shape(10, 20, 24 + 20 + 1) & HS_SHAPE_STRING, HS_SHAPE_STRING));
    cr_expect(eq(u32, shape(21, 20, 24 + 20 + 1) & HS_SHAPE_STRING, 0));
    cr_expect(eq(u32, shape(10, 20, 24 + 20) & HS_SHAPE_STRING, 0));
}

Test(shape, a_block_without_room_for_more_than_a_count_has_none)
{
    cr_expect(eq(u32, shape(1, 0, 8), 0));
    cr_expect(eq(u32, shape(1, 0, 0), 0));
}

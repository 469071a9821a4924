// SPDX-License-Identifier: MIT

/* Bytes as DevTools prints them. */

#include "libheapsnap/base/size.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <limits.h>

static void expect_text(uint64_t bytes, const char *wanted)
{
    char text[HS_SIZE_TEXT];
    cr_expect(eq(str, (char *)hs_size_text(bytes, text), (char *)wanted));
}

Test(size, units_are_powers_of_1000)
{
    expect_text(0, "0 B");
    expect_text(999, "999 B");
    expect_text(1000, "1.0 kB");
    expect_text(1048576, "1.0 MB");
    expect_text(UINT64_C(1) << 40, "1.1 TB");
    expect_text(UINT64_MAX, "18.4 EB");
}

Test(size, one_decimal_is_shown_below_100_only)
{
    expect_text(99949, "99.9 kB");
    expect_text(99950, "100 kB");
    expect_text(123456789, "123 MB");
}

Test(size, what_would_round_to_1000_becomes_the_next_unit)
{
    expect_text(999499, "999 kB");
    expect_text(999500, "1.0 MB");
    expect_text(999999999999, "1.0 TB");
}

Test(size, changes_carry_a_sign_except_nothing)
{
    char text[HS_SIZE_TEXT];

    cr_expect(eq(str, (char *)hs_size_change_text(1500, text), "+1.5 kB"));
    cr_expect(eq(str, (char *)hs_size_change_text(-12, text), "-12 B"));
    cr_expect(eq(str, (char *)hs_size_change_text(0, text), "0 B"));
    cr_expect(eq(str, (char *)hs_size_change_text(INT64_MIN, text), "-9.2 EB"));
}

// SPDX-License-Identifier: MIT

/*
 * Sizes, addresses, and classes that DevTools must not cut at a space.
 */

#include "libheapsnap/assemble/names.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdint.h>

static void expect_hex(uint64_t value, const char *expected)
{
    char text[20] = "";
    text[hs_name_hex(text, value)] = '\0';
    cr_expect(eq(str, text, (char *)expected));
}

Test(names, addresses_have_no_leading_zeros)
{
    expect_hex(0, "0x0");
    expect_hex(0x55d0c3a03348, "0x55d0c3a03348");
    expect_hex(UINT64_MAX, "0xffffffffffffffff");
}

Test(names, every_space_becomes_a_no_break_space)
{
    char text[64];

    size_t length = hs_name_without_spaces(text, sizeof(text), "a b (c d)");

    cr_expect(eq(str, text, "a\u00a0b\u00a0(c\u00a0d)"));
    cr_expect(eq(sz, length, 12));
}

Test(names, a_name_too_long_is_cut_between_characters)
{
    char text[6];

    hs_name_without_spaces(text, sizeof(text), "abc← x"); /* the arrow has three bytes */
    cr_expect(eq(str, text, "abc"));
    hs_name_without_spaces(text, sizeof(text), "abcd ");
    cr_expect(eq(str, text, "abcd"));
    hs_name_without_spaces(text, sizeof(text), "ab←z");
    cr_expect(eq(str, text, "ab←"));
}

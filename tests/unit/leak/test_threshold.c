// SPDX-License-Identifier: MIT

/* Which growth is a leak event. */

#include "heapsnap/leak.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>

static struct hs_threshold parse(const char *text)
{
    struct hs_threshold threshold = {0};
    struct hs_error err = {0};
    cr_assert(eq(int, hs_threshold_parse(text, &threshold, &err), 0), "%s", err.text);
    return threshold;
}

static struct hs_growth growth(uint64_t bytes_before, uint64_t bytes_after,
                               uint64_t count_before, uint64_t count_after)
{
    return (struct hs_growth){.name = "struct session",
                              .bytes_before = bytes_before,
                              .bytes_after = bytes_after,
                              .count_before = count_before,
                              .count_after = count_after};
}

static bool is_crossed(const char *text, struct hs_growth group)
{
    struct hs_threshold threshold = parse(text);
    return hs_threshold_crossed(&threshold, &group, NULL, 0);
}

Test(threshold, sizes_have_suffixes_of_1024)
{
    cr_expect(eq(u64, parse("4096").bytes, 4096));
    cr_expect(eq(u64, parse("512K").bytes, 512 * 1024));
    cr_expect(eq(u64, parse("1.5M").bytes, 1536 * 1024));
    cr_expect(eq(u64, parse("1GiB").bytes, 1 << 30));
    cr_expect(eq(u64, parse("2kb").bytes, 2048));
}

Test(threshold, several_parts_are_separated_by_commas)
{
    struct hs_threshold threshold = parse("1M, 10%,100-objects");

    cr_expect(threshold.has_bytes && threshold.has_percent && threshold.has_objects);
    cr_expect(eq(u64, threshold.bytes, 1 << 20));
    cr_expect(eq(dbl, threshold.percent, 10.0));
    cr_expect(eq(u64, threshold.objects, 100));
}

Test(threshold, objects_are_written_with_a_blank_too)
{
    cr_expect(eq(u64, parse("1 object").objects, 1));
    cr_expect(eq(u64, parse("100 objects").objects, 100));
}

Test(threshold, nonsense_is_refused_with_examples)
{
    static const char *const wrong[] = {
        "",           ",",   "x",   "0",           "-5",           "1MM",
        "10%%",       "1e9", "1M,", "0.5-objects", "99999999999T", "%",
        "1-objectss", "0%"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct hs_threshold threshold = {.bytes = 17};
        struct hs_error err = {0};

        cr_expect(eq(int, hs_threshold_parse(wrong[i], &threshold, &err), -EINVAL),
                  "'%s'", wrong[i]);
        cr_expect(strstr(err.text, "1M, 512K, 10% or 100-objects") != NULL, "%s",
                  err.text);
        cr_expect(eq(u64, threshold.bytes, 17), "the output was touched");
    }
}

Test(threshold, reaching_the_limit_is_enough)
{
    cr_expect(is_crossed("1K", growth(1000, 2024, 1, 2)));
    cr_expect(not(is_crossed("1K", growth(1000, 2023, 1, 2))));
    cr_expect(is_crossed("100-objects", growth(10, 10, 5, 105)));
    cr_expect(not(is_crossed("100-objects", growth(10, 10, 5, 104))));
}

Test(threshold, shrinking_is_no_leak)
{
    cr_expect(not(is_crossed("1,1%,1-object", growth(1 << 30, 0, 1000, 0))));
}

Test(threshold, percentages_need_4096_bytes)
{
    cr_expect(not(is_crossed("10%", growth(100, 4195, 1, 2))));
    cr_expect(is_crossed("10%", growth(100, 4196, 1, 2)));
    cr_expect(not(is_crossed("10%", growth(1000000, 1099999, 1, 2))));
    cr_expect(is_crossed("10%", growth(1000000, 1100000, 1, 2)));
}

Test(threshold, a_new_group_crosses_every_percentage)
{
    cr_expect(is_crossed("500%", growth(0, 5000, 0, 5)));
}

Test(threshold, the_reason_names_the_part)
{
    char reason[128];
    struct hs_threshold threshold = parse("1M,10%,100-objects");
    struct hs_growth bytes = growth(0, 2000000, 0, 1), objects = growth(0, 100, 0, 100),
                     percent = growth(100000, 150000, 1, 2);

    cr_assert(hs_threshold_crossed(&threshold, &bytes, reason, sizeof(reason)));
    cr_expect(eq(str, reason, "+2.0 MB ≥ 1.0 MB"));
    cr_assert(hs_threshold_crossed(&threshold, &objects, reason, sizeof(reason)));
    cr_expect(eq(str, reason, "+100 objects ≥ 100 objects"));
    cr_assert(hs_threshold_crossed(&threshold, &percent, reason, sizeof(reason)));
    cr_expect(eq(str, reason, "+50% ≥ 10%"));
}

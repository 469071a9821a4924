// SPDX-License-Identifier: MIT

/*
 * What a snapshot says about the process and about itself.
 */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <jansson.h>
#include <string.h>

#include "picture.h"

static json_t *metadata(const struct hs_snapshot *snapshot)
{
    return json_object_get(snapshot->metadata, "heapsnap");
}

static void expect_text(const struct hs_snapshot *snapshot, const char *key,
                        const char *expected)
{
    const char *text = json_string_value(json_object_get(metadata(snapshot), key));
    cr_expect(eq(str, (char *)(text ? text : "(none)"), (char *)expected), "%s", key);
}

static void expect_number(const struct hs_snapshot *snapshot, const char *key,
                          int64_t expected)
{
    json_t *value = json_object_get(metadata(snapshot), key);
    cr_assert(value != NULL, "%s", key);
    cr_expect(eq(i64, json_integer_value(value), expected), "%s", key);
}

Test(metadata, the_process_is_named)
{
    struct fake *fake = fake_create();
    struct hs_capture_header *header = fake_header(fake);
    header->strings_command = fake_string(fake, "./server --port 80");
    header->strings_executable = fake_string(fake, "/srv/server");
    header->time = 1763655302123456789ull;
    header->trigger = HS_TRIGGER_EXIT;
    header->exit_status = 3;
    header->pause_ns = 2500000;

    struct hs_snapshot *snapshot = picture_of(fake, 1);

    expect_number(snapshot, "pid", 4242);
    expect_text(snapshot, "command", "./server --port 80");
    expect_text(snapshot, "executable", "/srv/server");
    expect_text(snapshot, "time", "2025-11-20T16:15:02.123Z");
    expect_text(snapshot, "trigger", "exit");
    expect_number(snapshot, "exit_status", 3);
    double pause = json_real_value(json_object_get(metadata(snapshot), "pause_ms"));
    cr_expect(epsilon_eq(dbl, pause, 2.5, 0.001));
    hs_snapshot_destroy(snapshot);
}

Test(metadata, a_status_that_nobody_knows_is_not_written)
{
    struct fake *fake = fake_create();
    struct hs_capture_header *header = fake_header(fake);
    header->trigger = HS_TRIGGER_EXIT;
    header->exit_status = HS_EXIT_STATUS_UNKNOWN;

    struct hs_snapshot *snapshot = picture_of(fake, 1);

    expect_text(snapshot, "trigger", "exit");
    cr_expect(json_object_get(metadata(snapshot), "exit_status") == NULL);
    hs_snapshot_destroy(snapshot);
}

Test(metadata, live_and_lost_are_counted_without_mappings)
{
    struct fake *fake = fake_create();
    fake_block(fake, 0x1000, 100, HS_STACK_UNKNOWN);
    fake_block(fake, 0x2000, 50, HS_STACK_UNKNOWN);
    fake_mapping(fake, 0x10000, 4096, HS_BLOCK_READ);
    uint32_t root = fake_root(fake, HS_ROOT_MODULE,
                              fake_module(fake, "/nowhere/a", 0x40000, 0x50000, 8), 0, 1);
    fake_root_edge(fake, root, 0, 0, 0);
    fake_handle(fake, 3, "open", "/etc/passwd", HS_STACK_UNKNOWN);

    struct hs_snapshot *snapshot = picture_of(fake, 1);

    expect_number(snapshot, "live_blocks", 2);
    expect_number(snapshot, "live_bytes", 150);
    expect_number(snapshot, "mapped_bytes", 4096);
    expect_number(snapshot, "lost_blocks", 1);
    expect_number(snapshot, "lost_bytes", 50);
    expect_number(snapshot, "handles", 1);
    hs_snapshot_destroy(snapshot);
}

Test(metadata, a_command_that_is_no_text_is_still_written)
{
    struct fake *fake = fake_create();
    fake_header(fake)->strings_command = fake_string(fake, "./a \xff\xfe");

    struct hs_snapshot *snapshot = picture_of(fake, 1);

    expect_text(snapshot, "command", "./a ??");
    hs_snapshot_destroy(snapshot);
}

Test(metadata, of_a_sample_live_numbers_are_estimates_and_lost_ones_unknown)
{
    struct fake *fake = fake_create();
    fake_header(fake)->sample_rate = 524288;
    fake_block(fake, 0x1000, 100, HS_STACK_UNKNOWN);
    fake_mapping(fake, 0x10000, 4096, HS_BLOCK_READ);
    fake_total(fake, HS_STACK_UNKNOWN, 5243, 524338);

    struct hs_snapshot *snapshot = picture_of(fake, 1);

    expect_number(snapshot, "sample_rate", 524288);
    expect_number(snapshot, "sampled_blocks", 1);
    expect_number(snapshot, "sampled_bytes", 100);
    expect_number(snapshot, "live_blocks", 5243);
    expect_number(snapshot, "live_bytes", 524338);
    expect_number(snapshot, "mappings", 1);
    bool is_unknown = json_is_null(json_object_get(metadata(snapshot), "lost_blocks"));
    cr_expect(is_unknown);
    cr_expect(picture_has_node(snapshot, "(Unreachable in the sample)"));
    cr_expect(not(picture_has_node(snapshot, "(Unreachable: leaked)")));
    for (uint32_t i = 0; i < snapshot->node_count; i++)
        cr_expect(eq(int, snapshot->node_detachedness[i], 0));
    hs_snapshot_destroy(snapshot);
}

Test(metadata, limits_that_were_hit_are_sentences)
{
    struct fake *fake = fake_create();
    struct hs_capture_header *header = fake_header(fake);
    header->records_dropped = 12;
    header->stacks_dropped = 3;
    header->memory_limit = 65536;

    struct hs_snapshot *snapshot = picture_of(fake, 1);

    json_t *limits = json_object_get(metadata(snapshot), "limits");
    cr_assert(eq(u64, json_array_size(limits), 3));
    cr_expect(eq(str, (char *)json_string_value(json_array_get(limits, 0)),
                 "12 blocks were not recorded"));
    cr_expect(eq(str, (char *)json_string_value(json_array_get(limits, 1)),
                 "3 stacks were not recorded"));
    cr_expect(eq(str, (char *)json_string_value(json_array_get(limits, 2)),
                 "the tables were limited to 65536 bytes by memory="));
    hs_snapshot_destroy(snapshot);
}

Test(metadata, what_was_ever_allocated_is_summed_when_it_was_counted)
{
    struct fake *fake = fake_create();
    fake_total_ever(fake, HS_STACK_UNKNOWN, 70, 7000);

    struct hs_snapshot *snapshot = picture_of(fake, 1);

    expect_number(snapshot, "allocated_blocks", 70);
    expect_number(snapshot, "allocated_bytes", 7000);
    hs_snapshot_destroy(snapshot);
}

Test(metadata, who_looked_from_outside_says_what_that_costs)
{
    struct fake *fake = fake_create();
    fake_header(fake)->source = HS_SOURCE_CORE;
    fake_header(fake)->busy_arenas = 2;

    struct hs_snapshot *snapshot = picture_of(fake, 1);

    expect_text(snapshot, "source", "core");
    expect_number(snapshot, "busy_arenas", 2);
    const char *note = json_string_value(
        json_array_get(json_object_get(metadata(snapshot), "notes"), 0));
    cr_assert(note != NULL);
    cr_expect(strstr(note, "ids are by address") != NULL, "%s", note);
    hs_snapshot_destroy(snapshot);
}

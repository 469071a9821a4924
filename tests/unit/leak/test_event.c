// SPDX-License-Identifier: MIT

/* Leak events as text and as JSON. */

#include "heapsnap/leak.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <jansson.h>

static const struct hs_growth sessions = {
    .name = "malloc ← session_new (session.c:24)",
    .stack = "session_new (session.c:24) ← on_accept (server.c:201)",
    .bytes_before = 1200,
    .bytes_after = 2300000,
    .count_before = 6,
    .count_after = 9000,
};

Test(event, the_line_says_what_grew_from_where_to_where_and_who_allocated)
{
    char line[512];

    hs_leak_event_text(&sessions, "+2.3 MB ≥ 1.0 MB", line, sizeof(line));

    cr_expect(
        eq(str, line,
           "leak: malloc ← session_new (session.c:24) grew from 1.2 kB (6 blocks) to "
           "2.3 MB (9000 blocks): +2.3 MB ≥ 1.0 MB; allocated by session_new "
           "(session.c:24) ← on_accept (server.c:201)"));
}

Test(event, a_short_buffer_gets_what_fits_and_the_length_of_all)
{
    char line[8], whole[512];

    int length = hs_leak_event_text(&sessions, NULL, line, sizeof(line));

    cr_expect(eq(int, length, hs_leak_event_text(&sessions, NULL, whole, sizeof(whole))));
    cr_expect(eq(str, line, "leak: m"));
}

Test(event, json_says_the_same)
{
    json_t *event = hs_leak_event_json(&sessions, "reason");

    cr_assert(event != NULL);
    cr_expect(
        eq(str, (char *)json_string_value(json_object_get(event, "event")), "leak"));
    cr_expect(eq(str, (char *)json_string_value(json_object_get(event, "name")),
                 (char *)sessions.name));
    cr_expect(
        eq(int, (int)json_integer_value(json_object_get(event, "bytes_after")), 2300000));
    cr_expect(
        eq(int, (int)json_integer_value(json_object_get(event, "count_before")), 6));
    json_decref(event);
}

Test(event, an_unknown_stack_is_null)
{
    struct hs_growth group = sessions;
    group.stack = NULL;

    json_t *event = hs_leak_event_json(&group, "reason");

    cr_expect(eq(int, json_typeof(json_object_get(event, "stack")), JSON_NULL));
    json_decref(event);
}

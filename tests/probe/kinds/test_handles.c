// SPDX-License-Identifier: MIT

/* The table of open handles, used directly. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "probes/tracker/control.h"
#include "probes/tracker/handles.h"

struct seen {
    int32_t numbers[8];
    int count;
};

static bool remember(const struct hs_handle *handle, void *context)
{
    struct seen *seen = context;
    if (seen->count < 8)
        seen->numbers[seen->count] = handle->number;
    seen->count++;
    return true;
}

static bool stop_at_once(const struct hs_handle *handle, void *context)
{
    (void)handle;
    ++*(int *)context;
    return false;
}

Test(handles, an_opened_handle_is_found_with_its_call_and_stack)
{
    hs_control->epoch = 7;
    hs_handle_opened(HS_HANDLE_FD, 12, "socket", 41);

    struct hs_handle handle = {0};
    bool found = hs_handle_find(HS_HANDLE_FD, 12, &handle);

    cr_expect(found);
    cr_expect(eq(int, handle.number, 12));
    cr_expect(eq(u32, handle.stack, 41));
    cr_expect(eq(u32, handle.birth_epoch, 7));
    cr_expect(eq(str, (char *)handle.call, "socket"));
    cr_expect(gt(u64, handle.time, 1500000000ull * 1000000000));
}

Test(handles, a_closed_handle_is_forgotten_and_returned)
{
    hs_handle_opened(HS_HANDLE_FD, 3, "open", 5);

    struct hs_handle closed = {0};
    bool known = hs_handle_closed(HS_HANDLE_FD, 3, &closed);

    cr_expect(known);
    cr_expect(eq(u32, closed.stack, 5));
    cr_expect(not(hs_handle_find(HS_HANDLE_FD, 3, NULL)));
    cr_expect(not(hs_handle_closed(HS_HANDLE_FD, 3, NULL)));
}

Test(handles, a_restored_handle_keeps_its_birth)
{
    struct hs_handle before = {0}, after = {0};
    hs_control->epoch = 1;
    hs_handle_opened(HS_HANDLE_FD, 9, "accept", 5);
    hs_handle_closed(HS_HANDLE_FD, 9, &before);

    hs_control->epoch = 4;
    hs_handle_restore(&before);
    hs_handle_find(HS_HANDLE_FD, 9, &after);

    cr_expect(eq(u32, after.birth_epoch, 1));
    cr_expect(eq(u64, after.time, before.time));
}

Test(handles, opening_over_a_number_replaces_what_was_recorded)
{
    hs_handle_opened(HS_HANDLE_FD, 9, "open", 5);

    struct hs_handle handle = {0};
    hs_handle_opened(HS_HANDLE_FD, 9, "dup2", 6);
    hs_handle_find(HS_HANDLE_FD, 9, &handle);

    cr_expect(eq(u32, handle.stack, 6));
    cr_expect(eq(i64, hs_control->open_handles, 1));
}

Test(handles, they_are_visited_in_ascending_order_across_chunks)
{
    hs_handle_opened(HS_HANDLE_FD, 70000, "open", 1);
    hs_handle_opened(HS_HANDLE_FD, 2, "open", 1);
    hs_handle_opened(HS_HANDLE_FD, 600, "open", 1);

    struct seen seen = {0};
    hs_handle_each(remember, &seen);

    cr_assert(eq(int, seen.count, 3));
    cr_expect(eq(int, seen.numbers[0], 2));
    cr_expect(eq(int, seen.numbers[1], 600));
    cr_expect(eq(int, seen.numbers[2], 70000));
}

Test(handles, a_visit_can_stop)
{
    hs_handle_opened(HS_HANDLE_FD, 1, "open", 1);
    hs_handle_opened(HS_HANDLE_FD, 2, "open", 1);

    int visits = 0;
    hs_handle_each(stop_at_once, &visits);

    cr_expect(eq(int, visits, 1));
}

Test(handles, a_range_is_forgotten_with_both_of_its_ends)
{
    for (int fd = 10; fd < 15; fd++)
        hs_handle_opened(HS_HANDLE_FD, fd, "open", 1);
    hs_handle_opened(HS_HANDLE_FD, 90000, "open", 1);

    struct seen seen = {0};
    hs_handle_closed_range(HS_HANDLE_FD, 11, 13);
    hs_handle_each(remember, &seen);

    cr_assert(eq(int, seen.count, 3));
    cr_expect(eq(int, seen.numbers[0], 10));
    cr_expect(eq(int, seen.numbers[1], 14));
    cr_expect(eq(int, seen.numbers[2], 90000));
}

Test(handles, a_range_without_end_reaches_the_last_number)
{
    hs_handle_opened(HS_HANDLE_FD, 5, "open", 1);
    hs_handle_opened(HS_HANDLE_FD, (1 << 20) - 1, "open", 1);

    hs_handle_closed_range(HS_HANDLE_FD, 0, UINT32_MAX);

    cr_expect(eq(i64, hs_control->open_handles, 0));
}

Test(handles, numbers_beyond_the_table_are_counted_and_never_recorded)
{
    hs_handle_opened(HS_HANDLE_FD, 1 << 20, "open", 1);
    hs_handle_opened(HS_HANDLE_FD, -1, "open", 1);

    cr_expect(eq(u64, hs_handle_dropped_count(), 2));
    cr_expect(not(hs_handle_find(HS_HANDLE_FD, 1 << 20, NULL)));
    cr_expect(not(hs_handle_find(HS_HANDLE_FD, -1, NULL)));
}

Test(handles, when_epochs_begin_anew_every_handle_is_old)
{
    struct hs_handle handle = {.birth_epoch = 99};
    hs_control->epoch = 900;
    hs_handle_opened(HS_HANDLE_FD, 600, "open", 1);

    hs_handle_forget_epochs();

    cr_assert(hs_handle_find(HS_HANDLE_FD, 600, &handle));
    cr_expect(eq(u32, handle.birth_epoch, 0));
}

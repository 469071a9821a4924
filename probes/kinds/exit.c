// SPDX-License-Identifier: MIT

/*
 * The ways to end a process. exit() runs our handler (tracker/lifecycle.c), and only says
 * here who called it; the others run none.
 */

#include <stdlib.h>
#include <unistd.h>

#include "probes/tracker/next.h"
#include "probes/tracker/raw.h"
#include "probes/tracker/thread.h"
#include "probes/tracker/trigger.h"

HS_NEXT(void, _exit, (int))
HS_NEXT(void, quick_exit, (int))
HS_NEXT(void, exit, (int))

static void take_exit_snapshot(int status)
{
    if (hs_tracker_is_on() && hs_tracker_is_this_process())
        hs_trigger_exit(status);
}

static void end(int status)
{
    take_exit_snapshot(status);
    if (hs_next__exit())
        hs_next__exit()(status);
    for (;;)
        hs_raw(SYS_exit_group, status);
}

HS_EXPORT void _exit(int status)
{
    end(status);
    __builtin_unreachable();
}

HS_EXPORT void _Exit(int status)
{
    end(status);
    __builtin_unreachable();
}

HS_EXPORT void quick_exit(int status)
{
    take_exit_snapshot(status);
    if (hs_next_quick_exit())
        hs_next_quick_exit()(status);
    for (;;)
        hs_raw(SYS_exit_group, status);
}

HS_EXPORT void exit(int status)
{
    hs_trigger_ending((const char *)__builtin_frame_address(0) + 2 * sizeof(void *));
    if (hs_next_exit())
        hs_next_exit()(status);
    for (;;)
        hs_raw(SYS_exit_group, status);
}

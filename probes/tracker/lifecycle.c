// SPDX-License-Identifier: MIT

/*
 * From the first allocation to the end of the process, and what fork makes of us.
 *
 * Other libraries' constructors run before ours and allocate, and what they allocate
 * holds other blocks; so the tables exist from the first allocation on, with the caller
 * alone for a stack. The rest waits for our own constructor: before libc's, dlopen would
 * start libc without its arguments and environment (that is what initfirst would do).
 *
 * Exit handlers run in reverse order, so ours, registered before main, is among the last:
 * what is live then was freed by nobody.
 */

#include "probes/tracker/lifecycle.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probes/tracker/allocators.h"
#include "probes/tracker/control.h"
#include "probes/tracker/guard.h"
#include "probes/tracker/mappings.h"
#include "probes/tracker/module_table.h"
#include "probes/tracker/options.h"
#include "probes/tracker/raw.h"
#include "probes/tracker/refuse.h"
#include "probes/tracker/report.h"
#include "probes/tracker/sandbox.h"
#include "probes/tracker/stack_end.h"
#include "probes/tracker/switch.h"
#include "probes/tracker/thread.h"
#include "probes/tracker/trigger.h"
#include "probes/tracker/unwind.h"
#include "probes/tracker/verify.h"
#include "probes/tracker/walk.h"

static void note_shim_path(const struct hs_module *shim)
{
    size_t used = 0;
    char *path = hs_control->shim_path;
    if (shim->path[0] != '/') {
        long length = hs_raw(SYS_getcwd, path, sizeof(hs_control->shim_path) / 2 - 1);
        if (length > 1) {
            used = (size_t)length - 1;
            path[used++] = '/';
        }
    }
    memcpy(path + used, shim->path, strlen(shim->path) + 1);
}

static void note_mode(void)
{
    hs_control->is_dormant = !hs_tracker_is_on();
    hs_control->sample_rate = hs_options.sample_rate;
}

static void fork_before(void)
{
    if (hs_switch_is_armed())
        hs_unwind_fork_before();
}

static void fork_parent(void)
{
    if (hs_switch_is_armed())
        hs_unwind_fork_after(false);
}

static void fork_child(void)
{
    if (!hs_switch_is_armed() && !hs_sandbox.no_tracking)
        return;
    /* A filter that allows no snapshots rarely allows to begin anew. */
    if (!hs_options.follow || hs_sandbox.no_snapshots) {
        hs_switch_arm(false);
        hs_switch_off();
        hs_tracked_pid = 0;
        if (!hs_sandbox.no_close)
            hs_control_abandon();
        return;
    }
    hs_sandbox.is_child = true;
    bool entered = hs_guard_try();
    hs_tracked_pid = (int)hs_raw(SYS_getpid);
    hs_unwind_fork_after(true);
    hs_control_recreate(); /* first: the parent's totals stay what they are */
    note_mode();
    hs_thread_fork_child();
    hs_mapping_fork_child();
    if (entered)
        hs_guard_drop();
    hs_trigger_fork_child();
}

/* Tracking is off. Under a filter even asking for the own pid may be too much. */
static void explain_nothing(void)
{
    if (hs_options.is_dormant && hs_options.snapshot_at_exit && hs_options.output[0]
        && !hs_sandbox.no_snapshots && hs_tracker_is_this_process())
        hs_report("%s is not written: tracking is off (it began dormant)",
                  hs_options.output);
}

/* Returns the status to end with instead, or 0. */
static int take_last(int status, void *handler_frame)
{
    if (!hs_tracker_is_on()) {
        explain_nothing();
        return 0;
    }
    if (!hs_tracker_is_this_process())
        return 0;
    hs_verify_report();
    return hs_trigger_last(status, handler_frame);
}

/* Only glibc tells handlers the status. */
#ifdef __GLIBC__
static void at_exit(int status, void *context)
{
    (void)context;
    int instead = take_last(status, __builtin_frame_address(0));
    if (instead)
        exit(instead); /* glibc goes on with the handlers that are left */
}

static void register_at_exit(void)
{
    on_exit(at_exit, NULL);
}
#else
static void at_exit(void)
{
    int instead = take_last(HS_EXIT_STATUS_UNKNOWN, __builtin_frame_address(0));
    if (!instead)
        return;
    fflush(NULL); /* exit() must not be called again */
    _exit(instead);
}

static void register_at_exit(void)
{
    atexit(at_exit);
}
#endif

/* Where the kernel left it: libc may not have been started yet. NULL: unknown. */
static char **first_environment(void)
{
    if (environ)
        return environ;
    long *stack_end = hs_stack_end_of_main();
    return stack_end ? (char **)stack_end + *stack_end + 2 : NULL;
}

static enum {
    PHASE_NEW = 0,
    PHASE_EARLY,
    PHASE_READY,
    PHASE_REFUSED,
} phase;

static bool phase_change(uint32_t from, uint32_t to)
{
    return __atomic_compare_exchange_n((uint32_t *)&phase, &from, to, false,
                                       __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

bool hs_lifecycle_begin(void)
{
    if (HS_LIKELY(phase != PHASE_NEW) || hs_guard_word
        || !phase_change(PHASE_NEW, PHASE_EARLY))
        return false;
    hs_guard_word = HS_GUARD_HELD;
    const char *text = hs_environment_find(first_environment(), HS_ENV_OPTIONS);
    hs_sandbox_look(text);
    if (!hs_sandbox.no_tracking) {
        hs_tracked_pid = (int)hs_raw(SYS_getpid);
        hs_options_parse(text);
    }
    bool ready = !hs_sandbox.no_tracking && !hs_refuse_reason() && hs_modules_init()
                 && !hs_options.is_dormant && hs_switch_on();
    if (ready && !hs_options.library_unwinds)
        hs_walk_init(); /* others' constructors have whole stacks, too */
    if (!ready)
        hs_switch_off();
    hs_guard_word = 0;
    return ready;
}

/* Everything that can fail; without it the shim stays a pass-through. */
static const char *start_tracking(void)
{
    const char *why = hs_refuse_reason();
    if (why)
        return why;
    if (!hs_tracker_is_on() && !hs_options.is_dormant)
        return "no memory for the tables";
    if (!hs_sandbox.no_snapshots)
        hs_trigger_prepare();
    if (!hs_control_create())
        hs_report("no memfd: this process cannot be asked for snapshots");
    note_mode();
    struct hs_module shim;
    if (hs_module_read((uint64_t)&start_tracking, &shim))
        note_shim_path(&shim);
    if (hs_options.checks)
        hs_report_keep();
    hs_allocators_patch();
    hs_unwind_init();
    if (pthread_atfork(fork_before, fork_parent, fork_child) != 0)
        return "fork handlers cannot be registered";
    register_at_exit();
    return NULL;
}

static void refuse(void)
{
    hs_switch_off();
    hs_tracked_pid = 0;
    phase = PHASE_REFUSED;
}

__attribute__((constructor(101))) static void start(int argc, char **argv,
                                                    char **environment)
{
    (void)argc;
    (void)argv;
#ifndef __GLIBC__
    environment = environ; /* constructors get no arguments */
#endif
    if (hs_refuse_silently()) {
        refuse();
        return;
    }
    hs_sandbox_look(hs_environment_find(environment, HS_ENV_OPTIONS));
    if (hs_sandbox.no_tracking) {
        refuse();
        return;
    }
    hs_report_init();
    hs_options_parse(hs_environment_find(environment, HS_ENV_OPTIONS));
    if (!hs_options.follow && !hs_refuse_is_chosen(environment)) {
        refuse();
        return;
    }
    hs_lifecycle_begin();
    hs_guard_word = HS_GUARD_HELD;
    const char *why = start_tracking();
    hs_guard_word = 0;
    if (why) {
        refuse();
        hs_report("not tracking: %s", why);
        return;
    }
    phase = PHASE_READY;
    hs_switch_arm(true);
    if (hs_sandbox.no_snapshots)
        hs_trigger_end(hs_sandbox.no_snapshots);
    else
        hs_trigger_start();
}

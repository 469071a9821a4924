// SPDX-License-Identifier: MIT

/*
 * The program is about to install a filter: what is death under it is given up now, while
 * every call is still allowed. First the snapshots, whose signal must not come any more;
 * then, when even the tables cannot grow, all tracking.
 *
 * A filter may be for the calling thread alone. What it forbids is given up in the whole
 * process all the same: hooks and signals do not choose their thread.
 */

#include "probes/freeze/sandbox.h"

#include <errno.h>
#include <linux/audit.h>

#include "probes/freeze/snapshot.h"
#include "probes/tracker/cfi_read.h"
#include "probes/tracker/filter.h"
#include "probes/tracker/guard.h"
#include "probes/tracker/options.h"
#include "probes/tracker/report.h"
#include "probes/tracker/sandbox.h"
#include "probes/tracker/switch.h"
#include "probes/tracker/thread.h"
#include "probes/tracker/trigger.h"

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#else
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

struct hs_sandbox hs_sandbox;

void hs_sandbox_note(uint32_t what_for, const char *call)
{
    static char snapshots[96], tracking[96];
    char *text = what_for & (HS_CALL_TRACK | HS_CALL_START) ? tracking : snapshots;
    if (what_for & HS_CALL_REPORT)
        hs_sandbox.no_report = true;
    if (what_for & HS_CALL_CLOSE)
        hs_sandbox.no_close = true;
    if (!(what_for & (HS_CALL_TRACK | HS_CALL_START | HS_CALL_SNAPSHOT)))
        return;
    if (!*text)
        hs_format(text, sizeof(snapshots), "its seccomp filter kills it for %s", call);
    if (text == tracking && !hs_sandbox.no_tracking)
        hs_sandbox.no_tracking = text;
    if (!hs_sandbox.no_snapshots)
        hs_sandbox.no_snapshots = text;
}

/* May [memory, +size) be read? */
static bool is_readable(const void *memory, size_t size)
{
    uint64_t first = (uint64_t)(uintptr_t)memory & ~(uint64_t)4095;
    uint64_t end = (uint64_t)(uintptr_t)memory + size;
    for (uint64_t page = first; page < end; page += 4096)
        if (!hs_memory_is_readable(page))
            return false;
    return memory != NULL;
}

static uint64_t argument_of(const struct hs_call *call, int i)
{
    uint64_t value = call->arguments[i];
    if (value == HS_CALL_PID)
        return (uint64_t)hs_raw(SYS_getpid);
    return value == HS_CALL_TID ? (uint64_t)hs_raw(SYS_gettid) : value;
}

static bool is_death(const struct sock_fprog *filter, const struct hs_call *call)
{
    struct seccomp_data data = {.nr = call->number,
                                .arch = ARCHITECTURE,
                                .instruction_pointer = (uintptr_t)&is_death};
    uint32_t answer;
    for (int i = 0; i < 6; i++)
        data.args[i] = argument_of(call, i);
    if (!hs_filter_run(filter->filter, filter->len, &data, &answer))
        return false; /* the kernel refuses it, too */
    return call->what_for & HS_CALL_GRANTED ? !hs_filter_is_granted(answer)
                                            : !hs_filter_is_survived(answer);
}

static bool is_there(const struct sock_fprog *filter)
{
    return is_readable(filter, sizeof(*filter)) && filter->len > 0
           && filter->len <= HS_FILTER_MAX
           && is_readable(filter->filter, filter->len * sizeof(struct sock_filter));
}

/* Of the calls to be made `what_for`, note those that are death. */
static void judge(const struct sock_fprog *filter, uint32_t what_for)
{
    for (size_t i = 0; i < hs_calls_count; i++) {
        uint32_t wanted = hs_calls[i].what_for & what_for;
        if (wanted && is_death(filter, &hs_calls[i]))
            hs_sandbox_note(wanted, hs_calls[i].name);
    }
}

/* Something that was asked for will not come. */
static bool is_wanted(void)
{
    if (hs_sandbox.is_child)
        return hs_options.verbose;
    return hs_options.snapshot_at_exit || hs_options.interval_ms || hs_options.over_bytes
           || hs_options.trigger_signal;
}

static void give_up(bool is_new)
{
    bool is_armed = hs_switch_is_armed();
    if (is_armed && is_new)
        hs_trigger_end(hs_sandbox.no_snapshots);
    if (hs_sandbox.no_tracking) {
        hs_switch_off();
        hs_switch_arm(false);
        hs_tracked_pid = 0;
    }
    if (is_armed && is_new && is_wanted())
        hs_report("no more snapshots of this process: %s", hs_sandbox.no_snapshots);
}

void hs_sandbox_closes(const void *filter, bool is_strict)
{
    struct hs_sandbox before = hs_sandbox;
    if (before.no_tracking) { /* not even to look is safe: another filter is in force */
        hs_sandbox.no_report = hs_sandbox.no_close = true;
        return;
    }
    /* A child of vfork shares this memory with its parent, whom the filter is not for. */
    if ((hs_tracked_pid != 0 && !hs_tracker_is_this_process())
        || (!is_strict && !is_there(filter)))
        return;
    int saved = errno;
    uint32_t later = hs_switch_is_armed() ? 0 : HS_CALL_START;
    if (is_strict)
        hs_sandbox_note(HS_CALL_TRACK | HS_CALL_REPORT | HS_CALL_CLOSE, "everything");
    else
        judge(filter,
              later | HS_CALL_TRACK | HS_CALL_SNAPSHOT | HS_CALL_REPORT | HS_CALL_CLOSE);
    bool mute = hs_sandbox.no_report;
    hs_sandbox.no_report = before.no_report; /* it is not in force yet */
    if (hs_tracked_pid && hs_sandbox.no_snapshots)
        give_up(!before.no_snapshots);
    hs_sandbox.no_report = mute;
    errno = saved;
}

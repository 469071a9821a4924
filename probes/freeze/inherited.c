// SPDX-License-Identifier: MIT

/*
 * A filter from before an exec cannot be read, and those of containers and services are
 * there all the time. So a child tries the calls out, and lives or does not.
 *
 * Before the child, only what the loader has called, too. The child has memory of its own,
 * for a core dump ends all that share it, and says that it lives by reading a file of
 * ours to its end: so the parent need not wait for it by a call that may kill. What is
 * left to chance is the clone: a filter that kills for it has to be answered with
 * seccomp=off.
 */

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "probes/freeze/private_signal.h"
#include "probes/freeze/sandbox.h"
#include "probes/tracker/raw.h"
#include "probes/tracker/sandbox.h"

static long open_status(void)
{
    return hs_raw(SYS_openat, AT_FDCWD, "/proc/self/status", O_RDONLY | O_CLOEXEC);
}

/* Without /proc nobody knows, and there are no snapshots. */
static bool has_filter(void)
{
    static const char line[] = "\nSeccomp:\t2";
    char text[4096];
    long fd = open_status();
    if (fd < 0)
        return false;
    long size = hs_raw(SYS_read, fd, text, sizeof(text));
    hs_raw(SYS_close, fd);
    return size > 0 && memmem(text, (size_t)size, line, sizeof(line) - 1);
}

static uint64_t own(uint64_t value)
{
    if (value == HS_CALL_PID)
        return (uint64_t)hs_raw(SYS_getpid);
    return value == HS_CALL_TID ? (uint64_t)hs_raw(SYS_gettid) : value;
}

static void on_signal(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)info;
    (void)context;
}

static void return_from_signal(void)
{
    const int signal = SIGUSR2;
    const uint64_t bit = 1ull << (signal - 1);
    hs_signal_install(signal, on_signal);
    hs_raw(SYS_rt_sigprocmask, SIG_UNBLOCK, &bit, 0, 8);
    hs_raw(SYS_tgkill, hs_raw(SYS_getpid), hs_raw(SYS_gettid), signal);
}

static void try_out(const struct hs_call *call)
{
    uint64_t a[6];
    if (call->what_for & HS_CALL_UNTRIED)
        return;
    if (call->number == SYS_rt_sigreturn) {
        return_from_signal();
        return;
    }
    for (int i = 0; i < 6; i++)
        a[i] = own(call->arguments[i]);
    hs_raw(call->number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* For all calls `what_for` in [first, end): does a child live through them? */
static bool survives(size_t first, size_t end, uint32_t what_for, bool may_wait)
{
    char text[4096];
    long fd = open_status();
    if (fd < 0)
        return false;
    if (hs_raw(SYS_read, fd, text, 1) != 1) {
        hs_raw(SYS_close, fd);
        return false;
    }
    long child = hs_raw(SYS_clone, CLONE_VFORK, 0, 0, 0, 0);
    if (child == 0) {
        hs_raw(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
        for (size_t i = first; i < end; i++)
            if (hs_calls[i].what_for & what_for)
                try_out(&hs_calls[i]);
        while (hs_raw(SYS_read, fd, text, sizeof(text)) > 0)
            ;
        for (;;)
            hs_raw(SYS_exit_group, 0);
    }
    bool is_read = hs_raw(SYS_read, fd, text, 1) == 0;
    hs_raw(SYS_close, fd);
    if (child > 0 && may_wait)
        hs_raw(SYS_wait4, child, 0, __WALL, 0);
    return child > 0 && is_read;
}

static bool may_wait(void)
{
    for (size_t i = 0; i < hs_calls_count; i++)
        if (hs_calls[i].number == SYS_wait4)
            return survives(i, i + 1, ~0u, false);
    return false;
}

/* Note the first call `what_for` that kills; what for else it is needed does not matter:
 * each purpose has a turn. */
static void find(uint32_t what_for, bool waits)
{
    if (survives(0, hs_calls_count, what_for, waits))
        return;
    for (size_t i = 0; i < hs_calls_count; i++)
        if (hs_calls[i].what_for & what_for && !survives(i, i + 1, what_for, waits)) {
            hs_sandbox_note(what_for, hs_calls[i].name);
            return;
        }
    hs_sandbox_note(what_for, "clone");
}

void hs_sandbox_look(const char *options)
{
    static bool has_looked;
    if (has_looked || (options && strstr(options, "seccomp=trust")))
        return;
    has_looked = true;
    if (!has_filter())
        return;
    if (options && strstr(options, "seccomp=off")) {
        hs_sandbox_note(HS_CALL_START, "anything: seccomp=off says so");
        return;
    }
    bool waits = may_wait();
    find(HS_CALL_START | HS_CALL_TRACK, waits);
    if (hs_sandbox.no_tracking)
        return;
    find(HS_CALL_SNAPSHOT, waits);
    find(HS_CALL_REPORT, waits);
    find(HS_CALL_CLOSE, waits);
}

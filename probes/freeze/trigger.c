// SPDX-License-Identifier: MIT

/*
 * The reasons for a snapshot, each on its way to hs_snapshot_run(): signal handlers, the
 * timer, the end of the program, a threshold, the C API.
 */

#include "probes/tracker/trigger.h"

#include <errno.h>
#include <link.h>
#include <signal.h>
#include <time.h>

#include "probes/freeze/ending.h"
#include "probes/freeze/image.h"
#include "probes/freeze/private_signal.h"
#include "probes/freeze/restart.h"
#include "probes/freeze/snapshot.h"
#include "probes/freeze/switching.h"
#include "probes/tracker/allocators.h"
#include "probes/tracker/control.h"
#include "probes/tracker/next.h"
#include "probes/tracker/options.h"
#include "probes/tracker/report.h"
#include "probes/tracker/switch.h"
#include "probes/tracker/thread.h"

#define TIMER_MARK 0x6865617073ull /* "heaps": the interval timer speaks */

static int64_t next_threshold;
static bool is_started;
static uint32_t n_handlers; /* threads inside one of ours */
static int timer = -1;

static int run(enum hs_trigger trigger, const char *path, bool wait, int exit_status,
               const struct hs_slot *own)
{
    if (!is_started || !hs_tracker_is_on())
        return -ENOSYS;
    return hs_snapshot_run(trigger, HS_WORK_FILE, path, wait, exit_status, own);
}

int hs_trigger_run(enum hs_trigger trigger, const char *path, bool wait)
{
    struct hs_slot own;
    hs_snapshot_fill_own(&own, NULL);
    return run(trigger, path, wait, 0, &own);
}
/* ---- handlers ---- */

static void on_private_signal(int signal, siginfo_t *info, void *context)
{
    int *error = &errno;
    int saved = *error;
    struct hs_slot own;
    (void)signal;

    __atomic_fetch_add(&n_handlers, 1, __ATOMIC_ACQ_REL);
    if (!hs_stop_obey(info, context) && is_started && hs_switch_is_armed()
        && hs_tracker_is_this_process()) {
        hs_snapshot_fill_own(&own, context);
        if (info->si_code == SI_TIMER
            && (uint64_t)(uintptr_t)info->si_value.sival_ptr == TIMER_MARK)
            run(HS_TRIGGER_INTERVAL, NULL, false, 0, &own);
        else
            hs_snapshot_serve(&own);
    }
    hs_restart_interrupted(context);
    __atomic_fetch_sub(&n_handlers, 1, __ATOMIC_ACQ_REL);
    *error = saved;
}

static void on_trigger_signal(int signal, siginfo_t *info, void *context)
{
    int saved = errno;
    struct hs_slot own;
    (void)signal;
    (void)info;
    if (hs_switch_is_armed() && !hs_tracker_is_on() && hs_tracker_is_this_process())
        hs_report("no snapshot: process %d is dormant; heapsnap attach %d wakes it",
                  (int64_t)hs_control->pid, (int64_t)hs_control->pid);
    if (hs_tracker_is_on() && hs_tracker_is_this_process()) {
        hs_snapshot_fill_own(&own, context);
        run(HS_TRIGGER_SIGNAL, NULL, false, 0, &own);
    }
    hs_restart_interrupted(context);
    errno = saved;
}
static void on_switch_signal(int signal, siginfo_t *info, void *context)
{
    int saved = errno;
    struct hs_slot own;
    (void)signal;
    (void)info;
    if (is_started && hs_switch_is_armed() && hs_tracker_is_this_process()) {
        hs_snapshot_fill_own(&own, context);
        hs_switching_toggle(&own);
    }
    hs_restart_interrupted(context);
    errno = saved;
}
/* ---- start ---- */

static void start_timer(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL,
                             .sigev_signo = (int)hs_control->signal,
                             .sigev_value.sival_ptr = (void *)(uintptr_t)TIMER_MARK};
    struct timespec every = {.tv_sec = (time_t)(hs_options.interval_ms / 1000),
                             .tv_nsec = (long)(hs_options.interval_ms % 1000) * 1000000};
    struct itimerspec when = {every, every};
    if (hs_options.interval_ms == 0)
        return;
    if (hs_raw(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer) < 0
        || hs_raw(SYS_timer_settime, timer, 0, &when, 0) < 0)
        hs_report("no timer for snapshot=every");
}

/* musl has neither of glibc's answers. Its static TLS is that of the modules loaded at the
 * start, and a thread's values end its mapping or lie in libc's data. */
#ifndef __GLIBC__
static int add_tls(struct dl_phdr_info *module, size_t size, void *sum)
{
    (void)size;
    for (unsigned i = 0; i < module->dlpi_phnum; i++)
        if (module->dlpi_phdr[i].p_type == PT_TLS)
            *(uint64_t *)sum +=
                module->dlpi_phdr[i].p_memsz + module->dlpi_phdr[i].p_align;
    return 0;
}

static void learn_libc(void)
{
    uint64_t tls = 0;
    dl_iterate_phdr(add_tls, &tls);
    hs_known.malloc = hs_next_find("malloc");
    hs_known.libc = hs_next_find("__libc_start_main");
    hs_known.usable_size = hs_allocators_usable_size();
    if (tls > hs_known.tls_below && tls < 16u << 20)
        hs_known.tls_below = tls;
}
#else
static void learn_libc(void)
{
    void (*tls_info)(size_t * size, size_t * align) =
        (void (*)(size_t *, size_t *))hs_next_find("_dl_get_tls_static_info");
    const uint32_t *thread_size = hs_next_find("_thread_db_sizeof_pthread");
    size_t size = 0, align = 0;

    hs_known.malloc = hs_next_find("malloc");
    hs_known.libc = hs_next_find("gnu_get_libc_version");
    hs_known.usable_size = hs_allocators_usable_size();
    if (thread_size && *thread_size >= 512 && *thread_size < 65536)
        hs_known.thread_size = *thread_size;
    if (tls_info)
        tls_info(&size, &align);
    if (size > hs_known.thread_size && size < 16u << 20)
        hs_known.tls_below = size - hs_known.thread_size;
}
#endif

void hs_trigger_prepare(void)
{
    if (!hs_signal_start(on_private_signal))
        hs_report("no free real-time signal: no snapshots of this process");
}

void hs_trigger_start(void)
{
    hs_spawn_init();
    learn_libc();
    hs_epochs_note(hs_control->epoch, hs_control->start_time);
    next_threshold = (int64_t)hs_options.over_bytes;
    if (!hs_control->signal)
        return;
    if (hs_options.trigger_signal
        && hs_signal_install(hs_options.trigger_signal, on_trigger_signal))
        hs_signal_trigger = hs_options.trigger_signal;
    if (hs_options.switch_signal
        && hs_signal_install(hs_options.switch_signal, on_switch_signal))
        hs_signal_switch = hs_options.switch_signal;
    start_timer();
    __atomic_store_n(&is_started, true, __ATOMIC_SEQ_CST);
    hs_signal_answer();
}

void hs_trigger_fork_child(void)
{
    if (!is_started)
        return;
    hs_signal_fork_child();
    hs_stop_fork_child();
    hs_spawn_fork_child();
    __atomic_store_n(&n_handlers, 0, __ATOMIC_RELEASE);
    hs_ending_fork_child();
    hs_epochs_note(hs_control->epoch, hs_clock(CLOCK_REALTIME));
    start_timer();
}

bool hs_trigger_is_started(void)
{
    return is_started;
}

void hs_trigger_bytes(int64_t live_bytes)
{
    struct hs_slot own;
    hs_switching_resume();
    int64_t threshold = __atomic_load_n(&next_threshold, __ATOMIC_RELAXED);
    if (threshold <= 0 || live_bytes < threshold
        || !__atomic_compare_exchange_n(&next_threshold, &threshold,
                                        live_bytes + live_bytes / 2, false,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        return;
    int saved = errno;
    hs_snapshot_fill_own(&own, NULL);
    run(HS_TRIGGER_THRESHOLD, NULL, false, 0, &own);
    errno = saved;
}

/* Those in a handler return from it while that is allowed. */
static void await_handlers(void)
{
    struct timespec pause = {.tv_nsec = 1000000};
    bool waits = __atomic_load_n(&n_handlers, __ATOMIC_ACQUIRE) != 0;
    for (int i = 0; waits && i < 1000; i++) {
        waits = __atomic_load_n(&n_handlers, __ATOMIC_ACQUIRE) != 0;
        hs_raw(SYS_nanosleep, &pause, 0); /* once more for their last instructions */
    }
}

void hs_trigger_end(const char *why)
{
    __atomic_store_n(&is_started, false, __ATOMIC_SEQ_CST);
    if (timer >= 0)
        hs_raw(SYS_timer_delete, timer);
    timer = -1;
    hs_phase_close(why);
    hs_signal_retire();
    await_handlers();
}

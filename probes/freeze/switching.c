// SPDX-License-Identifier: MIT

/*
 * On is easy: map the tables, then let the hooks see them. Off must know that no thread is
 * inside a hook before the tables go. So first no hook begins any more, then all threads
 * are stopped as for a snapshot, and as long as one of them holds its guard they are let
 * go again for a moment. The guard is a thread-local word at the same distance from every
 * thread pointer.
 *
 * The phase of the control page is the lock: no snapshot is in the making meanwhile.
 */

#include "probes/freeze/switching.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "probes/freeze/freeze.h"
#include "probes/freeze/private_signal.h"
#include "probes/freeze/snapshot.h"
#include "probes/tracker/control.h"
#include "probes/tracker/guard.h"
#include "probes/tracker/options.h"
#include "probes/tracker/raw.h"
#include "probes/tracker/report.h"
#include "probes/tracker/switch.h"
#include "probes/tracker/thread.h"

#define TRIES 100 /* of 1 ms, and a stop each */

static bool has_leftovers; /* off, but the tables could not be given back */
static int waiting_signal; /* to be sent to ourselves on leaving the hook */

static bool is_outside(const struct hs_slot *slot)
{
    if (slot->state == HS_SLOT_FREE || slot->thread_pointer == 0)
        return true;
    if (slot->state != HS_SLOT_ARRIVED)
        return false;
    const char *guard =
        (const char *)(uintptr_t)slot->thread_pointer
        + ((const char *)&hs_guard_word - (const char *)__builtin_thread_pointer());
    return *(const volatile uint32_t *)(const volatile void *)guard == 0;
}

static bool all_are_outside(void)
{
    for (uint32_t i = 0; i < hs_job.n_slots; i++)
        if (!is_outside(&hs_job.slots[i]))
            return false;
    return true;
}

/* True: all other threads stand still, outside of every hook. */
static bool stop_outside(const struct hs_slot *own)
{
    for (int i = 0; i < TRIES; i++) {
        if (hs_stop_threads(own) < 0)
            return false;
        if (all_are_outside())
            return true;
        hs_stop_release();
        struct timespec pause = {.tv_nsec = 1000000};
        hs_raw(SYS_nanosleep, &pause, 0);
    }
    return false;
}

static bool give_back(const struct hs_slot *own)
{
    uint64_t all = ~0ull, mask = 0;
    hs_raw(SYS_rt_sigprocmask, SIG_SETMASK, &all, &mask, 8);
    bool is_quiet = stop_outside(own);
    if (is_quiet) {
        hs_switch_forget();
        hs_stop_release();
    }
    hs_raw(SYS_rt_sigprocmask, SIG_SETMASK, &mask, 0, 8);
    return is_quiet;
}

static int turn_off(const struct hs_slot *own)
{
    if (!hs_tracker_is_on())
        return 0;
    hs_switch_off();
    has_leftovers = !give_back(own);
    hs_control->is_dormant = 1;
    return 0;
}

static int turn_on(const struct hs_slot *own)
{
    if (hs_tracker_is_on())
        return 0;
    if (has_leftovers && !give_back(own))
        return -EBUSY;
    has_leftovers = false;
    uint64_t now = hs_clock(CLOCK_REALTIME);
    hs_control->start_time = now;
    hs_epochs_note(hs_control->epoch, now);
    if (!hs_switch_on())
        return -ENOMEM;
    hs_control->is_dormant = 0;
    return 0;
}

/* The phase is ours. */
static int turn(const struct hs_slot *own, bool on)
{
    hs_job.taker_pid = -1;
    hs_job.cookie = hs_control->cookie;
    int err = on ? turn_on(own) : turn_off(own);
    if (err == 0)
        hs_phase_done();
    else
        hs_phase_fail(err, "tracking could not be turned on");
    return err;
}

/* A thread inside a hook cannot give back what that hook works on. */
static bool must_wait(int signal)
{
    if (!hs_guard_word || !hs_tracker_is_on())
        return false;
    __atomic_store_n(&waiting_signal, signal, __ATOMIC_RELEASE);
    hs_guard_word |= HS_GUARD_PENDING;
    return true;
}

void hs_switching_serve(const struct hs_slot *own, bool on)
{
    if (must_wait((int)hs_control->signal)
        || !hs_phase_move(HS_PHASE_REQUESTED, HS_PHASE_FREEZING))
        return;
    turn(own, on);
}

void hs_switching_toggle(const struct hs_slot *own)
{
    if (must_wait(hs_options.switch_signal))
        return;
    if (!hs_phase_claim()) {
        hs_report("tracking is not switched: a snapshot is being taken");
        return;
    }
    int err = turn(own, !hs_tracker_is_on());
    if (err < 0)
        hs_report("%s", hs_control->error_text);
    else if (hs_options.verbose)
        hs_report("tracking of process %d is %s", (int64_t)hs_control->pid,
                  hs_tracker_is_on() ? "on" : "off");
}

void hs_switching_resume(void)
{
    int signal = __atomic_exchange_n(&waiting_signal, 0, __ATOMIC_ACQ_REL);
    if (signal == 0)
        return;
    if (signal == hs_options.switch_signal)
        hs_raw(SYS_tgkill, hs_control->pid, hs_raw(SYS_gettid), signal);
    else
        hs_signal_answer();
}

// SPDX-License-Identifier: MIT

/*
 * From a reason to an image: claim the phase, freeze, clone, let go.
 *
 * Everything here may run inside a signal handler in the middle of anything, so it is
 * raw system calls on static memory, and the phase of the control page is its only lock.
 */

#include "probes/freeze/snapshot.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "probes/freeze/switching.h"
#include "probes/tracker/control.h"
#include "probes/tracker/live.h"
#include "probes/tracker/options.h"
#include "probes/tracker/raw.h"
#include "probes/tracker/report.h"
#include "probes/tracker/thread.h"

#define WAIT_LIMIT_NS 60000000000ull
#define CHECK_LIMIT_NS 600000000000ull /* of leaks: with the names of all their stacks */
#define CLAIM_LIMIT_NS 2000000000ull
#define FIRST_EPOCHS 1024

struct hs_epochs hs_epochs;

static uint32_t max_epochs;

void hs_epochs_note(uint32_t epoch, uint64_t time)
{
    if (epoch >= max_epochs) {
        uint32_t room = max_epochs ? max_epochs * 2 : FIRST_EPOCHS;
        while (room <= epoch)
            room *= 2;
        uint64_t *times = hs_raw_map(room * sizeof(*times));
        if (!times)
            return;
        for (uint32_t i = 0; i < hs_epochs.count; i++)
            times[i] = hs_epochs.times[i];
        hs_epochs.times = times;
        max_epochs = room;
    }
    while (hs_epochs.count < epoch)
        hs_epochs.times[hs_epochs.count++] = time;
    hs_epochs.times[epoch] = time;
    if (hs_epochs.count <= epoch)
        hs_epochs.count = epoch + 1;
}
static void doze(void)
{
    struct timespec pause = {.tv_nsec = 2000000};
    hs_raw(SYS_nanosleep, &pause, 0);
}
/* ---- the phase ---- */

bool hs_phase_move(uint32_t from, uint32_t to)
{
    return __atomic_compare_exchange_n(&hs_control->phase, &from, to, false,
                                       __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/* The phase is ours from here on, until hs_phase_fail() or the image's end. */
/*
 * Has whoever is in `phase` died? In CLAIMED the page still names the owner before, for
 * the moment until the claimer has written itself down; so that phase has to look dead
 * for a while.
 */
static bool is_abandoned(uint32_t phase)
{
    static uint64_t since, cookie;
    int32_t owner = __atomic_load_n(&hs_control->owner_pid, __ATOMIC_ACQUIRE);
    if (owner <= 0 || !hs_process_is_dead(owner))
        return false;
    if (phase != HS_PHASE_CLAIMED)
        return true;
    uint64_t now = hs_clock(CLOCK_MONOTONIC);
    if (!since || cookie != hs_control->cookie) {
        since = now;
        cookie = hs_control->cookie;
    }
    return now - since >= CLAIM_LIMIT_NS;
}

bool hs_phase_claim(void)
{
    uint32_t phase = __atomic_load_n(&hs_control->phase, __ATOMIC_ACQUIRE);
    if (phase != HS_PHASE_IDLE && !is_abandoned(phase))
        return false;
    if (!hs_phase_move(phase, HS_PHASE_CLAIMED))
        return false;
    __atomic_store_n(&hs_control->owner_pid, hs_control->pid, __ATOMIC_RELEASE);
    hs_control->taker_pid = 0;
    hs_control->kind = HS_REQUEST_SNAPSHOT;
    hs_control->cookie = hs_clock(CLOCK_MONOTONIC) | 1;
    return hs_phase_move(HS_PHASE_CLAIMED, HS_PHASE_FREEZING);
}

static bool claim_within(uint64_t limit_ns)
{
    uint64_t start = hs_clock(CLOCK_MONOTONIC);
    while (!hs_phase_claim()) {
        if (hs_clock(CLOCK_MONOTONIC) - start >= limit_ns)
            return false;
        doze();
    }
    return true;
}

void hs_phase_done(void)
{
    __atomic_store_n(&hs_control->error, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&hs_control->finished, hs_job.cookie, __ATOMIC_RELEASE);
    __atomic_store_n(&hs_control->phase, HS_PHASE_IDLE, __ATOMIC_RELEASE);
}

/* What nobody asked for fails in the same way again and again. */
static bool is_news(int err)
{
    static int told;
    bool is_asked =
        hs_job.trigger != HS_TRIGGER_INTERVAL && hs_job.trigger != HS_TRIGGER_THRESHOLD;
    bool is_new = is_asked || told != err;
    told = err;
    return is_new;
}

void hs_phase_fail(int err, const char *what)
{
    char text[sizeof(hs_control->error_text)];
    hs_explain(text, sizeof(text), what, err);
    memcpy(hs_control->error_text, text, sizeof(text));
    if (hs_job.taker_pid == 0 && is_news(err))
        hs_report("no snapshot of process %d: %s", (int64_t)hs_control->pid, text);
    __atomic_store_n(&hs_control->error, -err, __ATOMIC_RELEASE);
    __atomic_store_n(&hs_control->finished, hs_job.cookie, __ATOMIC_RELEASE);
    __atomic_store_n(&hs_control->phase, HS_PHASE_IDLE, __ATOMIC_RELEASE);
}

/* Once the image works it needs nothing of us. */
static bool is_busy(void)
{
    uint32_t phase = __atomic_load_n(&hs_control->phase, __ATOMIC_ACQUIRE);
    return phase == HS_PHASE_CLAIMED || phase == HS_PHASE_FREEZING;
}

void hs_phase_close(const char *why)
{
    uint64_t start = hs_clock(CLOCK_MONOTONIC);
    hs_format(hs_control->error_text, sizeof(hs_control->error_text), "%s", why);
    __atomic_store_n(&hs_control->refuses, 1, __ATOMIC_RELEASE);
    while (is_busy() && hs_clock(CLOCK_MONOTONIC) - start < CLAIM_LIMIT_NS)
        doze();
    if (!hs_phase_move(HS_PHASE_REQUESTED, HS_PHASE_FREEZING))
        return;
    __atomic_store_n(&hs_control->error, EPERM, __ATOMIC_RELEASE);
    __atomic_store_n(&hs_control->finished, hs_control->cookie, __ATOMIC_RELEASE);
    __atomic_store_n(&hs_control->phase, HS_PHASE_IDLE, __ATOMIC_RELEASE);
}

/* ---- freezing ---- */

/* Threads stand still from here to the release; signals are blocked in this one. */
static int clone_frozen(const struct hs_slot *own, uint64_t *ret_fork_ns)
{
    bool freezes = hs_job.kind == HS_REQUEST_SNAPSHOT;
    int err = freezes ? hs_stop_threads(own) : 0;
    if (err < 0)
        return err;
    hs_job.epoch = hs_control->epoch;
    hs_job.time = hs_clock(CLOCK_REALTIME);
    hs_job.start_time = hs_clock(CLOCK_MONOTONIC);
    err = hs_spawn();
    *ret_fork_ns = hs_clock(CLOCK_MONOTONIC) - hs_job.start_time;
    if (freezes && err == 0 && hs_job.shares_memory)
        err = hs_spawn_await_scan();
    if (freezes && err == 0)
        hs_epochs_note(hs_live_advance_epoch(), hs_job.time);
    if (freezes)
        hs_stop_release();
    return err;
}

/* The image ends nothing before pause_ns is there: the phase is still ours to pass on. */
static void pass_on(uint64_t pause_ns, uint64_t fork_ns)
{
    __atomic_store_n(&hs_control->image_pid, hs_job.image_pid, __ATOMIC_RELEASE);
    __atomic_store_n(&hs_control->owner_pid, hs_job.image_pid, __ATOMIC_RELEASE);
    hs_phase_move(HS_PHASE_FREEZING, HS_PHASE_SCANNING);
    __atomic_store_n(&hs_control->fork_ns, fork_ns, __ATOMIC_RELEASE);
    __atomic_store_n(&hs_control->pause_ns, pause_ns ? pause_ns : 1, __ATOMIC_RELEASE);
}

/* `ret_image` (may be NULL): the image's pid. */
static int freeze(const struct hs_slot *own, int32_t *ret_image)
{
    uint64_t all = ~0ull, mask = 0, fork_ns = 0;

    hs_control->pause_ns = hs_control->fork_ns = 0;
    hs_job.program_pid = hs_control->pid;
    hs_raw(SYS_rt_sigprocmask, SIG_SETMASK, &all, &mask, 8);
    uint64_t start = hs_clock(CLOCK_MONOTONIC);
    int err = clone_frozen(own, &fork_ns);
    uint64_t pause = hs_clock(CLOCK_MONOTONIC) - start;
    if (err == 0 && ret_image)
        *ret_image = hs_job.image_pid;
    if (err == 0)
        pass_on(pause, fork_ns);
    else
        hs_phase_fail(err, "the process could not be frozen and copied");
    hs_raw(SYS_rt_sigprocmask, SIG_SETMASK, &mask, 0, 8);
    return err;
}

/* ---- a request of our own ---- */

static void fill_directory(void)
{
    hs_format(hs_job.directory, sizeof(hs_job.directory), "%s", hs_options.directory);
    if (hs_job.directory[0] == '\0'
        && hs_raw(SYS_getcwd, hs_job.directory, sizeof(hs_job.directory)) <= 0)
        hs_job.directory[0] = '\0';
}

/* Is the request with `cookie` over? A later one may have taken the page meanwhile. */
static bool is_over(uint64_t cookie, int *ret_err)
{
    uint64_t finished = __atomic_load_n(&hs_control->finished, __ATOMIC_ACQUIRE);
    int32_t error = __atomic_load_n(&hs_control->error, __ATOMIC_ACQUIRE);
    *ret_err = finished == cookie ? -error : 0;
    return finished == cookie
           || __atomic_load_n(&hs_control->cookie, __ATOMIC_ACQUIRE) != cookie;
}

static int await_file(uint64_t cookie, int32_t image)
{
    uint64_t start = hs_clock(CLOCK_MONOTONIC);
    uint64_t limit = hs_job.work & HS_WORK_CHECK ? CHECK_LIMIT_NS : WAIT_LIMIT_NS;
    int err = 0;
    for (int i = 0; hs_clock(CLOCK_MONOTONIC) - start < limit; i++) {
        if (is_over(cookie, &err)) {
            hs_spawn_reap();
            return err;
        }
        if (i % 16 == 15 && hs_process_is_dead(image) && !is_over(cookie, &err)) {
            hs_phase_fail(-ECHILD, "the image or the helper was killed");
            return -ECHILD;
        }
        doze();
    }
    return -ETIMEDOUT;
}
int hs_snapshot_run(enum hs_trigger trigger, uint32_t work, const char *path, bool wait,
                    int exit_status, const struct hs_slot *own)
{
    const char *looked_for;
    if (hs_control_fd() < 0)
        return -EBADF; /* the page is not shared: said at start */
    if (!hs_spawn_helper(&looked_for)) {
        hs_report(
            "no snapshot: the helper %s is missing; name it with the option helper=",
            looked_for);
        return -ENOENT;
    }
    if (!claim_within(wait ? WAIT_LIMIT_NS : 0)) {
        if (trigger != HS_TRIGGER_INTERVAL && trigger != HS_TRIGGER_THRESHOLD)
            hs_report("no snapshot: another one is still being taken");
        return -EBUSY;
    }

    hs_job.kind = HS_REQUEST_SNAPSHOT;
    hs_job.work = work;
    hs_job.trigger = trigger;
    hs_job.taker_pid = 0;
    hs_job.cookie = hs_control->cookie;
    hs_job.exit_status = exit_status;
    hs_format(hs_job.output, sizeof(hs_job.output), "%s", path ? path : "");
    fill_directory();
    uint64_t cookie = hs_job.cookie;
    int32_t image = 0;
    int err = freeze(own, &image);
    if (err == 0 && wait)
        err = await_file(cookie, image);
    return err;
}

/* A tool has claimed the phase and asked. */
void hs_snapshot_serve(const struct hs_slot *own)
{
    uint32_t kind = __atomic_load_n(&hs_control->kind, __ATOMIC_ACQUIRE);
    if (kind == HS_REQUEST_ON || kind == HS_REQUEST_OFF) {
        hs_switching_serve(own, kind == HS_REQUEST_ON);
        return;
    }
    if (!hs_phase_move(HS_PHASE_REQUESTED, HS_PHASE_FREEZING))
        return;
    hs_job.kind = kind;
    hs_job.trigger = hs_control->trigger ? hs_control->trigger : HS_TRIGGER_REQUEST;
    hs_job.taker_pid = hs_control->taker_pid ? hs_control->taker_pid : -1;
    hs_job.cookie = hs_control->cookie;
    hs_job.exit_status = 0;
    hs_job.output[0] = '\0';
    if (!hs_tracker_is_on()) {
        hs_phase_fail(-ENODATA, "tracking is off");
        return;
    }
    fill_directory();
    freeze(own, NULL);
}

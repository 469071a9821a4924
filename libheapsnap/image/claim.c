// SPDX-License-Identifier: MIT

/*
 * Winning the control page: one request at a time, and what to do about a page whose
 * last user died in the middle.
 *
 * A page counts as abandoned only when two looks, a while apart, find the same request
 * in the same phase and its owner dead both times: between winning the phase and writing
 * down who won it lies a moment in which the page still names the previous owner. On a
 * busy machine that moment can be long, so a page in that phase is left alone for longer.
 */

#include "libheapsnap/image/request.h"

#include <errno.h>
#include <inttypes.h>
#include <time.h>
#include <unistd.h>

#include "libheapsnap/image/proc.h"

/* Between the two looks, ms. */
#define ABANDONED_AFTER_MS 50
#define CLAIMED_AFTER_MS 2000
/* A tool outside the process's namespace cannot be looked up; its claim expires, ms. */
#define ANONYMOUS_AFTER_MS 10000

uint64_t hs_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void hs_pause(unsigned int *step_us)
{
    usleep(*step_us);
    *step_us += *step_us / 2;
    if (*step_us > 20000)
        *step_us = 20000;
}

bool hs_inner_is_alive(const struct hs_process *process, pid_t inner)
{
    pid_t outer = hs_proc_outer_pid(process->pid, inner);
    struct hs_proc_state state;
    return outer > 0 && hs_proc_state(outer, &state) && state.state != 'Z'
           && state.state != 'X';
}

struct look {
    uint32_t phase;
    uint64_t cookie;
    pid_t owner;
    uint64_t since; /* hs_clock_ms() of the first look that saw just this */
};

static pid_t owner_of(const struct hs_control *control, uint32_t phase)
{
    bool is_imaged =
        phase == HS_PHASE_SCANNING || phase == HS_PHASE_READY || phase == HS_PHASE_TAKEN;
    pid_t image = is_imaged ? hs_control_load(&control->image_pid) : 0;
    return image > 0 ? image : hs_control_load(&control->owner_pid);
}

/* Look once more; true when what was seen at `look` is abandoned by now. */
static bool is_abandoned(const struct hs_process *process, struct look *look)
{
    const struct hs_control *control = process->control;
    struct look now = {.since = hs_clock_ms()};
    now.phase = hs_control_load(&control->phase);
    now.cookie = hs_control_load(&control->cookie);
    now.owner = owner_of(control, now.phase);
    if (now.phase != look->phase || now.cookie != look->cookie || now.owner != look->owner
        || (now.owner > 0 && hs_inner_is_alive(process, now.owner))) {
        *look = now;
        return false;
    }
    uint64_t patience =
        now.phase == HS_PHASE_CLAIMED ? CLAIMED_AFTER_MS : ABANDONED_AFTER_MS;
    return now.since - look->since >= (now.owner > 0 ? patience : ANONYMOUS_AFTER_MS);
}

static int busy(const struct hs_process *process, struct hs_error *err)
{
    uint32_t phase = hs_control_load(&process->control->phase);
    pid_t owner = owner_of(process->control, phase);
    return hs_error_set(err, EBUSY,
                        "process %d is busy with another snapshot (phase %" PRIu32
                        ", by process %d); try again when it is done",
                        (int)process->pid, phase, (int)owner);
}

int hs_request_claim(struct hs_process *process, uint64_t deadline, struct hs_error *err)
{
    struct hs_control *control = process->control;
    struct look look = {.phase = HS_PHASE_IDLE};
    unsigned int step_us = 1000;
    for (;;) {
        uint32_t idle = HS_PHASE_IDLE;
        if (__atomic_compare_exchange_n(&control->phase, &idle, HS_PHASE_CLAIMED, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
            return 0;
        if (is_abandoned(process, &look)) {
            uint32_t seen = look.phase;
            __atomic_compare_exchange_n(&control->phase, &seen, HS_PHASE_IDLE, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
            continue;
        }
        if (!hs_process_is_alive(process))
            return hs_error_set(err, ESRCH, "process %d has ended", (int)process->pid);
        if (hs_clock_ms() >= deadline)
            return busy(process, err);
        hs_pause(&step_us);
    }
}

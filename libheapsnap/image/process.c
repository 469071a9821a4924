// SPDX-License-Identifier: MIT

/*
 * Connections to tracked processes: opening one, reading its counters, listing all.
 * Asking for a capture is request.c.
 *
 * A pid alone is no identity: it is reused. The connection holds a pidfd, and beside it
 * the start time, which also works where pidfds do not.
 */

#include "heapsnap/process.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libheapsnap/base/array.h"
#include "libheapsnap/base/guard.h"
#include "libheapsnap/image/connection.h"
#include "libheapsnap/image/proc.h"

/* How often to look for a page that should be there, and where nothing can be told: at
 * one that is damaged, or a process without an environment. */
#define LOOK_US 5000
#define MISSING_LOOKS 400
#define DOUBTFUL_LOOKS 10

HS_DEFINE_GUARD(guard_process, struct hs_process *, hs_process_close)

bool hs_process_is_alive(const struct hs_process *process)
{
    struct hs_proc_state state;
    return hs_proc_state(process->pid, &state) && state.state != 'Z' && state.state != 'X'
           && state.start_time == process->start_time;
}

/* A page that is not right, or not there yet, may be one that is just being made. */
static bool is_worth_a_look(const struct hs_process *process, int result, int looks)
{
    if (result == -EPROTO || result == -EINVAL
        || result == -ENOENT) /* it went meanwhile */
        return looks < DOUBTFUL_LOOKS;
    if (result != -ENODATA)
        return false;
    enum hs_starting starting = hs_process_is_starting(process->pid);
    return (starting == HS_STARTING_YES && looks < MISSING_LOOKS)
           || (starting == HS_STARTING_UNKNOWN && looks < DOUBTFUL_LOOKS);
}

static int map_control(struct hs_process *process, bool is_patient, struct hs_error *err)
{
    for (int looks = 1;; looks++) {
        struct hs_error problem = {.code = 0};
        int result = hs_control_map(process->pid, &process->control,
                                    &process->control_inode, &problem);
        if (is_patient && is_worth_a_look(process, result, looks)) {
            usleep(LOOK_US);
            continue;
        }
        if (problem.code)
            hs_error_set(err, problem.code, "%s", problem.text);
        return result;
    }
}

bool hs_process_reopen(struct hs_process *process)
{
    struct hs_process again = *process;
    usleep(LOOK_US);
    if (map_control(&again, true, NULL) != 0)
        return false;
    hs_control_unmap(process->control);
    *process = again;
    return true;
}

int hs_process_open(pid_t pid, struct hs_process **ret, struct hs_error *err)
{
    if (pid <= 0)
        return hs_error_set(err, ESRCH, "%d is no process id", (int)pid);
    hs_auto(guard_process) struct hs_process *process = calloc(1, sizeof(*process));
    if (!process)
        return hs_error_set(err, ENOMEM, "no memory for a connection");
    process->pid = pid;
    process->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

    struct hs_proc_state state;
    pid_t inner;
    int depth;
    if (!hs_proc_state(pid, &state) || !hs_proc_inner_pid(pid, &inner, &depth))
        return hs_process_refuse(pid, ESRCH, err);
    process->start_time = state.start_time;
    process->is_inside = depth > 1;

    struct hs_error problem = {.code = 0};
    int result = map_control(process, err != NULL, &problem);
    if (result == -EPROTO || result == -EINVAL)
        return hs_error_set(err, -result, "%s", problem.text);
    if (result != 0)
        return hs_process_refuse(pid, -result, err);
    *ret = hs_take(process);
    return 0;
}

void hs_process_close(struct hs_process *process)
{
    if (!process)
        return;
    hs_control_unmap(process->control);
    if (process->pidfd >= 0)
        close(process->pidfd);
    free(process);
}

int hs_process_status(struct hs_process *process, struct hs_process_status *ret,
                      struct hs_error *err)
{
    if (!hs_process_is_alive(process))
        return hs_error_set(err, ESRCH, "process %d has ended", (int)process->pid);
    struct hs_control *control = process->control;
    struct hs_process_status status = {
        .pid = process->pid,
        .live_blocks = hs_control_load(&control->live_blocks),
        .live_bytes = hs_control_load(&control->live_bytes),
        .open_handles = hs_control_load(&control->open_handles),
        .tracker_bytes = hs_control_load(&control->tracker_bytes),
        .start_time = hs_control_load(&control->start_time),
        .snapshots = hs_control_load(&control->snapshots),
        .is_dormant = hs_control_load(&control->is_dormant) != 0,
        .sample_rate = hs_control_load(&control->sample_rate),
    };
    hs_proc_command(process->pid, status.command, sizeof(status.command));
    _Static_assert(sizeof(status.no_snapshots) == sizeof(control->error_text),
                   "one holds the other");
    if (hs_control_load(&control->refuses))
        hs_control_text(control, status.no_snapshots);
    *ret = status;
    return 0;
}

struct listing {
    HS_ARRAY(struct hs_process_status) statuses;
    bool is_out_of_memory;
};

static bool list_one(pid_t pid, void *context)
{
    struct listing *listing = context;
    struct hs_process *opened = NULL;
    struct hs_process_status status;
    if (hs_process_open(pid, &opened, NULL) != 0)
        return true;
    if (hs_process_status(opened, &status, NULL) == 0
        && !hs_array_push(&listing->statuses, status))
        listing->is_out_of_memory = true;
    hs_process_close(opened);
    return !listing->is_out_of_memory;
}

static int by_pid(const void *left, const void *right)
{
    const struct hs_process_status *a = left, *b = right;
    return (a->pid > b->pid) - (a->pid < b->pid);
}

int hs_process_list(struct hs_process_status **ret, size_t *ret_count,
                    struct hs_error *err)
{
    struct listing listing = {0};
    int result = hs_proc_each(list_one, &listing);
    if (result != 0 || listing.is_out_of_memory) {
        free(listing.statuses.at);
        return result != 0 ? hs_error_set(err, -result, "cannot list /proc: %s",
                                          strerror(-result))
                           : hs_error_set(err, ENOMEM, "no memory for the processes");
    }
    if (listing.statuses.count > 0)
        qsort(listing.statuses.at, listing.statuses.count, sizeof(*listing.statuses.at),
              by_pid);
    *ret = listing.statuses.at;
    *ret_count = listing.statuses.count;
    return 0;
}

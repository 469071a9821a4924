// SPDX-License-Identifier: MIT

/*
 * One request: claim the page, signal the process, wait for the capture, take it.
 *
 * The reply is found by polling, because nothing that one could sleep on may be touched
 * by a process that must not notice us. Everything that can end the wait early is looked
 * at in each turn: an error reply, the end of the process, an exec, a dead image.
 */

#include "libheapsnap/image/request.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libheapsnap/base/guard.h"
#include "libheapsnap/image/proc.h"
#include "libheapsnap/image/vfork.h"

/* The kernel's real-time signals; a page that names another one is not trusted. */
#define EXEC_TRIES 20 /* a program that executes another all the time */
#define FIRST_REAL_TIME 32
#define LAST_REAL_TIME 64
/* How long the image may take to unmap the capture before it is copied instead. */
#define IMAGE_EXIT_MS 500
/* A child of vfork executes its program sooner, or it is none that is worth a wait. */
#define VFORK_MS 2000
/* Longest wait for a process that answered itself to put the page back. */
#define HAND_BACK_MS 100
/* Taker's pid for an image that cannot see the tool (it is outside the namespace). */
#define TAKER_OUTSIDE (-1)

struct request {
    struct hs_process *process;
    uint32_t kind;
    uint64_t cookie;
    uint64_t deadline;
    uint64_t vfork_deadline; /* from then on, vfork is a reason not to wait */
};

static int ended(const struct request *request, struct hs_error *err)
{
    return hs_error_set(err, ESRCH, "process %d ended before its snapshot was complete",
                        (int)request->process->pid);
}

static int check_not_stopped(const struct hs_process *process, struct hs_error *err)
{
    struct hs_proc_state state;
    if (!hs_proc_state(process->pid, &state))
        return 0;
    if (state.state == 'T')
        return hs_error_set(err, ETIMEDOUT,
                            "process %d is stopped; continue it with: kill -CONT %d",
                            (int)process->pid, (int)process->pid);
    if (state.state == 't')
        return hs_error_set(err, ETIMEDOUT,
                            "process %d is stopped by a debugger; let it continue first",
                            (int)process->pid);
    return 0;
}

static void write_request(const struct request *request)
{
    struct hs_process *process = request->process;
    struct hs_control *control = process->control;
    pid_t self = getpid();
    hs_control_store(&control->owner_pid, process->is_inside ? 0 : self);
    hs_control_store(&control->kind, request->kind);
    hs_control_store(&control->trigger, HS_TRIGGER_REQUEST);
    hs_control_store(&control->taker_pid, process->is_inside ? TAKER_OUTSIDE : self);
    hs_control_store(&control->image_pid, 0);
    hs_control_store(&control->capture_fd, -1);
    hs_control_store(&control->error, 0);
    hs_control_store(&control->cookie, request->cookie);
    hs_control_store(&control->phase, HS_PHASE_REQUESTED);
}

/* Give the page back while nobody has begun to answer. */
static bool withdraw(const struct request *request)
{
    uint32_t seen = HS_PHASE_REQUESTED;
    return __atomic_compare_exchange_n(&request->process->control->phase, &seen,
                                       HS_PHASE_IDLE, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}

static long queue_signal(const struct request *request, int signal)
{
    const struct hs_process *process = request->process;
    siginfo_t info;
    memset(&info, 0, sizeof(info));
    info.si_signo = signal;
    info.si_code = SI_QUEUE;
    info.si_pid = getpid();
    info.si_uid = getuid();
    info.si_value.sival_int = (int)(uint32_t)request->cookie;
    if (process->pidfd >= 0) {
        long sent = syscall(SYS_pidfd_send_signal, process->pidfd, signal, &info, 0);
        if (sent == 0 || errno != ENOSYS)
            return sent;
    }
    return syscall(SYS_rt_sigqueueinfo, process->pid, signal, &info);
}

static int send_request(const struct request *request, struct hs_error *err)
{
    struct hs_process *process = request->process;
    unsigned int step_us = 1000;
    uint32_t signal = hs_control_load(&process->control->signal);
    if (hs_control_load(&process->control->refuses)) {
        char text[sizeof(process->control->error_text)];
        hs_control_text(process->control, text);
        return hs_error_set(err, EPERM, "process %d cannot be asked: %s",
                            (int)process->pid, text);
    }
    if (signal == 0)
        return hs_error_set(err, EPERM,
                            "process %d cannot be asked: it has no free real-time signal",
                            (int)process->pid);
    if (signal < FIRST_REAL_TIME || signal > LAST_REAL_TIME)
        return hs_error_set(err, EPROTO, "the control page of process %d is damaged",
                            (int)process->pid);
    for (;;) {
        if (!hs_process_is_alive(process))
            return ended(request, err);
        /* The default action of this signal is to kill. */
        if (!hs_proc_catches(process->pid, (int)signal))
            return hs_error_set(err, ENODATA,
                                "process %d no longer answers signal %" PRIu32
                                " (it replaced the handler, or executed another program)",
                                (int)process->pid, signal);
        if (queue_signal(request, (int)signal) == 0)
            return 0;
        if (errno != EAGAIN || hs_clock_ms() >= request->deadline)
            return hs_error_set(err, errno, "cannot signal process %d: %s",
                                (int)process->pid, strerror(errno));
        hs_pause(&step_us);
    }
}

/* The error that the process reported for our request. */
static int reported(const struct request *request, struct hs_error *err)
{
    const struct hs_control *control = request->process->control;
    int code = hs_control_load(&control->error);
    if (code < 0 || code > 4095)
        code = EIO;
    char text[sizeof(control->error_text)];
    hs_control_text(control, text);
    if (code == 0)
        return hs_error_set(err, EIO, "process %d dropped the request; try again",
                            (int)request->process->pid);
    return hs_error_set(err, code, "process %d could not be captured: %s",
                        (int)request->process->pid, text[0] ? text : strerror(code));
}

static int timed_out(const struct request *request, struct hs_error *err)
{
    const struct hs_process *process = request->process;
    if (withdraw(request)) {
        int result = check_not_stopped(process, err);
        if (result != 0)
            return result;
        return hs_error_set(err, ETIMEDOUT,
                            "process %d did not answer in time; it may block signals or "
                            "wait in the kernel",
                            (int)process->pid);
    }
    return hs_error_set(err, ETIMEDOUT,
                        "the capture of process %d was not complete in time; try again "
                        "with a longer --timeout",
                        (int)process->pid);
}

static int image_died(const struct request *request, struct hs_error *err)
{
    return hs_error_set(err, EIO,
                        "the frozen image of process %d was killed before it was read "
                        "(out of memory?)",
                        (int)request->process->pid);
}

/* Nobody but a child that runs in its memory can let such a process answer. */
static int check_vfork(const struct request *request, struct hs_error *err)
{
    const struct hs_process *process = request->process;
    pid_t child =
        hs_clock_ms() < request->vfork_deadline ? 0 : hs_vfork_child(process->pid);
    if (child == 0 || !withdraw(request))
        return 0;
    return hs_error_set(err, ETIMEDOUT,
                        "process %d waits in vfork for its child %d to execute a program "
                        "or to end; try again then",
                        (int)process->pid, (int)child);
}

/* What ended the wait without an answer; 0: nothing has. `*turn` counts the looks. */
static int check_lost(const struct request *request, uint32_t phase, unsigned int *turn,
                      struct hs_error *err)
{
    struct hs_process *process = request->process;
    if (!hs_process_is_alive(process))
        return ended(request, err);
    if (++*turn % 16 != 0)
        return 0;
    if (!hs_control_is_held(process->pid, process->control_inode))
        return hs_error_set(err, ESRCH,
                            "process %d executed another program before its snapshot "
                            "was complete; try again",
                            (int)process->pid);
    if (phase == HS_PHASE_REQUESTED) {
        int waiting = check_vfork(request, err);
        if (waiting != 0)
            return waiting;
    }
    pid_t image = hs_control_load(&process->control->image_pid);
    if (phase < HS_PHASE_SCANNING || image <= 0 || hs_inner_is_alive(process, image)
        || hs_control_load(&process->control->phase) != phase)
        return 0;
    __atomic_compare_exchange_n(&process->control->phase, &phase, HS_PHASE_IDLE, false,
                                __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    return image_died(request, err);
}

static bool is_switch(const struct request *request)
{
    return request->kind == HS_REQUEST_ON || request->kind == HS_REQUEST_OFF;
}

static int await_ready(const struct request *request, struct hs_error *err)
{
    const struct hs_control *control = request->process->control;
    unsigned int step_us = 200, turn = 0;
    for (;;) {
        uint32_t phase = hs_control_load(&control->phase);
        if (is_switch(request) && hs_control_load(&control->finished) == request->cookie
            && hs_control_load(&control->error) == 0)
            return 0;
        if (hs_control_load(&control->cookie) != request->cookie
            || hs_control_load(&control->finished) == request->cookie
            || phase == HS_PHASE_IDLE)
            return reported(request, err);
        if (phase == HS_PHASE_READY)
            return 0;
        int lost = check_lost(request, phase, &turn, err);
        if (lost != 0)
            return lost;
        if (hs_clock_ms() >= request->deadline)
            return timed_out(request, err);
        hs_pause(&step_us);
    }
}

/*
 * The image has been told that its capture was opened. Wait for it to go: once it maps
 * the capture no more, hs_capture_open() need not copy. When the process itself answered,
 * nobody exits, and the page may be ours to put back.
 */
static void await_release(const struct request *request, pid_t image)
{
    struct hs_control *control = request->process->control;
    pid_t inner = hs_control_load(&control->pid);
    uint64_t until = hs_clock_ms() + (image == inner ? HAND_BACK_MS : IMAGE_EXIT_MS);
    unsigned int step_us = 100;
    while (hs_clock_ms() < until
           && (image == inner ? hs_control_load(&control->phase) == HS_PHASE_TAKEN
                              : hs_inner_is_alive(request->process, image)))
        hs_pause(&step_us);
    uint32_t taken = HS_PHASE_TAKEN;
    if (hs_control_load(&control->cookie) == request->cookie)
        __atomic_compare_exchange_n(&control->phase, &taken, HS_PHASE_IDLE, false,
                                    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

static int take_capture(const struct request *request, struct hs_capture *ret,
                        struct hs_error *err)
{
    struct hs_process *process = request->process;
    pid_t image = hs_control_load(&process->control->image_pid);
    int number = hs_control_load(&process->control->capture_fd);
    pid_t outer = hs_proc_outer_pid(process->pid, image);
    struct hs_error problem = {.code = 0};
    hs_auto_close int fd =
        outer > 0 ? hs_control_open_memfd(outer, number, HS_CAPTURE_NAME, &problem) : -1;
    bool is_refused = problem.code && hs_inner_is_alive(process, image);
    hs_control_store(&process->control->phase, HS_PHASE_TAKEN);
    await_release(request, image);
    if (fd < 0 && is_refused)
        return hs_error_set(err, problem.code, "%s", problem.text);
    if (fd < 0)
        return hs_process_is_alive(process) ? image_died(request, err)
                                            : ended(request, err);

    struct hs_capture capture;
    int result = hs_capture_open(fd, &capture, err);
    if (result != 0)
        return result;
    if (capture.header->kind != request->kind) {
        hs_capture_close(&capture);
        return hs_error_set(err, EINVAL, "damaged capture: not of the kind asked for");
    }
    *ret = capture;
    return 0;
}

static uint64_t new_cookie(void)
{
    uint64_t cookie = 0;
    if (getrandom(&cookie, sizeof(cookie), GRND_NONBLOCK) != (ssize_t)sizeof(cookie))
        cookie = (uint64_t)getpid() << 32 ^ hs_clock_ms();
    return cookie ? cookie : 1;
}

static int check_awake(const struct request *request, struct hs_error *err)
{
    const struct hs_process *process = request->process;
    if (is_switch(request) || !hs_control_load(&process->control->is_dormant))
        return 0;
    return hs_error_set(
        err, ENOTCONN, "process %d is dormant; turn tracking on with: heapsnap attach %d",
        (int)process->pid, (int)process->pid);
}

static int run_request(struct hs_process *process, uint32_t kind, int timeout_ms,
                       struct hs_capture *ret, struct hs_error *err)
{
    struct request request = {
        .process = process,
        .kind = kind,
        .cookie = new_cookie(),
        .deadline = hs_clock_ms() + (uint64_t)(timeout_ms > 0 ? timeout_ms : 0),
        .vfork_deadline = hs_clock_ms() + VFORK_MS,
    };
    int result = check_awake(&request, err);
    if (result == 0)
        result = check_not_stopped(process, err);
    if (result == 0)
        result = hs_request_claim(process, request.deadline, err);
    if (result != 0)
        return result;
    write_request(&request);
    result = send_request(&request, err);
    if (result != 0) {
        withdraw(&request);
        return result;
    }
    result = await_ready(&request, err);
    return result != 0 || is_switch(&request) ? result : take_capture(&request, ret, err);
}

/* Did the request fail because the process was executing another program? It ignores
 * our signal just before, and has lost its page after. */
static bool met_exec(const struct hs_process *process, int result)
{
    return result != 0 && hs_process_is_alive(process)
           && (result == -ENODATA
               || !hs_control_is_held(process->pid, process->control_inode));
}

static int run_through_execs(struct hs_process *process, uint32_t kind, int timeout_ms,
                             struct hs_capture *ret, struct hs_error *err)
{
    for (int tries = 1;; tries++) {
        struct hs_error problem = {.code = 0};
        int result = run_request(process, kind, timeout_ms, ret, &problem);
        if (met_exec(process, result) && tries < EXEC_TRIES && hs_process_reopen(process))
            continue;
        if (problem.code)
            hs_error_set(err, problem.code, "%s", problem.text);
        return result;
    }
}

int hs_process_capture(struct hs_process *process, int timeout_ms, struct hs_capture *ret,
                       struct hs_error *err)
{
    return run_through_execs(process, HS_REQUEST_SNAPSHOT, timeout_ms, ret, err);
}

int hs_process_totals(struct hs_process *process, int timeout_ms, struct hs_capture *ret,
                      struct hs_error *err)
{
    return run_through_execs(process, HS_REQUEST_TOTALS, timeout_ms, ret, err);
}

int hs_process_switch(struct hs_process *process, bool on, int timeout_ms,
                      struct hs_error *err)
{
    return run_through_execs(process, on ? HS_REQUEST_ON : HS_REQUEST_OFF, timeout_ms,
                             NULL, err);
}

// SPDX-License-Identifier: MIT

/*
 * The image is a grandchild: born in two steps so that the program notices nothing.
 *
 * The parent A shares our memory but has its own descriptor table; there it closes what
 * is not ours and makes the capture's memfd, so no descriptor number of the program is
 * ever used. A then forks the image B, which shares A's table, and ends; we wait for A,
 * whose exit signal is 0. So the program gets no SIGCHLD and has no zombie, and files it
 * closes are really closed. Where orphans do not vanish (the program itself inherits
 * them, being an init or a subreaper, or a container's init never reaps) B becomes our
 * child with exit signal 0, which no plain wait() sees; it is reaped at the next
 * occasion.
 *
 * Where the kernel has no memory for a copy, or lets us have one process and not two, the
 * image is a child that shares our memory, in one step: the program then stands still
 * while it scans.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "probes/freeze/freeze.h"
#include "probes/freeze/image.h"
#include "probes/freeze/machine.h"
#include "probes/tracker/control.h"
#include "probes/tracker/options.h"
#include "probes/tracker/raw.h"
#include "probes/tracker/report.h"

#define STACK_SIZE (256u * 1024)
#define KEEP_MAX 4
#define ORPHAN_LIMIT_NS 2000000000ull
#define SCAN_LIMIT_NS 10000000000ull

struct hs_job hs_job;

static char *parent_stack;    /* A's, and the image's copy of it */
static char *sharer_stack;    /* of an image that shares our memory */
static int32_t sharer_busy;   /* cleared by the kernel when that one ends */
static int32_t unreaped;      /* an image that is our own child; 0: none */
static int32_t orphan;        /* an image that was left to init */
static uint64_t orphan_ended; /* when we found it dead and not reaped; 0: not yet */
static bool orphans_stay;     /* as zombies: that init reaps nobody */
static bool keeps_child;      /* the image being made is to be our child */
static uint64_t stderr_device, stderr_inode;
void hs_spawn_init(void)
{
    struct stat status;
    if (hs_raw(SYS_fstat, 2, &status) == 0) {
        stderr_device = status.st_dev;
        stderr_inode = status.st_ino;
    }
    hs_helper_remember();
}

bool hs_spawn_stderr_is_ours(void)
{
    struct stat status;
    return stderr_inode != 0 && hs_raw(SYS_fstat, 2, &status) == 0
           && status.st_dev == stderr_device && status.st_ino == stderr_inode;
}

/* ---- A ---- */

static void close_between(unsigned first, unsigned last)
{
    if (first > last || hs_raw(SYS_close_range, first, last, 0) == 0)
        return;
    struct rlimit limit = {.rlim_cur = 1024};
    hs_raw(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, &limit);
    unsigned end = limit.rlim_cur < 1u << 20 ? (unsigned)limit.rlim_cur : 1u << 20;
    for (unsigned fd = first; fd <= last && fd < end; fd++)
        hs_raw(SYS_close, fd);
}

static void close_others(void)
{
    int keep[KEEP_MAX + 1];
    int count = 0;
    keep[count++] = hs_job.control_fd;
    keep[count++] = hs_job.identity_fd[0];
    keep[count++] = hs_job.identity_fd[1];
    if (hs_spawn_stderr_is_ours())
        keep[count++] = 2;

    unsigned from = 0;
    for (;;) {
        int next = -1;
        for (int i = 0; i < count; i++)
            if (keep[i] >= (int)from && (next < 0 || keep[i] < next))
                next = keep[i];
        if (next < 0)
            break;
        if (next > (int)from)
            close_between(from, (unsigned)next - 1);
        from = (unsigned)next + 1;
    }
    close_between(from, ~0u);
}

/* From here on in a descriptor table of our own. */
static int make_capture(void)
{
    if (hs_report_kept() >= 0)
        hs_raw(SYS_dup3, hs_report_kept(), 2, 0);
    close_others();
    for (;;) { /* 0, 1 and 2 stay what a helper expects them to be */
        int fd = (int)hs_raw(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC);
        if (fd > 2)
            hs_raw(SYS_close, fd);
        if (fd < 0 || fd >= 2)
            break;
    }
    hs_job.capture_fd =
        (int)hs_raw(SYS_memfd_create, HS_CAPTURE_NAME, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return hs_job.capture_fd < 0 ? hs_job.capture_fd : 0;
}

static void sharer_entry(void *argument)
{
    (void)argument;
    hs_image_main();
}

static long clone_sharer(unsigned long flags, void (*entry)(void *argument))
{
    hs_job.shares_memory = true;
    hs_job.has_scanned = 0;
    __atomic_store_n(&sharer_busy, 1, __ATOMIC_RELEASE);
    long pid = hs_machine_clone(flags | CLONE_VM | CLONE_CHILD_CLEARTID,
                                sharer_stack + STACK_SIZE, entry, NULL, &sharer_busy);
    if (pid < 0) {
        __atomic_store_n(&sharer_busy, 0, __ATOMIC_RELEASE);
        hs_job.shares_memory = false;
    }
    return pid;
}

static void parent_entry(void *argument)
{
    unsigned long flags = CLONE_FILES;
    (void)argument;

    int err = make_capture();
    if (err < 0) {
        hs_job.image_pid = err;
        hs_raw(SYS_exit_group, 0);
    }
    if (keeps_child)
        flags |= CLONE_PARENT;
    long pid;
    if (hs_job.kind == HS_REQUEST_TOTALS) {
        pid = clone_sharer(flags, sharer_entry);
    } else {
        pid = hs_raw(SYS_clone, flags, 0, 0, 0, 0);
        if (pid == 0)
            hs_image_main();
    }
    hs_job.image_pid = (int)pid;
    for (;;)
        hs_raw(SYS_exit_group, 0);
}

/* The image is our child at once: one process, and no copy of our memory. */
static void lone_entry(void *argument)
{
    (void)argument;
    int err = make_capture();
    if (err < 0) {
        hs_job.image_pid = err;
        __atomic_store_n(&hs_job.has_scanned, 1, __ATOMIC_RELEASE);
        for (;;)
            hs_raw(SYS_exit_group, 0);
    }
    hs_image_main();
}

/* ---- the program's side ---- */

/* A busy init may take its time. */
static void look_after_orphan(void)
{
    if (orphan <= 0)
        return;
    if (hs_raw(SYS_kill, orphan, 0) != 0) {
        orphan = 0;
    } else if (hs_process_is_dead(orphan)) {
        uint64_t now = hs_clock(CLOCK_MONOTONIC);
        if (!orphan_ended)
            orphan_ended = now;
        orphans_stay |= now - orphan_ended > ORPHAN_LIMIT_NS;
    }
}

static bool inherits_orphans(void)
{
    int subreaper = 0;
    look_after_orphan();
    if (orphans_stay)
        return true;
    hs_raw(SYS_prctl, PR_GET_CHILD_SUBREAPER, &subreaper, 0, 0, 0);
    return subreaper || hs_raw(SYS_getpid) == 1;
}

void hs_spawn_reap(void)
{
    if (unreaped > 0 && hs_raw(SYS_wait4, unreaped, 0, __WALL | WNOHANG, 0) != 0)
        unreaped = 0;
}

void hs_spawn_fork_child(void)
{
    unreaped = orphan = 0;
    sharer_busy = 0;
}

static int prepare(void)
{
    if (!parent_stack && !(parent_stack = hs_raw_map(STACK_SIZE)))
        return -ENOMEM;
    if (!sharer_stack && !(sharer_stack = hs_raw_map(STACK_SIZE)))
        return -ENOMEM;
    bool is_busy = __atomic_load_n(&sharer_busy, __ATOMIC_ACQUIRE);
    return is_busy && hs_job.kind == HS_REQUEST_TOTALS ? -EBUSY : 0;
}

static void spawn_in_two_steps(void)
{
    keeps_child = inherits_orphans();
    long parent = hs_machine_clone(CLONE_VM | CLONE_VFORK, parent_stack + STACK_SIZE,
                                   parent_entry, NULL, NULL);
    if (parent > 0)
        hs_raw(SYS_wait4, parent, 0, __WALL, 0);
    else
        hs_job.image_pid = (int)parent;
    if (hs_job.image_pid > 0 && keeps_child)
        unreaped = hs_job.image_pid;
    else if (hs_job.image_pid > 0 && orphan == 0) {
        orphan = hs_job.image_pid;
        orphan_ended = 0;
    }
}

static void spawn_alone(void)
{
    keeps_child = true;
    hs_job.image_pid = 0;
    long pid = clone_sharer(0, lone_entry);
    if (pid > 0)
        unreaped = (int32_t)pid;
    if (hs_job.image_pid == 0)
        hs_job.image_pid = (int)pid;
}

int hs_spawn(void)
{
    int err = prepare();
    if (err < 0)
        return err;
    hs_spawn_reap();

    hs_job.control_fd = hs_control_fd();
    hs_job.identity_fd[0] = hs_control_identity_fd(0);
    hs_job.identity_fd[1] = hs_control_identity_fd(1);
    hs_job.image_pid = -ECHILD;
    hs_job.shares_memory = false;
    spawn_in_two_steps();
    bool has_no_room = hs_job.image_pid == -ENOMEM || hs_job.image_pid == -EAGAIN;
    if (has_no_room && hs_job.kind == HS_REQUEST_SNAPSHOT
        && !__atomic_load_n(&sharer_busy, __ATOMIC_ACQUIRE))
        spawn_alone();
    return hs_job.image_pid < 0 ? hs_job.image_pid : 0;
}

/* One that hangs must not keep the program from running. */
int hs_spawn_await_scan(void)
{
    uint64_t start = hs_clock(CLOCK_MONOTONIC);
    for (unsigned turn = 1; !__atomic_load_n(&hs_job.has_scanned, __ATOMIC_ACQUIRE);
         turn++) {
        if (turn % 64 == 0 && hs_process_is_dead(hs_job.image_pid))
            return -ECHILD;
        if (hs_clock(CLOCK_MONOTONIC) - start > SCAN_LIMIT_NS) {
            hs_raw(SYS_kill, hs_job.image_pid, SIGKILL);
            return -ETIMEDOUT;
        }
        struct timespec pause = {.tv_nsec = 200000};
        hs_raw(SYS_nanosleep, &pause, 0);
    }
    return hs_job.image_pid < 0 ? hs_job.image_pid : 0;
}

int hs_spawn_exec_helper(void)
{
    return hs_helper_exec(keeps_child || hs_job.shares_memory);
}

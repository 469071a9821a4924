// SPDX-License-Identifier: MIT

/*
 * The image's life: gather, write, hand over, end.
 *
 * It answers to nobody but the control page. Whatever goes wrong in it costs one snapshot
 * and one line of text; the program runs on since the moment the image was cloned.
 */

#include "probes/freeze/image.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "probes/freeze/freeze.h"
#include "probes/freeze/sections.h"
#include "probes/tracker/control.h"
#include "probes/tracker/raw.h"
#include "probes/tracker/report.h"

#define LIFETIME_SECONDS 5
/* More time for what there is to be read, even on a busy machine. */
#define BLOCKS_A_SECOND 100000u
#define BYTES_A_SECOND (256u << 20)
#define TAKE_SECONDS 4

struct hs_image hs_image;
struct hs_known hs_known = {.tls_below = 4096, .thread_size = 2304};

static void write_file(const char *path, const char *text, size_t size)
{
    long fd = hs_raw(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    hs_raw(SYS_write, fd, text, size);
    hs_raw(SYS_close, fd);
}

static int lifetime_timer = -1;

/* Nobody waits for an image that hangs, and as long as it lives the program's memory is
 * copied page by page as it is written to. The helper has its own limits. */
static void limit_lifetime(uint64_t seconds)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
    struct itimerspec when = {.it_value.tv_sec = (time_t)seconds};
    if (lifetime_timer < 0
        && hs_raw(SYS_timer_create, CLOCK_MONOTONIC, &event, &lifetime_timer) != 0)
        return;
    hs_raw(SYS_timer_settime, lifetime_timer, 0, &when, 0);
}

static int allow_for_blocks(void)
{
    const struct hs_scan_block *blocks = (const void *)hs_image.scan_blocks.items;
    uint64_t count = hs_image.scan_blocks.count, bytes = 0;
    for (uint64_t i = 0; i < count; i++)
        bytes += blocks[i].size;
    limit_lifetime(LIFETIME_SECONDS + count / BLOCKS_A_SECOND + bytes / BYTES_A_SECOND);
    return 0;
}

static void settle(void)
{
    uint64_t all = ~0ull;
    hs_raw(SYS_rt_sigprocmask, SIG_SETMASK, &all, 0, 8);
    hs_raw(SYS_prctl, PR_SET_NAME, "heapsnap-image", 0, 0, 0);
    hs_raw(SYS_setsid);
    hs_spawn_lift_limits();
    lifetime_timer = -1;
    limit_lifetime(LIFETIME_SECONDS);
    hs_fault_guard_install();
    if (hs_job.shares_memory)
        return; /* the memory, and with it the settings below, is the program's */
    hs_raw(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0);
    write_file("/proc/self/oom_score_adj", "1000", 4);
}

/* The program says how long it stood still once it runs again; until then the phase is
 * its own. */
static void await_program(void)
{
    for (int i = 0; i < 10000; i++) {
        if (__atomic_load_n(&hs_control->pause_ns, __ATOMIC_ACQUIRE))
            return;
        struct timespec pause = {.tv_nsec = 100000};
        hs_raw(SYS_nanosleep, &pause, 0);
    }
}

__attribute__((noreturn)) static void end(int status)
{
    if (hs_job.shares_memory)
        hs_scratch_release();
    for (;;)
        hs_raw(SYS_exit_group, status);
}

/* The program may go on: nothing more is read of its memory but our tables. */
static void let_go(void)
{
    __atomic_store_n(&hs_job.has_scanned, 1, __ATOMIC_RELEASE);
}

static void finish(int error)
{
    __atomic_store_n(&hs_control->error, error, __ATOMIC_RELEASE);
    __atomic_store_n(&hs_control->finished, hs_job.cookie, __ATOMIC_RELEASE);
    __atomic_store_n(&hs_control->phase, HS_PHASE_IDLE, __ATOMIC_RELEASE);
    end(0);
}

static void fail(int err, const char *what)
{
    char text[sizeof(hs_control->error_text)];
    let_go();
    await_program();
    hs_explain(text, sizeof(text), what, err);
    memcpy(hs_control->error_text, text, sizeof(text));
    if (hs_job.taker_pid == 0)
        hs_report("snapshot of process %d failed: %s", (int64_t)hs_job.program_pid, text);
    finish(-err);
}

/* In the order in which one stage needs what another found. */
static const struct {
    int (*run)(void);
    const char *failure;
} stages[] = {
    {hs_loaded_collect, "cannot list the modules"},
    {hs_heap_collect, "cannot list the blocks"},
    {allow_for_blocks, ""},
    {hs_roots_collect, "cannot list the roots"},
    {hs_threads_collect, "cannot list the threads"},
    {hs_weak_collect, "cannot list the other memory"},
    {hs_handles_collect, "cannot list the open descriptors"},
    {hs_identity_assign, "cannot number the blocks"},
    {hs_sections_write, "cannot write the tables"},
    {hs_graph_write, "cannot write the pointers"},
    {hs_totals_write, "cannot write the totals"},
};

static void gather_snapshot(void)
{
    int err = hs_maps_load(&hs_image.maps);
    if (err < 0)
        fail(err, "cannot read /proc/self/maps");
    for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
        err = stages[i].run();
        if (err < 0)
            fail(err, stages[i].failure);
    }
    hs_image.header.usable_bytes = hs_heap_usable_bytes();
}

static void gather_totals(void)
{
    int err = hs_maps_load(&hs_image.maps);
    if (err == 0)
        err = hs_loaded_collect();
    if (err == 0)
        err = hs_handles_collect();
    if (err == 0)
        err = hs_sections_write();
    if (err == 0)
        err = hs_totals_write();
    if (err < 0)
        fail(err, "cannot write the totals");
}

static void complete(void)
{
    struct hs_capture_header *header = &hs_image.header;
    int err = hs_sections_finish();
    if (err < 0)
        fail(err, "cannot write the capture");
    let_go();
    await_program();
    if (header->kind == HS_REQUEST_SNAPSHOT) {
        header->pause_ns = __atomic_load_n(&hs_control->pause_ns, __ATOMIC_ACQUIRE);
        header->fork_ns = __atomic_load_n(&hs_control->fork_ns, __ATOMIC_ACQUIRE);
    }
    header->scan_ns = hs_clock(CLOCK_MONOTONIC) - hs_job.start_time;
    long written = hs_raw(SYS_pwrite64, hs_job.capture_fd, header, sizeof(*header), 0);
    if (written != sizeof(*header))
        fail(written < 0 ? (int)written : -ENOSPC, "cannot write the capture's header");
    hs_raw(SYS_fcntl, hs_job.capture_fd, F_ADD_SEALS,
           F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
    if (header->kind == HS_REQUEST_SNAPSHOT) {
        hs_identity_commit();
        __atomic_store_n(&hs_control->snapshots, header->sequence, __ATOMIC_RELEASE);
    }
    __atomic_store_n(&hs_control->capture_fd, hs_job.capture_fd, __ATOMIC_RELEASE);
    __atomic_store_n(&hs_control->phase, HS_PHASE_READY, __ATOMIC_RELEASE);
}

static void await_taker(void)
{
    uint64_t deadline = hs_clock(CLOCK_MONOTONIC) + TAKE_SECONDS * 1000000000ull;
    for (unsigned turn = 1; hs_clock(CLOCK_MONOTONIC) < deadline; turn++) {
        uint32_t phase = __atomic_load_n(&hs_control->phase, __ATOMIC_ACQUIRE);
        if (phase == HS_PHASE_TAKEN)
            finish(0);
        if (phase != HS_PHASE_READY)
            end(0); /* somebody gave us up */
        if (turn % 16 == 0 && hs_job.taker_pid > 0
            && hs_process_is_dead(hs_job.taker_pid))
            fail(-ESRCH, "the tool that asked has ended");
        struct timespec pause = {.tv_nsec = 500000};
        hs_raw(SYS_nanosleep, &pause, 0);
    }
    fail(-ETIMEDOUT, "nobody came for the finished capture");
}

void hs_image_main(void)
{
    memset(&hs_image, 0, sizeof(hs_image));
    hs_scratch_release(); /* of one that was killed before it could */
    settle();
    if (!hs_writer_open(&hs_image.writer, hs_job.capture_fd,
                        (sizeof(hs_image.header) + 7) & ~7ull))
        fail(-ENOMEM, "cannot begin");
    if (hs_job.kind == HS_REQUEST_TOTALS)
        gather_totals();
    else
        gather_snapshot();
    complete();
    if (hs_job.taker_pid != 0)
        await_taker();
    hs_raw(SYS_timer_delete, lifetime_timer);
    int err = hs_spawn_exec_helper();
    if (err < 0)
        fail(err, "cannot start the helper that writes snapshots");
    end(1);
}

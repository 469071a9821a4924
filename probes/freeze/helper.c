// SPDX-License-Identifier: MIT

/*
 * What an image becomes by exec when the snapshot was asked for inside the process: the
 * command line tool, told by arguments what to do, in the environment the program had at
 * its start.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "probes/freeze/ending.h"
#include "probes/freeze/freeze.h"
#include "probes/freeze/image.h"
#include "probes/freeze/machine.h"
#include "probes/tracker/control.h"
#include "probes/tracker/options.h"
#include "probes/tracker/raw.h"
#include "probes/tracker/report.h"

#define STACK_SIZE (256u * 1024)
#define ENVIRONMENT_MAX 512

static char *environment[ENVIRONMENT_MAX + HS_ENDING_TEXTS + 1];
static int environment_count;

static bool starts_with(const char *text, const char *start)
{
    while (*start && *text == *start)
        text++, start++;
    return !*start;
}

static size_t length(const char *text)
{
    size_t size = 0;
    while (text[size])
        size++;
    return size;
}

static bool is_for_helper(const char *variable)
{
    if (starts_with(variable, "LD_PRELOAD=") || starts_with(variable, "LD_AUDIT="))
        return false;
    return !starts_with(variable, "HEAPSNAP_") || starts_with(variable, HS_ENV_CHECK "=");
}

/* The program may move, change and free its environment later; keep a copy. */
static void remember_environment(void)
{
    size_t size = 0;
    for (char **at = environ; at && *at; at++)
        size += length(*at) + 1;
    char *copy = size ? hs_raw_map(size) : NULL;
    for (char **at = environ; copy && *at && environment_count < ENVIRONMENT_MAX; at++) {
        if (!is_for_helper(*at))
            continue;
        environment[environment_count++] = copy;
        for (const char *from = *at;; from++)
            if (!(*copy++ = *from))
                break;
    }
}

void hs_helper_remember(void)
{
    if (environment_count == 0)
        remember_environment();
}

static bool is_program(const char *path)
{
    struct stat status;
    return hs_raw(SYS_newfstatat, AT_FDCWD, path, &status, 0) == 0
           && S_ISREG(status.st_mode) && hs_raw(SYS_faccessat, AT_FDCWD, path, X_OK) == 0;
}

const char *hs_spawn_helper(const char **ret_looked_for)
{
    /* Where it is beside the shim: in a build tree, below lib/, below lib/<machine>/. */
    static const char *const places[] = {"../tools/heapsnap", "../../bin/heapsnap",
                                         "../../../bin/heapsnap"};
    static char path[1200];

    *ret_looked_for = path;
    if (hs_options.helper[0]) {
        hs_format(path, sizeof(path), "%s", hs_options.helper);
        return is_program(path) ? path : NULL;
    }
    size_t folder = length(hs_control->shim_path);
    while (folder > 0 && hs_control->shim_path[folder - 1] != '/')
        folder--;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        hs_format(path, sizeof(path), "%s", hs_control->shim_path);
        hs_format(path + folder, sizeof(path) - folder, "%s", places[i]);
        if (is_program(path))
            return path;
    }
    hs_format(path + folder, sizeof(path) - folder, "%s", places[0]);
    return NULL;
}
void hs_spawn_lift_limits(void)
{
    static const int lifted[] = {RLIMIT_AS,    RLIMIT_DATA, RLIMIT_NOFILE,
                                 RLIMIT_FSIZE, RLIMIT_CPU,  RLIMIT_STACK};
    for (size_t i = 0; i < sizeof(lifted) / sizeof(lifted[0]); i++) {
        struct rlimit limit;
        if (hs_raw(SYS_prlimit64, 0, lifted[i], 0, &limit) < 0)
            continue;
        limit.rlim_cur = limit.rlim_max;
        hs_raw(SYS_prlimit64, 0, lifted[i], &limit, 0);
    }
}

/*
 * Signals as a program expects them at its start. What came before we left the program's
 * process group was for the program, and must not end the helper.
 */
static void reset_signals(void)
{
    struct {
        void (*handler)(int);
        unsigned long flags;
        void (*restorer)(void);
        uint64_t mask;
    } standard = {0};
    for (int signal = 1; signal <= 64; signal++)
        hs_raw(SYS_rt_sigaction, signal, &standard, 0, 8);
    uint64_t all = ~0ull, nothing = 0;
    struct timespec now = {0};
    while (hs_raw(SYS_rt_sigtimedwait, &all, 0, &now, 8) > 0)
        ;
    hs_raw(SYS_rt_sigprocmask, SIG_SETMASK, &nothing, 0, 8);
}

static int exec_helper(void)
{
    const char *looked_for;
    const char *helper = hs_spawn_helper(&looked_for);
    char capture[16], control[16];
    if (!helper)
        return -ENOENT;

    hs_format(capture, sizeof(capture), "%d", (int64_t)hs_job.capture_fd);
    hs_format(control, sizeof(control), "%d", (int64_t)hs_job.control_fd);
    hs_raw(SYS_fcntl, hs_job.capture_fd, F_SETFD, 0);
    hs_raw(SYS_fcntl, hs_job.control_fd, F_SETFD, 0);
    for (int fd = 0; fd <= 2; fd++)
        hs_raw(SYS_fcntl, fd, F_SETFD, 0);
    reset_signals();

    const char *arguments[9] = {"heapsnap", "write-snapshot", "--capture",
                                capture,    "--control",      control};
    int count = 6;
    if (hs_options.verbose)
        arguments[count++] = "--verbose";
    if (hs_job.work & HS_WORK_CHECK)
        arguments[count++] = hs_job.work & HS_WORK_FILE ? "--check" : "--only-check";
    for (unsigned i = 0; i < HS_ENDING_TEXTS; i++)
        if (hs_ending_text(i))
            environment[environment_count++] = (char *)(uintptr_t)hs_ending_text(i);
    return (int)hs_raw(SYS_execve, helper, arguments, environment);
}

static void helper_entry(void *result)
{
    *(volatile int *)result = exec_helper();
    for (;;)
        hs_raw(SYS_exit_group, 1);
}

/* Whoever executes gets SIGCHLD for an exit signal, so a child of the program does not. */
static int exec_in_child(void)
{
    volatile int result = 0;
    char *stack = hs_scratch_map(STACK_SIZE);
    if (!stack)
        return -ENOMEM;
    long child = hs_machine_clone(CLONE_VM | CLONE_VFORK, stack + STACK_SIZE,
                                  helper_entry, (void *)&result, NULL);
    if (child < 0)
        return (int)child;
    hs_raw(SYS_wait4, child, 0, __WALL, 0);
    return result;
}

int hs_helper_exec(bool in_child)
{
    return in_child ? exec_in_child() : exec_helper();
}

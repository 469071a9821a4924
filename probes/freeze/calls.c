// SPDX-License-Identifier: MIT

/*
 * The table of system calls. Where the kernel would do something, pointers and
 * descriptors that are none keep it from it. What runs in the image alone is here, too: its
 * death costs the program nothing, but a snapshot that can only fail need not be begun.
 */

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "probes/freeze/sandbox.h"
#include "probes/tracker/raw.h"

#define NONE ((uint64_t)-1) /* no descriptor, no operation */
#define HERE ((uint64_t)AT_FDCWD)
#define START HS_CALL_START
#define TRACK HS_CALL_TRACK
#define TAKE HS_CALL_SNAPSHOT
#define SAY HS_CALL_REPORT
#define GRANTED HS_CALL_GRANTED
#define UNTRIED HS_CALL_UNTRIED
#define CALL(name, what_for, ...)    \
    {                                \
#name, SYS_##name, what_for, \
        {                            \
            __VA_ARGS__              \
        }                            \
    }
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

const struct hs_call hs_calls[] = {
    CALL(rt_sigreturn, TAKE | GRANTED),
    CALL(rt_sigprocmask, TRACK | TAKE | SAY | GRANTED, NONE, 0, 0, 8),
    CALL(rt_sigprocmask, TAKE | SAY | GRANTED, SIG_SETMASK, 0, 0, 8),
    CALL(mmap, TRACK | TAKE, 0, 4096, PROT_READ | PROT_WRITE, ANONYMOUS, NONE, 0),
    CALL(munmap, TRACK | TAKE | HS_CALL_CLOSE, 0, 4096),
    CALL(gettid, TRACK | TAKE),
    CALL(getpid, TRACK | TAKE),
    CALL(tgkill, TRACK | TAKE, HS_CALL_PID, HS_CALL_TID, 0),
    CALL(clock_gettime, TRACK | TAKE, CLOCK_REALTIME, 0),
    CALL(clock_gettime, TAKE, CLOCK_MONOTONIC, 0),
    CALL(nanosleep, TRACK | TAKE, 0, 0),
    CALL(mincore, TRACK, 0, 4096, 0),
    CALL(membarrier, TRACK, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0),
    /* libunwind tests memory by these. */
    CALL(msync, TRACK, 0, 1, MS_ASYNC),
    CALL(pipe2, TRACK, 0, O_CLOEXEC | O_NONBLOCK),
    CALL(read, TRACK | TAKE, NONE, 0, 1),
    CALL(write, TRACK | TAKE | SAY, 2, 0, 0),
    CALL(close, TRACK | TAKE | HS_CALL_CLOSE, NONE),

    CALL(getcwd, START | TAKE, 0, 0),
    CALL(readlinkat, START | TAKE, HERE, 0, 0, 0),
    CALL(prlimit64, START | TAKE, 0, RLIMIT_NOFILE, 0, 0),
    CALL(memfd_create, START | TAKE, 0, MFD_CLOEXEC | MFD_ALLOW_SEALING),
    CALL(fcntl, START | TAKE, NONE, F_DUPFD_CLOEXEC, 1000),
    CALL(fcntl, START, NONE, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL),
    CALL(ftruncate, START | TAKE, NONE, 4096),
    CALL(mmap, START, 0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, NONE, 0),
    CALL(mprotect, START, 0, 0, PROT_READ | PROT_EXEC),
    CALL(mprotect, START, 0, 0, PROT_READ | PROT_WRITE),
    CALL(membarrier, START, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0),
    CALL(openat, START | TAKE, HERE, 0, O_RDONLY | O_CLOEXEC),
    CALL(newfstatat, START | TAKE | SAY, 2, 0, 0, AT_EMPTY_PATH),
    CALL(getrandom, START, 0, 0, 1),

    CALL(rt_sigpending, TAKE | SAY, 0, 8),
    CALL(rt_sigtimedwait, TAKE | SAY, 0, 0, 0, 8),
    CALL(rt_sigaction, TAKE, 0, 0, 0, 8),
    CALL(rt_tgsigqueueinfo, TAKE, HS_CALL_PID, HS_CALL_TID, 62, 0),
    CALL(futex, TAKE, 0, FUTEX_WAIT_PRIVATE, 0, 0),
    CALL(futex, TAKE, 0, FUTEX_WAKE_PRIVATE, 0, 0),
    CALL(timer_create, TAKE, CLOCK_MONOTONIC, 0, 0),
    CALL(timer_settime, TAKE, NONE, 0, 0, 0),
    CALL(getdents64, TAKE, NONE, 0, 0),
    CALL(getuid, TAKE),
    CALL(kill, TAKE, HS_CALL_PID, 0),
    CALL(prctl, TAKE, PR_GET_CHILD_SUBREAPER, 0, 0, 0, 0),
    CALL(clone, TAKE | UNTRIED, CLONE_VM | CLONE_VFORK, 4096),
    CALL(clone, TAKE | UNTRIED, CLONE_FILES, 0),
    CALL(wait4, TAKE, NONE, 0, __WALL | WNOHANG, 0),
    CALL(close_range, TAKE, 0xffffffff, 0xffffffff, 0),
    CALL(dup3, TAKE, NONE, NONE, 0),
    CALL(faccessat, TAKE, HERE, 0, 1),
    CALL(fstat, TAKE, 2, 0),
    CALL(ioctl, TAKE, NONE, 0, 0),
    CALL(mremap, TAKE, 0, 0, 0, MREMAP_MAYMOVE),
    CALL(pread64, TAKE, NONE, 0, 0, 0),
    CALL(pwrite64, TAKE, NONE, 0, 0, 0),
    CALL(setsid, TAKE),
    CALL(execve, TAKE, 0, 0, 0),
    CALL(exit_group, TAKE | UNTRIED, 0),
};
const size_t hs_calls_count = sizeof(hs_calls) / sizeof(hs_calls[0]);

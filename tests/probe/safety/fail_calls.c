// SPDX-License-Identifier: MIT

/*
 * Provokes: "ENOMEM and EMFILE at every internal call".
 *
 *   fail_calls SHIM ERROR FIRST LAST COMMAND…
 *
 * Runs the command and makes the system calls that come from the code of SHIM itself fail
 * with errno ERROR, from the FIRST to the LAST one, counted over all its processes. Ends
 * with the command's status; the last line on descriptor 9, if that is open, says how many
 * calls there were. A filter stops the program at system calls alone, and the instruction
 * pointer tells whose they are. What ends a process, cannot fail, or has done its work even
 * when it fails (close) is let through.
 */

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *shim;
static long count, first, last, error;

static const long never_fail[] = {SYS_exit,          SYS_exit_group, SYS_getpid,
                                  SYS_gettid,        SYS_getuid,     SYS_rt_sigreturn,
                                  SYS_clock_gettime, SYS_close};

/* Stop at every call of the shim; those of libc are too many to look at. */
static void install_filter(void)
{
    struct sock_filter trace_all[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE)};
    struct sock_fprog program = {.len = 1, .filter = trace_all};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
        || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        _exit(125);
}

static int is_in_shim(pid_t pid, uint64_t address)
{
    char path[64], line[4400];
    int found = 0;
    snprintf(path, sizeof(path), "/proc/%d/maps", pid);
    FILE *maps = fopen(path, "r");
    while (maps && !found && fgets(line, sizeof(line), maps)) {
        unsigned long start, end;
        if (sscanf(line, "%lx-%lx", &start, &end) == 2 && address > start
            && address <= end)
            found = strstr(line, shim) ? 1 : -1;
    }
    if (maps)
        fclose(maps);
    return found > 0;
}

/* The shim's code is looked for once a process image; it does not move. */
static int is_ours(pid_t pid, uint64_t address)
{
    static struct {
        pid_t pid;
        uint64_t page;
        int answer;
    } known[4096];
    uint64_t page = address >> 12;
    size_t place = (page ^ (uint64_t)pid * 31) % 4096;
    if (known[place].pid != pid || known[place].page != page) {
        known[place].pid = pid;
        known[place].page = page;
        known[place].answer = is_in_shim(pid, address);
    }
    return known[place].answer;
}

static void at_call(pid_t pid)
{
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, pid, 0, &registers) != 0 || !is_ours(pid, registers.rip))
        return;
    for (size_t i = 0; i < sizeof(never_fail) / sizeof(never_fail[0]); i++)
        if ((long)registers.orig_rax == never_fail[i])
            return;
    /* What moves our descriptors out of the program's way may fail, but not always. */
    if (registers.orig_rax == SYS_fcntl && last > first)
        return;
    count++;
    if (count < first || count > last)
        return;
    if (getenv("FAIL_CALLS_VERBOSE"))
        fprintf(stderr, "fail_calls: %d: call %ld, number %lld\n", pid, count,
                (long long)registers.orig_rax);
    registers.orig_rax = ~0ull; /* no call: what is in rax is its result */
    registers.rax = (uint64_t)-error;
    ptrace(PTRACE_SETREGS, pid, 0, &registers);
}

static int follow(pid_t program)
{
    int status, result = 125;
    for (;;) {
        pid_t pid = waitpid(-1, &status, __WALL);
        if (pid < 0)
            return result;
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            if (pid == program)
                result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            continue;
        }
        int signal = WSTOPSIG(status);
        if (status >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8))
            at_call(pid);
        if (status >> 16 || signal == SIGSTOP || signal == SIGTRAP)
            signal = 0;
        ptrace(PTRACE_CONT, pid, 0, signal);
    }
}

int main(int argc, char **argv)
{
    if (argc < 6)
        return 64;
    shim = argv[1];
    error = atol(argv[2]);
    first = atol(argv[3]);
    last = atol(argv[4]);
    pid_t program = fork();
    if (program == 0) {
        close(9);
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        install_filter();
        setenv("LD_PRELOAD", shim, 1);
        execvp(argv[5], argv + 5);
        _exit(126);
    }
    int status;
    waitpid(program, &status, 0);
    ptrace(PTRACE_SETOPTIONS, program, 0,
           PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK
               | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL);
    ptrace(PTRACE_CONT, program, 0, 0);
    int result = follow(program);
    dprintf(9, "%ld\n", count);
    return result;
}

// SPDX-License-Identifier: MIT

/*
 * Provokes: seccomp filters, no_new_privs. sandbox WAY CALL COMMAND…
 *
 * Executes the command under a filter that answers the system call CALL, by name, with
 * death ("kill") or with an error ("refuse"). A program that lives without the call bare
 * must do so tracked. rt_sigprocmask and mmap are not in the list: libc itself needs them.
 */

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
    const char *name;
    unsigned number;
} calls[] = {
    {"none", ~0u},
    {"memfd_create", SYS_memfd_create},
    {"membarrier", SYS_membarrier},
    {"tgkill", SYS_tgkill},
    {"rt_tgsigqueueinfo", SYS_rt_tgsigqueueinfo},
    {"mincore", SYS_mincore},
    {"madvise", SYS_madvise},
    {"prlimit64", SYS_prlimit64},
    {"readlinkat", SYS_readlinkat},
    {"getcwd", SYS_getcwd},
    {"timer_create", SYS_timer_create},
    {"ftruncate", SYS_ftruncate},
    {"fcntl", SYS_fcntl},
    {"pipe2", SYS_pipe2},
    {"gettid", SYS_gettid},
    {"process_vm_readv", SYS_process_vm_readv},
};

int main(int argc, char **argv)
{
    unsigned number = 0;
    for (size_t i = 0; argc > 3 && i < sizeof(calls) / sizeof(calls[0]); i++)
        if (strcmp(calls[i].name, argv[2]) == 0)
            number = calls[i].number;
    if (number == 0)
        return 64;
    unsigned answer = strcmp(argv[1], "kill") == 0 ? SECCOMP_RET_KILL_PROCESS
                                                   : SECCOMP_RET_ERRNO | EPERM;
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, answer),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = 4, .filter = filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
        || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        perror("seccomp");
        return 77;
    }
    execvp(argv[3], argv + 3);
    return 126;
}

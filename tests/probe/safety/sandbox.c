// SPDX-License-Identifier: MIT

/*
 * Provokes: seccomp filters, no_new_privs. sandbox WAY CALL COMMAND…
 *
 * Executes the command under a filter that answers the system call CALL, by name, with
 * death ("kill") or with an error ("refuse"). A program that lives without the call bare
 * must do so tracked. rt_sigprocmask and mmap are not in the list: libc itself needs them.
 * In place of a command: "stay" works on itself for a while, "wait" until its standard
 * input ends.
 */

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
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
    {"rt_sigreturn", SYS_rt_sigreturn},
    {"rt_sigpending", SYS_rt_sigpending},
    {"rt_sigprocmask", SYS_rt_sigprocmask},
    {"rt_sigaction", SYS_rt_sigaction},
    {"futex", SYS_futex},
    {"clone", SYS_clone},
    {"wait4", SYS_wait4},
    {"openat", SYS_openat},
    {"newfstatat", SYS_newfstatat},
    {"getpid", SYS_getpid},
};

/* As much as a program can do without a system call but for memory and the time. */
static int stay(void)
{
    static void *blocks[4096];
    size_t sum = 0;
    for (size_t i = 0; i < 500000; i++) {
        size_t at = i * 2654435761u % 4096;
        free(blocks[at]);
        blocks[at] = malloc(16 + i % 3000);
        sum += blocks[at] != NULL;
    }
    return sum == 500000 ? 7 : 1;
}

static int wait_for_end(void)
{
    char byte;
    if (write(1, "ready\n", 6) != 6)
        return 1;
    while (read(0, &byte, 1) > 0)
        free(malloc(100));
    return 7;
}

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
    if (strcmp(argv[3], "stay") == 0)
        _exit(stay());
    if (strcmp(argv[3], "wait") == 0)
        _exit(wait_for_end());
    execvp(argv[3], argv + 3);
    return 126;
}

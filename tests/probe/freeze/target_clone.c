// SPDX-License-Identifier: MIT

/* A kernel that has no room for new processes, by a filter. */

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "target.h"

#define LOAD(field) \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, field))
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, (what))

void make_clones_fail(const char *which)
{
    /* What a clone must have in its flags to go through. */
    unsigned needed = strcmp(which, " of all") == 0 ? 0 : CLONE_VM;
    unsigned forbidden = strcmp(which, " of two") == 0 ? CLONE_VFORK : 0;
    unsigned error = strcmp(which, " of memory") == 0 ? ENOMEM : EAGAIN;
    struct sock_filter filter[] = {
        LOAD(nr),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 1, 0),
        RETURN(SECCOMP_RET_ALLOW),
        LOAD(args[0]),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, needed, 1, 0),
        RETURN(SECCOMP_RET_ERRNO | error),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, forbidden, 0, 1),
        RETURN(SECCOMP_RET_ERRNO | error),
        RETURN(SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
        || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        exit(1);
}

// SPDX-License-Identifier: MIT

/*
 * Containers and services run under seccomp filters, which may kill a program for a system
 * call that it never makes. The filters of a thread can be had from the kernel, by an
 * administrator only; they are classic BPF, and run here on the calls in question before
 * anybody makes them. What they see is a struct seccomp_data; all of them must allow it.
 */

#include "libheapsnap/image/memory_sandbox.h"

#include <elf.h>
#include <errno.h>
#include <linux/audit.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "libheapsnap/base/guard.h"
#include "libheapsnap/image/proc.h"

#if defined(__aarch64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#define OWN_ARCHITECTURE AUDIT_ARCH_X86_64
#endif

#define FILTERS_MAX 64
#define WRONG SECCOMP_RET_KILL_PROCESS

struct machine {
    uint32_t a, x, memory[BPF_MEMWORDS];
    const struct seccomp_data *data;
};

static uint32_t calculate(uint16_t code, uint32_t left, uint32_t right)
{
    switch (BPF_OP(code)) {
    case BPF_ADD:
        return left + right;
    case BPF_SUB:
        return left - right;
    case BPF_MUL:
        return left * right;
    case BPF_DIV:
        return right ? left / right : 0;
    case BPF_AND:
        return left & right;
    case BPF_OR:
        return left | right;
    case BPF_XOR:
        return left ^ right;
    case BPF_LSH:
        return right < 32 ? left << right : 0;
    case BPF_RSH:
        return right < 32 ? left >> right : 0;
    default:
        return 0u - left; /* BPF_NEG */
    }
}

static bool is_taken(uint16_t code, uint32_t left, uint32_t right)
{
    switch (BPF_OP(code)) {
    case BPF_JEQ:
        return left == right;
    case BPF_JGT:
        return left > right;
    case BPF_JGE:
        return left >= right;
    default:
        return (left & right) != 0; /* BPF_JSET */
    }
}

/* What a load instruction loads; false: nothing that a filter may have. */
static bool load(const struct machine *machine, const struct sock_filter *at,
                 uint32_t *ret)
{
    switch (BPF_MODE(at->code)) {
    case BPF_IMM:
        *ret = at->k;
        return true;
    case BPF_LEN:
        *ret = sizeof(*machine->data);
        return true;
    case BPF_MEM:
        *ret = machine->memory[at->k % BPF_MEMWORDS];
        return at->k < BPF_MEMWORDS;
    case BPF_ABS:
        if (at->k > sizeof(*machine->data) - sizeof(*ret))
            return false;
        memcpy(ret, (const char *)machine->data + at->k, sizeof(*ret));
        return true;
    default:
        return false;
    }
}

/* Everything but jumps and returns. */
static bool step(struct machine *machine, const struct sock_filter *at)
{
    switch (BPF_CLASS(at->code)) {
    case BPF_LD:
        return load(machine, at, &machine->a);
    case BPF_LDX:
        return load(machine, at, &machine->x);
    case BPF_ST:
        machine->memory[at->k % BPF_MEMWORDS] = machine->a;
        return true;
    case BPF_STX:
        machine->memory[at->k % BPF_MEMWORDS] = machine->x;
        return true;
    case BPF_ALU:
        machine->a = calculate(at->code, machine->a,
                               BPF_SRC(at->code) == BPF_X ? machine->x : at->k);
        return true;
    case BPF_MISC:
        if (BPF_MISCOP(at->code) == BPF_TAX)
            machine->x = machine->a;
        else
            machine->a = machine->x;
        return true;
    default:
        return false;
    }
}

uint32_t hs_sandbox_run(const struct sock_filter *filter, size_t count,
                        const struct seccomp_data *data)
{
    struct machine machine = {.data = data};
    /* Jumps only lead forward, so it ends. */
    for (size_t at = 0; at < count; at++) {
        const struct sock_filter *now = &filter[at];
        uint32_t right = BPF_SRC(now->code) == BPF_X ? machine.x : now->k;
        if (BPF_CLASS(now->code) == BPF_RET)
            return BPF_RVAL(now->code) == BPF_A ? machine.a : now->k;
        if (BPF_CLASS(now->code) != BPF_JMP) {
            if (!step(&machine, now))
                return WRONG;
        } else if (BPF_OP(now->code) == BPF_JA) {
            at += now->k;
        } else {
            at += is_taken(now->code, machine.a, right) ? now->jt : now->jf;
        }
    }
    return WRONG;
}

static bool allows_all(const struct sock_filter *filter, size_t count)
{
    static const struct seccomp_data calls[] = {
        {.nr = SYS_clone, .args = {CLONE_FILES | CLONE_FS}},
        {.nr = SYS_wait4, .args = {1, 0, __WALL | WNOHANG}},
        {.nr = SYS_wait4, .args = {1, 0, __WALL}},
        {.nr = SYS_rt_sigprocmask, .args = {2, 4096, 0, 8}},
        {.nr = SYS_exit_group, .args = {0}},
    };
    for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
        struct seccomp_data data = calls[i];
        data.arch = OWN_ARCHITECTURE;
        uint32_t verdict = hs_sandbox_run(filter, count, &data) & SECCOMP_RET_ACTION_FULL;
        if (verdict != SECCOMP_RET_ALLOW && verdict != SECCOMP_RET_LOG)
            return false;
    }
    return true;
}

bool hs_sandbox_allows_image(pid_t tid)
{
    char mode[16];
    if (!hs_proc_status_field(tid, "Seccomp", mode, sizeof(mode)))
        return false;
    if (strcmp(mode, "0") == 0)
        return true;
    for (long i = 0; i < FILTERS_MAX && strcmp(mode, "2") == 0; i++) {
        long count = ptrace(PTRACE_SECCOMP_GET_FILTER, tid, i, NULL);
        if (count < 0) /* ENOENT: those were all */
            return errno == ENOENT && i > 0;
        hs_auto_free struct sock_filter *filter =
            calloc((size_t)count + !count, sizeof(*filter));
        if (!filter || ptrace(PTRACE_SECCOMP_GET_FILTER, tid, i, filter) != count
            || !allows_all(filter, (size_t)count))
            return false;
    }
    return false;
}

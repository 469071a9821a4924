// SPDX-License-Identifier: MIT

/*
 * Where programs install filters: prctl() and syscall(), for which libseccomp and all
 * others are users. These take any arguments and may return twice (syscall(SYS_vfork)),
 * so on x86-64 they are a few instructions that look at the numbers and jump on, with
 * registers and stack as they were.
 */

#include <linux/seccomp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "probes/freeze/sandbox.h"
#include "probes/tracker/next.h"
#include "probes/tracker/raw.h"

HS_NEXT(int, prctl, (int, long, long, long, long))
HS_NEXT(long, syscall, (long, long, long, long, long, long, long))

static void look_at_prctl(int option, uint64_t mode, const void *filter)
{
    if (option == PR_SET_SECCOMP
        && (mode == SECCOMP_MODE_STRICT || mode == SECCOMP_MODE_FILTER))
        hs_sandbox_closes(filter, mode == SECCOMP_MODE_STRICT);
}

static void look_at_syscall(const uint64_t arguments[4])
{
    if (arguments[0] == SYS_prctl)
        look_at_prctl((int)arguments[1], arguments[2],
                      (const void *)(uintptr_t)arguments[3]);
    if (arguments[0] != SYS_seccomp)
        return;
    uint32_t operation = (uint32_t)arguments[1];
    /* With a flag libseccomp merely asks whether there is such a call. */
    if (operation == SECCOMP_SET_MODE_STRICT && arguments[2] == 0 && arguments[3] == 0)
        hs_sandbox_closes(NULL, true);
    if (operation == SECCOMP_SET_MODE_FILTER)
        hs_sandbox_closes((const void *)(uintptr_t)arguments[3], false);
}

#if defined(__x86_64__)

_Static_assert(SYS_seccomp == 317 && SYS_prctl == 157 && PR_SET_SECCOMP == 22,
               "the numbers below");

/* Both return where to jump to. `arguments`: rdi, rsi, rdx, rcx, r8, r9. */
void *hs_seccomp_prctl(const uint64_t arguments[6]);
void *hs_seccomp_prctl(const uint64_t arguments[6])
{
    look_at_prctl((int)arguments[0], arguments[1], (const void *)(uintptr_t)arguments[2]);
    return (void *)hs_next_prctl();
}

void *hs_seccomp_syscall(const uint64_t arguments[6]);
void *hs_seccomp_syscall(const uint64_t arguments[6])
{
    look_at_syscall(arguments);
    return (void *)hs_next_syscall();
}

/* The number and the name of a look, of the pointer to go on to, up to two numbers. */
#define ENTRY(name, look, first, second)             \
    __asm__(".pushsection .text\n"                   \
            ".globl " name "\n"                      \
            ".type " name ", @function\n" name ":\n" \
            ".cfi_startproc\n"                       \
            "endbr64\n"                              \
            "mov next_" name "_(%rip), %rax\n"       \
            "test %rax, %rax\n"                      \
            "jz 1f\n"                                \
            "cmp $" first ", %edi\n"                 \
            "je 1f\n"                                \
            "cmp $" second ", %edi\n"                \
            "je 1f\n"                                \
            "jmp *%rax\n"                            \
            "1:\n"                                   \
            "sub $8, %rsp\n"                         \
            "push %r9\n"                             \
            "push %r8\n"                             \
            "push %rcx\n"                            \
            "push %rdx\n"                            \
            "push %rsi\n"                            \
            "push %rdi\n"                            \
            ".cfi_adjust_cfa_offset 56\n"            \
            "mov %rsp, %rdi\n"                       \
            "call " look "\n"                        \
            "pop %rdi\n"                             \
            "pop %rsi\n"                             \
            "pop %rdx\n"                             \
            "pop %rcx\n"                             \
            "pop %r8\n"                              \
            "pop %r9\n"                              \
            "add $8, %rsp\n"                         \
            ".cfi_adjust_cfa_offset -56\n"           \
            "jmp *%rax\n"                            \
            ".cfi_endproc\n"                         \
            ".size " name ", . - " name "\n"         \
            ".popsection\n")

ENTRY("prctl", "hs_seccomp_prctl", "22", "22");
ENTRY("syscall", "hs_seccomp_syscall", "317", "157");

#else

HS_EXPORT int prctl(int option, ...)
{
    long arguments[4];
    va_list list;
    va_start(list, option);
    for (int i = 0; i < 4; i++)
        arguments[i] = va_arg(list, long);
    va_end(list);
    look_at_prctl(option, (uint64_t)arguments[0], (const void *)arguments[1]);
    return hs_next_prctl()(option, arguments[0], arguments[1], arguments[2],
                           arguments[3]);
}

HS_EXPORT long syscall(long number, ...)
{
    uint64_t arguments[7] = {(uint64_t)number};
    va_list list;
    va_start(list, number);
    for (int i = 1; i < 7; i++)
        arguments[i] = va_arg(list, uint64_t);
    va_end(list);
    look_at_syscall(arguments);
    return hs_next_syscall()(number, (long)arguments[1], (long)arguments[2],
                             (long)arguments[3], (long)arguments[4], (long)arguments[5],
                             (long)arguments[6]);
}

#endif

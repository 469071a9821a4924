// SPDX-License-Identifier: MIT

/*
 * A system call in another process on x86-64: the code that does it, and the registers that
 * start the code; see memory_machine.h.
 *
 * The code uses no stack (a coroutine's may have no room), no register that it does not put
 * back, and reads what to put back from behind itself. Signals are blocked while it runs;
 * the last call before it goes on restores the mask.
 */

#include "libheapsnap/image/memory_machine.h"

#include <errno.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

/* What only the kernel sees otherwise (include/linux/errno.h): "call again", and how. */
#define RESTART_SYS 512
#define RESTART_NO_INTERRUPT 513
#define RESTART_NO_HANDLER 514
#define RESTART_BLOCK 516

extern const uint8_t hs_code_with_child[], hs_code_alone[], hs_code_data[], hs_code_end[];

__asm__(".pushsection .rodata\n"
        "hs_code_with_child:\n"
        "    syscall\n"
        "    testq %rax, %rax\n"
        "    jz 2f\n"
        "    js 1f\n"
        "    movq %rax, %rdi\n" /* wait4(child, NULL, __WALL, NULL) */
        "    xorl %esi, %esi\n"
        "    movl $0x40000000, %edx\n"
        "    xorl %r10d, %r10d\n"
        "    movl $61, %eax\n"
        "hs_code_alone:\n"
        "    syscall\n"
        "1:  leaq hs_code_data(%rip), %rsp\n"
        "    popfq\n"
        "    movq hs_code_data+8(%rip), %rsp\n" /* from here on nothing changes flags */
        "    movl $14, %eax\n"                  /* rt_sigprocmask(SIG_SETMASK, …) */
        "    movl $2, %edi\n"
        "    leaq hs_code_data+16(%rip), %rsi\n"
        "    movl $0, %edx\n"
        "    movl $8, %r10d\n"
        "    syscall\n"
        "    movq hs_code_data+24(%rip), %rdi\n"
        "    movq hs_code_data+32(%rip), %rsi\n"
        "    movq hs_code_data+40(%rip), %rdx\n"
        "    movq hs_code_data+48(%rip), %r10\n"
        "    movq hs_code_data+56(%rip), %r8\n"
        "    movq hs_code_data+64(%rip), %r9\n"
        "    movq hs_code_data+72(%rip), %rcx\n"
        "    movq hs_code_data+80(%rip), %r11\n"
        "    movq hs_code_data+88(%rip), %rax\n"
        "    jmp *hs_code_data+96(%rip)\n"
        "2:  movl $104, %edi\n" /* exit_group(HS_MACHINE_EXIT) */
        "    movl $231, %eax\n"
        "    syscall\n"
        "    jmp 2b\n"
        "    .balign 8\n"
        "hs_code_data:\n"
        "    .skip 104\n"
        "hs_code_end:\n"
        ".popsection\n");

_Static_assert(HS_MACHINE_EXIT == 104, "as the code has it");

/* What lies at hs_code_data. */
struct code_data {
    uint64_t flags, rsp, signals, rdi, rsi, rdx, r10, r8, r9, rcx, r11, rax, rip;
};
_Static_assert(sizeof(struct code_data) == 104, "as the code has it");

static bool is_in_call(const struct user_regs_struct *raw)
{
    return (int64_t)raw->orig_rax >= 0;
}

/* As the kernel itself would make the thread go on when no signal is delivered to it
 * (arch/x86/kernel/signal.c, arch_do_signal_or_restart). */
static void go_on(const struct user_regs_struct *raw, uint64_t *ret_rip,
                  uint64_t *ret_rax)
{
    *ret_rip = raw->rip;
    *ret_rax = raw->rax;
    if (!is_in_call(raw))
        return;
    switch (-(int64_t)raw->rax) {
    case RESTART_SYS:
    case RESTART_NO_INTERRUPT:
    case RESTART_NO_HANDLER:
        *ret_rax = raw->orig_rax;
        *ret_rip -= 2;
        break;
    case RESTART_BLOCK:
        *ret_rax = SYS_restart_syscall;
        *ret_rip -= 2;
        break;
    default:
        break;
    }
}

/* Between two instructions of a restartable sequence (rseq) no code may run: the kernel
 * would take it for the end of the sequence. Its descriptor says whether it is in one. */
static bool is_in_sequence(pid_t tid)
{
#ifndef PTRACE_GET_RSEQ_CONFIGURATION
#define PTRACE_GET_RSEQ_CONFIGURATION 0x420f
#endif
    struct {
        uint64_t pointer;
        uint32_t size, signature, flags, padding;
    } configuration = {0};
    if (ptrace(PTRACE_GET_RSEQ_CONFIGURATION, tid, sizeof(configuration), &configuration)
        < 0)
        return true; /* cannot be told */
    if (configuration.pointer == 0)
        return false;
    errno = 0;
    long descriptor = ptrace(PTRACE_PEEKDATA, tid, configuration.pointer + 8, NULL);
    return errno != 0 || descriptor != 0;
}

enum hs_machine_place hs_machine_place(pid_t tid,
                                       const struct hs_machine_registers *registers)
{
    const struct user_regs_struct *raw = &registers->raw;
    if (raw->cs != 0x33) /* 32-bit code in a 64-bit program */
        return HS_PLACE_STRANGE;
    if (!is_in_call(raw))
        return is_in_sequence(tid) ? HS_PLACE_STRANGE : HS_PLACE_CODE;
    errno = 0;
    long before = ptrace(PTRACE_PEEKTEXT, tid, raw->rip - 2, NULL);
    bool is_syscall = errno == 0 && (before & 0xffff) == 0x050f; /* 0f 05 */
    return is_syscall ? HS_PLACE_CALL : HS_PLACE_STRANGE;
}

size_t hs_machine_prepare(const struct hs_machine_registers *registers, uint64_t signals,
                          const struct hs_machine_call *call, uint64_t address,
                          uint8_t *ret, struct hs_machine_registers *ret_registers)
{
    const struct user_regs_struct *raw = &registers->raw;
    struct code_data data = {
        .flags = raw->eflags,
        .rsp = raw->rsp,
        .signals = signals,
        .rdi = raw->rdi,
        .rsi = raw->rsi,
        .rdx = raw->rdx,
        .r10 = raw->r10,
        .r8 = raw->r8,
        .r9 = raw->r9,
        .rcx = raw->rcx,
        .r11 = raw->r11,
    };
    go_on(raw, &data.rip, &data.rax);
    size_t size = (size_t)(hs_code_end - hs_code_with_child);
    memcpy(ret, hs_code_with_child, size - sizeof(data));
    memcpy(ret + size - sizeof(data), &data, sizeof(data));

    *ret_registers = *registers;
    struct user_regs_struct *start = &ret_registers->raw;
    const uint8_t *entry = call->makes_child ? hs_code_with_child : hs_code_alone;
    start->rip = address + (uint64_t)(entry - hs_code_with_child);
    start->rax = (uint64_t)call->number;
    start->orig_rax = UINT64_MAX; /* not in a call: nothing for the kernel to restart */
    start->rdi = call->arguments[0];
    start->rsi = call->arguments[1];
    start->rdx = call->arguments[2];
    start->r10 = call->arguments[3];
    start->r8 = call->arguments[4];
    start->r9 = call->arguments[5];
    return size;
}

bool hs_machine_is_code(const uint8_t *bytes, size_t size)
{
    static const uint8_t nothing[8];
    size_t code_size = (size_t)(hs_code_data - hs_code_with_child);
    if (size < code_size || memcmp(bytes, hs_code_with_child, 8) != 0)
        return false;
    for (size_t at = 8; at < code_size; at += 8)
        if (memcmp(bytes + at, hs_code_with_child + at, 8) != 0
            && memcmp(bytes + at, nothing, 8) != 0)
            return false;
    return true;
}

uint64_t hs_machine_pc(const struct hs_machine_registers *registers)
{
    return registers->raw.rip;
}

int64_t hs_machine_result(const struct hs_machine_registers *registers)
{
    return (int64_t)registers->raw.rax;
}

// SPDX-License-Identifier: MIT

/*
 * The instructions behind machine.h. x86-64 is what is tested; aarch64 follows the same
 * order so that both can be read side by side.
 */

#include "probes/freeze/machine.h"

#include <string.h>
#include <ucontext.h>

#if defined(__x86_64__)
__asm__(".text\n"
        ".globl hs_machine_clone\n"
        ".hidden hs_machine_clone\n"
        ".type hs_machine_clone, @function\n"
        "hs_machine_clone:\n"
        "  .cfi_startproc\n"
        "  mov %rdx, %r9\n" /* function */
        "  mov %r8, %r10\n" /* child_tid */
        "  mov %rcx, %r8\n" /* argument, parked in the unused tls slot */
        "  xor %edx, %edx\n"
        "  mov $56, %eax\n"
        "  syscall\n"
        "  test %rax, %rax\n"
        "  jz 1f\n"
        "  ret\n"
        "1: .cfi_undefined rip\n"
        "  xor %ebp, %ebp\n"
        "  mov %r8, %rdi\n"
        "  call *%r9\n"
        "  hlt\n"
        "  .cfi_endproc\n"
        ".size hs_machine_clone, .-hs_machine_clone\n"

        ".globl hs_machine_mark\n"
        ".hidden hs_machine_mark\n"
        ".type hs_machine_mark, @function\n"
        "hs_machine_mark:\n"
        "  mov %rbx, 0(%rdi)\n"
        "  mov %rbp, 8(%rdi)\n"
        "  mov %r12, 16(%rdi)\n"
        "  mov %r13, 24(%rdi)\n"
        "  mov %r14, 32(%rdi)\n"
        "  mov %r15, 40(%rdi)\n"
        "  lea 8(%rsp), %rax\n"
        "  mov %rax, 48(%rdi)\n"
        "  mov (%rsp), %rax\n"
        "  mov %rax, 56(%rdi)\n"
        "  xor %eax, %eax\n"
        "  ret\n"
        ".size hs_machine_mark, .-hs_machine_mark\n"

        ".globl hs_machine_jump\n"
        ".hidden hs_machine_jump\n"
        ".type hs_machine_jump, @function\n"
        "hs_machine_jump:\n"
        "  mov 0(%rdi), %rbx\n"
        "  mov 8(%rdi), %rbp\n"
        "  mov 16(%rdi), %r12\n"
        "  mov 24(%rdi), %r13\n"
        "  mov 32(%rdi), %r14\n"
        "  mov 40(%rdi), %r15\n"
        "  mov 48(%rdi), %rsp\n"
        "  mov $1, %eax\n"
        "  jmp *56(%rdi)\n"
        ".size hs_machine_jump, .-hs_machine_jump\n"

        ".globl hs_machine_registers\n"
        ".hidden hs_machine_registers\n"
        ".type hs_machine_registers, @function\n"
        "hs_machine_registers:\n"
        "  mov %rbx, 24(%rdi)\n"
        "  mov %rbp, 48(%rdi)\n"
        "  lea 8(%rsp), %rax\n"
        "  mov %rax, 56(%rdi)\n"
        "  mov %r12, 96(%rdi)\n"
        "  mov %r13, 104(%rdi)\n"
        "  mov %r14, 112(%rdi)\n"
        "  mov %r15, 120(%rdi)\n"
        "  mov (%rsp), %rax\n"
        "  mov %rax, 128(%rdi)\n"
        "  ret\n"
        ".size hs_machine_registers, .-hs_machine_registers\n"

        ".globl hs_machine_restorer\n"
        ".hidden hs_machine_restorer\n"
        ".type hs_machine_restorer, @function\n"
        "hs_machine_restorer:\n"
        "  mov $15, %rax\n"
        "  syscall\n"
        ".size hs_machine_restorer, .-hs_machine_restorer\n");

/* Vector state: 512 bytes of FXSAVE, or what the words the kernel left in it say. */
#define XSTATE_MAGIC 0x46505853u
#define XSTATE_MAGIC_OFFSET 464

void hs_machine_context(const void *context, uint64_t registers[HS_REGISTERS_MAX],
                        const void **ret_vector, size_t *ret_vector_size)
{
    static const uint8_t order[HS_MACHINE_REGISTERS] = {
        REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP, REG_R8,
        REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP,
    };
    const ucontext_t *interrupted = context;
    const char *vector = (const char *)interrupted->uc_mcontext.fpregs;

    for (int i = 0; i < HS_MACHINE_REGISTERS; i++)
        registers[i] = (uint64_t)interrupted->uc_mcontext.gregs[order[i]];
    *ret_vector = vector;
    *ret_vector_size = 0;
    if (!vector)
        return;
    uint32_t words[2]; /* magic, size of the whole state */
    memcpy(words, vector + XSTATE_MAGIC_OFFSET, sizeof(words));
    *ret_vector_size =
        words[0] == XSTATE_MAGIC && words[1] >= 512 && words[1] <= 65536 ? words[1] : 512;
}
#elif defined(__aarch64__)
__asm__(".text\n"
        ".globl hs_machine_clone\n"
        ".hidden hs_machine_clone\n"
        ".type hs_machine_clone, %function\n"
        "hs_machine_clone:\n"
        "  mov x10, x2\n"
        "  mov x11, x3\n"
        "  mov x2, xzr\n"
        "  mov x3, xzr\n"
        "  mov x8, #220\n"
        "  svc #0\n"
        "  cbz x0, 1f\n"
        "  ret\n"
        "1: mov x29, xzr\n"
        "  mov x30, xzr\n"
        "  mov x0, x11\n"
        "  blr x10\n"
        "  brk #1\n"
        ".size hs_machine_clone, .-hs_machine_clone\n"

        ".globl hs_machine_mark\n"
        ".hidden hs_machine_mark\n"
        ".type hs_machine_mark, %function\n"
        "hs_machine_mark:\n"
        "  stp x19, x20, [x0, #0]\n"
        "  stp x21, x22, [x0, #16]\n"
        "  stp x23, x24, [x0, #32]\n"
        "  stp x25, x26, [x0, #48]\n"
        "  stp x27, x28, [x0, #64]\n"
        "  stp x29, x30, [x0, #80]\n"
        "  mov x2, sp\n"
        "  str x2, [x0, #96]\n"
        "  stp d8, d9, [x0, #104]\n"
        "  stp d10, d11, [x0, #120]\n"
        "  stp d12, d13, [x0, #136]\n"
        "  stp d14, d15, [x0, #152]\n"
        "  mov w0, #0\n"
        "  ret\n"
        ".size hs_machine_mark, .-hs_machine_mark\n"

        ".globl hs_machine_jump\n"
        ".hidden hs_machine_jump\n"
        ".type hs_machine_jump, %function\n"
        "hs_machine_jump:\n"
        "  ldp x19, x20, [x0, #0]\n"
        "  ldp x21, x22, [x0, #16]\n"
        "  ldp x23, x24, [x0, #32]\n"
        "  ldp x25, x26, [x0, #48]\n"
        "  ldp x27, x28, [x0, #64]\n"
        "  ldp x29, x30, [x0, #80]\n"
        "  ldr x2, [x0, #96]\n"
        "  mov sp, x2\n"
        "  ldp d8, d9, [x0, #104]\n"
        "  ldp d10, d11, [x0, #120]\n"
        "  ldp d12, d13, [x0, #136]\n"
        "  ldp d14, d15, [x0, #152]\n"
        "  mov w0, #1\n"
        "  br x30\n"
        ".size hs_machine_jump, .-hs_machine_jump\n"

        ".globl hs_machine_registers\n"
        ".hidden hs_machine_registers\n"
        ".type hs_machine_registers, %function\n"
        "hs_machine_registers:\n"
        "  stp x19, x20, [x0, #152]\n"
        "  stp x21, x22, [x0, #168]\n"
        "  stp x23, x24, [x0, #184]\n"
        "  stp x25, x26, [x0, #200]\n"
        "  stp x27, x28, [x0, #216]\n"
        "  stp x29, x30, [x0, #232]\n"
        "  mov x2, sp\n"
        "  str x2, [x0, #248]\n"
        "  str x30, [x0, #256]\n"
        "  ret\n"
        ".size hs_machine_registers, .-hs_machine_registers\n"

        ".globl hs_machine_restorer\n"
        ".hidden hs_machine_restorer\n"
        ".type hs_machine_restorer, %function\n"
        "hs_machine_restorer:\n"
        "  mov x8, #139\n"
        "  svc #0\n"
        ".size hs_machine_restorer, .-hs_machine_restorer\n");

void hs_machine_context(const void *context, uint64_t registers[HS_REGISTERS_MAX],
                        const void **ret_vector, size_t *ret_vector_size)
{
    const ucontext_t *interrupted = context;

    for (int i = 0; i < 31; i++)
        registers[i] = interrupted->uc_mcontext.regs[i];
    registers[HS_MACHINE_SP] = interrupted->uc_mcontext.sp;
    registers[HS_MACHINE_IP] = interrupted->uc_mcontext.pc;
    /* The FPSIMD record, when there is one, is in here, too. */
    *ret_vector = interrupted->uc_mcontext.__reserved;
    *ret_vector_size = sizeof(interrupted->uc_mcontext.__reserved);
}
#endif

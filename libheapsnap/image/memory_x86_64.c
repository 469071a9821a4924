// SPDX-License-Identifier: MIT

/* Registers of x86-64; see memory_machine.h. The calls into a thread are in memory_x86_64_call.c. */

#include "libheapsnap/image/memory_machine.h"

#include <elf.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

/*
 * The layout of XSAVE (Intel SDM 1, 13.4): x87 and the 16 registers of 128 bits in the
 * first 416 bytes, its own bookkeeping up to 576, then everything wider, at offsets that
 * differ between makers. For scanning it does not matter which word is whose.
 */
#define XSAVE_SIZE 4096 /* the tiles of AMX lie behind it: numbers, no addresses */
static const struct {
    size_t start, end;
} vector_areas[] = {{32, 416}, {576, XSAVE_SIZE}};

void hs_machine_show(const struct hs_machine_registers *registers,
                     struct hs_memory_thread *ret)
{
    const struct user_regs_struct *raw = &registers->raw;
    const uint64_t in_order[] = {
        raw->rax, raw->rdx, raw->rcx, raw->rbx, raw->rsi, raw->rdi,
        raw->rbp, raw->rsp, raw->r8,  raw->r9,  raw->r10, raw->r11,
        raw->r12, raw->r13, raw->r14, raw->r15, raw->rip,
    };
    memcpy(ret->registers, in_order, sizeof(in_order));
    ret->n_registers = sizeof(in_order) / sizeof(*in_order);
    ret->thread_pointer = raw->fs_base;
    ret->is_stopped = true;
}

static void show_vector(const uint8_t *state, size_t size, struct hs_memory_thread *ret)
{
    ret->n_vector = 0;
    for (size_t i = 0; i < sizeof(vector_areas) / sizeof(*vector_areas); i++) {
        size_t end = vector_areas[i].end < size ? vector_areas[i].end : size;
        for (size_t at = vector_areas[i].start;
             at + 8 <= end && ret->n_vector < HS_MEMORY_VECTOR_MAX; at += 8) {
            uint64_t word;
            memcpy(&word, state + at, sizeof(word));
            if (word != 0)
                ret->vector[ret->n_vector++] = word;
        }
    }
}

void hs_machine_show_rest(pid_t tid, struct hs_memory_thread *ret)
{
    uint8_t state[XSAVE_SIZE];
    struct iovec area = {state, sizeof(state)};
    if (ptrace(PTRACE_GETREGSET, tid, (void *)NT_X86_XSTATE, &area) != 0) {
        area.iov_len = sizeof(state);
        if (ptrace(PTRACE_GETREGSET, tid, (void *)NT_FPREGSET, &area) != 0)
            return;
    }
    show_vector(state, area.iov_len, ret);
}

void hs_machine_take_note(uint32_t type, const void *data, size_t size,
                          struct hs_memory_thread *thread)
{
    if (type == NT_PRSTATUS && size >= sizeof(struct elf_prstatus)) {
        struct elf_prstatus status;
        struct hs_machine_registers registers;
        memcpy(&status, data, sizeof(status));
        _Static_assert(sizeof(status.pr_reg) == sizeof(registers.raw), "the same layout");
        memcpy(&registers.raw, status.pr_reg, sizeof(registers.raw));
        thread->tid = status.pr_pid;
        hs_machine_show(&registers, thread);
    } else if (type == NT_X86_XSTATE) {
        show_vector(data, size, thread);
    } else if (type == NT_FPREGSET && thread->n_vector == 0) {
        show_vector(data, size < 512 ? size : 512, thread);
    }
}

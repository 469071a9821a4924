// SPDX-License-Identifier: MIT

/* Registers of aarch64; see memory_machine.h. Nothing calls into a thread here yet: an
 * image is made on x86-64 only, elsewhere the process stays stopped while it is read. */

#include "libheapsnap/image/memory_machine.h"

#include <elf.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#define VECTOR_SIZE 512 /* V0-31, then two words of status */

/* DWARF for the 64-bit ARM architecture: x0-30 are 0-30, sp is 31, pc is 32. */
void hs_machine_show(const struct hs_machine_registers *registers,
                     struct hs_memory_thread *ret)
{
    memcpy(ret->registers, registers->raw.regs, sizeof(registers->raw.regs));
    ret->registers[31] = registers->raw.sp;
    ret->registers[32] = registers->raw.pc;
    ret->n_registers = 33;
    ret->is_stopped = true;
}

static void show_vector(const uint8_t *state, size_t size, struct hs_memory_thread *ret)
{
    ret->n_vector = 0;
    for (size_t at = 0; at + 8 <= size && at < VECTOR_SIZE; at += 8) {
        uint64_t word;
        memcpy(&word, state + at, sizeof(word));
        if (word != 0)
            ret->vector[ret->n_vector++] = word;
    }
}

void hs_machine_show_rest(pid_t tid, struct hs_memory_thread *ret)
{
    uint8_t state[VECTOR_SIZE + 16];
    struct iovec area = {state, sizeof(state)};
    if (ptrace(PTRACE_GETREGSET, tid, (void *)NT_FPREGSET, &area) == 0)
        show_vector(state, area.iov_len, ret);
    uint64_t pointer;
    area = (struct iovec){&pointer, sizeof(pointer)};
    if (ptrace(PTRACE_GETREGSET, tid, (void *)NT_ARM_TLS, &area) == 0)
        ret->thread_pointer = pointer;
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
    } else if (type == NT_FPREGSET) {
        show_vector(data, size, thread);
    } else if (type == NT_ARM_TLS && size >= sizeof(thread->thread_pointer)) {
        memcpy(&thread->thread_pointer, data, sizeof(thread->thread_pointer));
    }
}

enum hs_machine_place hs_machine_place(pid_t tid,
                                       const struct hs_machine_registers *registers)
{
    (void)tid;
    (void)registers;
    return HS_PLACE_STRANGE;
}

size_t hs_machine_prepare(const struct hs_machine_registers *registers, uint64_t signals,
                          const struct hs_machine_call *call, uint64_t address,
                          uint8_t *ret, struct hs_machine_registers *ret_registers)
{
    (void)registers;
    (void)signals;
    (void)call;
    (void)address;
    (void)ret;
    (void)ret_registers;
    return 0;
}

bool hs_machine_is_code(const uint8_t *bytes, size_t size)
{
    (void)bytes;
    (void)size;
    return false;
}

uint64_t hs_machine_pc(const struct hs_machine_registers *registers)
{
    return registers->raw.pc;
}

int64_t hs_machine_result(const struct hs_machine_registers *registers)
{
    return (int64_t)registers->raw.regs[0];
}

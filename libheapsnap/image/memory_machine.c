// SPDX-License-Identifier: MIT

/* What is alike on all processors: the general registers as one set of the kernel's. */

#include "libheapsnap/image/memory_machine.h"

#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

bool hs_machine_get(pid_t tid, struct hs_machine_registers *ret)
{
    struct iovec area = {&ret->raw, sizeof(ret->raw)};
    return ptrace(PTRACE_GETREGSET, tid, (void *)NT_PRSTATUS, &area) == 0
           && area.iov_len == sizeof(ret->raw);
}

bool hs_machine_set(pid_t tid, const struct hs_machine_registers *registers)
{
    struct iovec area = {(void *)&registers->raw, sizeof(registers->raw)};
    return ptrace(PTRACE_SETREGSET, tid, (void *)NT_PRSTATUS, &area) == 0;
}

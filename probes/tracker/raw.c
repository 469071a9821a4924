// SPDX-License-Identifier: MIT

/*
 * The shim's own memory comes straight from the kernel, never from the heap it watches.
 * What is counted is address space: pages nobody has touched cost nothing.
 */

#include "probes/tracker/raw.h"

#include <sys/mman.h>

#include "probes/tracker/control.h"

/* What the kernel makes of it: whole pages. */
static size_t mapped_size(size_t size)
{
    return (size + 4095) & ~(size_t)4095;
}

void *hs_raw_map(size_t size)
{
    size = mapped_size(size);
    long result = hs_raw(SYS_mmap, 0, size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (result < 0 && result > -4096)
        return NULL;
    __atomic_fetch_add(&hs_control->tracker_bytes, size, __ATOMIC_RELAXED);
    return (void *)result;
}

void hs_raw_unmap(void *memory, size_t size)
{
    if (!memory)
        return;
    size = mapped_size(size);
    hs_raw(SYS_munmap, memory, size);
    __atomic_fetch_sub(&hs_control->tracker_bytes, size, __ATOMIC_RELAXED);
}

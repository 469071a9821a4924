// SPDX-License-Identifier: MIT

/*
 * The shim's own memory comes straight from the kernel, never from the heap it watches.
 * What is counted is address space: pages nobody has touched cost nothing.
 */

#include "probes/tracker/raw.h"

#include <sys/mman.h>

#include "probes/tracker/control.h"
#include "probes/tracker/options.h"
#include "probes/tracker/own.h"

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
    hs_own_note((uint64_t)result, size);
    __atomic_fetch_add(&hs_control->tracker_bytes, size, __ATOMIC_RELAXED);
    return (void *)result;
}

void hs_raw_unmap(void *memory, size_t size)
{
    if (!memory)
        return;
    size = mapped_size(size);
    hs_own_forget((uint64_t)(uintptr_t)memory); /* before another thread gets it */
    hs_raw(SYS_munmap, memory, size);
    __atomic_fetch_sub(&hs_control->tracker_bytes, size, __ATOMIC_RELAXED);
}

/* ---- within the limit of memory= ---- */

static uint64_t bytes_used;

bool hs_raw_use(size_t size)
{
    uint64_t used = __atomic_add_fetch(&bytes_used, size, __ATOMIC_RELAXED);
    if (hs_options.memory_limit == 0 || used <= hs_options.memory_limit)
        return true;
    hs_raw_unuse(size);
    return false;
}

void hs_raw_unuse(size_t size)
{
    __atomic_fetch_sub(&bytes_used, size, __ATOMIC_RELAXED);
}

void *hs_raw_map_used(size_t size)
{
    if (!hs_raw_use(mapped_size(size)))
        return NULL;
    void *memory = hs_raw_map(size);
    if (!memory)
        hs_raw_unuse(mapped_size(size));
    return memory;
}

void hs_raw_unmap_used(void *memory, size_t size)
{
    hs_raw_unmap(memory, size);
    if (memory)
        hs_raw_unuse(mapped_size(size));
}

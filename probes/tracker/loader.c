// SPDX-License-Identifier: MIT

/*
 * The loader writes the address of its record into the executable's dynamic section
 * (DT_DEBUG), whichever libc it belongs to. Where there is no such entry (the linker was
 * told to leave it out, or the loader itself was executed), each libc has a symbol of its
 * own for the same record.
 */

#include "probes/tracker/loader.h"

#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>

#include "probes/tracker/segments.h"

#ifndef __GLIBC__
extern struct r_debug *_dl_debug_addr __attribute__((weak));
#endif

static struct r_debug *of_libc(void)
{
#ifdef __GLIBC__
    return &_r_debug;
#else
    return &_dl_debug_addr ? _dl_debug_addr : NULL;
#endif
}

/* The dynamic section of the executable, by what the kernel said of its headers. */
static const ElfW(Dyn) * find_dynamic(void)
{
    struct hs_segments segments;
    const ElfW(Phdr) *dynamic = NULL;
    uintptr_t bias = 0;
    if (!hs_segments_of_executable(&segments))
        return NULL;
    for (size_t i = 0; i < segments.count; i++) {
        const ElfW(Phdr) *segment = &segments.at[i];
        if (segment->p_type == PT_PHDR)
            bias = (uintptr_t)segments.at - segment->p_vaddr;
        if (segment->p_type == PT_DYNAMIC)
            dynamic = segment;
    }
    return dynamic ? (const void *)(bias + dynamic->p_vaddr) : NULL;
}

static struct r_debug *of_executable(void)
{
    for (const ElfW(Dyn) *entry = find_dynamic(); entry && entry->d_tag != DT_NULL;
         entry++)
        if (entry->d_tag == DT_DEBUG)
            return (struct r_debug *)entry->d_un.d_ptr;
    return NULL;
}

static struct r_debug *find(void)
{
    static struct r_debug *found;
    struct r_debug *record = __atomic_load_n(&found, __ATOMIC_RELAXED);
    if (!record) {
        record = of_executable();
        if (!record)
            record = of_libc();
        __atomic_store_n(&found, record, __ATOMIC_RELAXED);
    }
    return record;
}

struct link_map *hs_loader_modules(void)
{
    const struct r_debug *record = find();
    return record ? record->r_map : NULL;
}

const void *hs_loader_address(void)
{
    return find();
}

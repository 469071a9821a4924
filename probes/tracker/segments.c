// SPDX-License-Identifier: MIT

/*
 * The loader's own records say too little, and dl_iterate_phdr() takes its lock. So the
 * kernel is asked for the executable's headers, and those of libraries are looked for where
 * every linker puts them.
 */

#include "probes/tracker/segments.h"

#include <elf.h>
#include <string.h>
#include <sys/auxv.h>

#include "probes/tracker/cfi_read.h"

#define PAGE ((uint64_t)4096)

bool hs_segments_of_executable(struct hs_segments *ret)
{
    *ret = (struct hs_segments){(const void *)getauxval(AT_PHDR), getauxval(AT_PHNUM)};
    return ret->at && getauxval(AT_PHENT) == sizeof(ElfW(Phdr));
}

bool hs_segments_at(uint64_t start, struct hs_segments *ret)
{
    const ElfW(Ehdr) *header = (const void *)start;
    if (start == 0 || start % PAGE != 0 || !hs_memory_is_readable(start)
        || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0
        || header->e_phentsize != sizeof(ElfW(Phdr)) || header->e_phoff > PAGE
        || header->e_phoff % 8 != 0
        || header->e_phoff + header->e_phnum * sizeof(ElfW(Phdr)) > PAGE)
        return false;
    *ret = (struct hs_segments){(const void *)(start + header->e_phoff), header->e_phnum};
    return true;
}

void hs_segments_widen(const struct hs_segments *segments, uint64_t bias, uint64_t *start,
                       uint64_t *end)
{
    for (size_t i = 0; i < segments->count; i++) {
        const ElfW(Phdr) *segment = &segments->at[i];
        uint64_t first = bias + segment->p_vaddr, last = first + segment->p_memsz;
        if (segment->p_type != PT_LOAD || last <= first)
            continue;
        first &= ~(PAGE - 1);
        *start = first < *start ? first : *start;
        *end = last > *end ? last : *end;
    }
}

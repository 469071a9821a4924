// SPDX-License-Identifier: MIT

/*
 * Where the code of a call can lie: between the end of a segment of code and the end of
 * its last page there is padding that belongs to nobody. Only modules that stay for as
 * long as the process are looked at, since it is looked for before the process is stopped.
 */

#include "libheapsnap/image/memory_call.h"

#include <elf.h>
#include <string.h>

#include "probes/abi.h"

#define HEADERS_MAX 64

static bool is_room(const struct hs_memory *memory, uint64_t address)
{
    uint8_t bytes[HS_MACHINE_CODE_MAX];
    const struct hs_memory_range *range = hs_memory_find(memory, address);
    return range && range->end - address >= sizeof(bytes)
           && (range->flags & (HS_BLOCK_EXECUTE | HS_BLOCK_READ | HS_BLOCK_SHARED))
                  == (HS_BLOCK_EXECUTE | HS_BLOCK_READ)
           && hs_memory_read(memory, address, bytes, sizeof(bytes)) == sizeof(bytes)
           && hs_call_is_free(bytes, sizeof(bytes));
}

static uint64_t place_in(const struct hs_memory *memory, uint64_t start)
{
    Elf64_Ehdr elf;
    if (hs_memory_read(memory, start, &elf, sizeof(elf)) != sizeof(elf)
        || memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0
        || elf.e_ident[EI_CLASS] != ELFCLASS64 || elf.e_phentsize != sizeof(Elf64_Phdr))
        return 0;
    uint64_t bias = elf.e_type == ET_EXEC ? 0 : start;
    for (unsigned int i = 0; i < elf.e_phnum && i < HEADERS_MAX; i++) {
        Elf64_Phdr header;
        if (hs_memory_read(memory, start + elf.e_phoff + i * sizeof(header), &header,
                           sizeof(header))
            != sizeof(header))
            return 0;
        if (header.p_type != PT_LOAD || (header.p_flags & (PF_X | PF_W)) != PF_X
            || header.p_memsz != header.p_filesz)
            continue;
        uint64_t code_end = bias + header.p_vaddr + header.p_filesz;
        uint64_t page_end = (code_end + HS_PAGE_SIZE - 1) & ~(uint64_t)(HS_PAGE_SIZE - 1);
        uint64_t place = page_end - HS_MACHINE_CODE_MAX;
        if (place >= code_end && is_room(memory, place))
            return place;
    }
    return 0;
}

/* The start of the file that is mapped at `address`. */
static uint64_t start_of(const struct hs_memory *memory, uint64_t address)
{
    const struct hs_memory_range *range = hs_memory_find(memory, address);
    while (range && range->file_offset != 0 && range > memory->ranges
           && strcmp(range[-1].path, range->path) == 0)
        range--;
    return range && range->file_offset == 0 ? range->start : 0;
}

static bool is_libc(const char *path)
{
    const char *name = strrchr(path, '/');
    return name
           && (strncmp(name, "/libc.so.", 9) == 0 || strncmp(name, "/libc-2.", 8) == 0);
}

struct hs_place hs_call_place(const struct hs_memory *memory,
                              const struct hs_memory_auxv *auxv)
{
    uint64_t place = auxv->loader ? place_in(memory, auxv->loader) : 0;
    if (place == 0 && auxv->program_headers)
        place = place_in(memory, start_of(memory, auxv->program_headers));
    for (size_t i = 0; i < memory->n_ranges && place == 0; i++)
        if (memory->ranges[i].file_offset == 0 && is_libc(memory->ranges[i].path))
            place = place_in(memory, memory->ranges[i].start);
    return (struct hs_place){.address = place, .program = auxv->program};
}

bool hs_place_is_valid(const struct hs_place *place, pid_t pid)
{
    struct hs_memory_auxv auxv;
    hs_auxv_read(pid, &auxv);
    return auxv.program == place->program;
}

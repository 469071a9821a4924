// SPDX-License-Identifier: MIT

/*
 * The loaded modules, and where their writable data lies. Only pages that can be written
 * now count: what the loader has made read-only after relocation never changes again, and
 * cannot point to anything that malloc gave later.
 */

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "libheapsnap/heap/making.h"

#define HEADERS_MAX 64u

static bool read_header(struct hs_reader *reader, const struct hs_memory_module *module,
                        Elf64_Ehdr *ret)
{
    return hs_reader_copy(reader, module->start, ret, sizeof(*ret))
           && memcmp(ret->e_ident, ELFMAG, SELFMAG) == 0
           && ret->e_ident[EI_CLASS] == ELFCLASS64
           && ret->e_phentsize == sizeof(Elf64_Phdr) && ret->e_phnum <= HEADERS_MAX
           && ret->e_phoff < module->end - module->start;
}

/* glibc's loader keeps records behind the data in the last page, so that counts. */
static int add_segment(struct hs_making *making, uint32_t index,
                       const Elf64_Phdr *segment)
{
    struct hs_capture_module *module = &making->modules.at[index];
    uint64_t start = module->bias + segment->p_vaddr;
    uint64_t end = hs_page_up(start + segment->p_memsz);
    if (start < module->start || end > module->end || start >= end)
        return 0;
    module->data_size += segment->p_memsz;
    struct hs_making_root root = {start, end, NULL, HS_ROOT_MODULE, index};
    return hs_array_push(&making->segments, root) ? 0 : -ENOMEM;
}

static int look(struct hs_making *making, uint32_t index,
                const struct hs_memory_module *module)
{
    Elf64_Ehdr header;
    Elf64_Phdr segments[HEADERS_MAX];
    if (!read_header(&making->reader, module, &header)
        || !hs_reader_copy(&making->reader, module->start + header.e_phoff, segments,
                           header.e_phnum * sizeof(*segments))) {
        struct hs_making_root all = {module->start, module->end, NULL, HS_ROOT_MODULE,
                                     index};
        return hs_array_push(&making->segments, all) ? 0 : -ENOMEM;
    }
    for (unsigned i = 0; i < header.e_phnum; i++) {
        const Elf64_Phdr *segment = &segments[i];
        if (segment->p_type == PT_LOAD && segment->p_flags & PF_W
            && add_segment(making, index, segment) < 0)
            return -ENOMEM;
        if (segment->p_type == PT_TLS && segment->p_memsz < 1u << 30)
            making->tls_size += segment->p_memsz + (segment->p_align & 0xffff);
        if (segment->p_type == PT_DYNAMIC && module->is_executable)
            making->dynamic = module->bias + segment->p_vaddr;
    }
    return 0;
}

int hs_making_modules(struct hs_making *making)
{
    const struct hs_memory *memory = making->memory;
    for (size_t i = 0; i < memory->n_modules; i++) {
        const struct hs_memory_module *from = &memory->modules[i];
        struct hs_capture_module module = {
            .start = from->start,
            .end = from->end,
            .bias = from->bias,
            .path = hs_making_string(making, from->path),
            .id = hs_making_id(making),
            .flags = HS_MODULE_EXECUTABLE | (from->is_loader ? HS_MODULE_LOADER : 0u),
            .build_id_size = from->build_id_size,
        };
        memcpy(module.build_id, from->build_id, sizeof(module.build_id));
        if (!hs_array_push(&making->modules, module)
            || look(making, (uint32_t)i, from) < 0)
            return -ENOMEM;
    }
    return 0;
}

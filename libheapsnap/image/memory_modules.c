// SPDX-License-Identifier: MIT

/*
 * The loaded ELF files, told from memory alone: a mapping that begins with an ELF header
 * whose segments lie where a loader puts them. The file itself is never asked for, since
 * it may have been replaced or deleted while it was in use, and a core comes from another
 * machine. An ELF file that is merely mapped to be read fails the test of its segments.
 */

#include "libheapsnap/image/memory_backend.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libheapsnap/base/guard.h"
#include "probes/abi.h"

#if defined(__aarch64__)
#define OWN_MACHINE EM_AARCH64
#else
#define OWN_MACHINE EM_X86_64
#endif

#define HEADERS_MAX 64   /* program headers; real files have about a dozen */
#define NOTES_SIZE 16384 /* of a note segment that are looked at */

struct elf {
    uint64_t start; /* where the header lies */
    uint64_t bias;
    size_t n_headers;
    Elf64_Phdr headers[HEADERS_MAX];
};

static bool is_there(const struct hs_memory *memory, uint64_t address, void *ret,
                     size_t size)
{
    return hs_memory_read(memory, address, ret, size) == size;
}

static const Elf64_Phdr *first_load(const struct elf *elf)
{
    for (size_t i = 0; i < elf->n_headers; i++)
        if (elf->headers[i].p_type == PT_LOAD)
            return &elf->headers[i];
    return NULL;
}

static bool read_elf(const struct hs_memory *memory, uint64_t start, struct elf *ret)
{
    Elf64_Ehdr header;
    if (!is_there(memory, start, &header, sizeof(header))
        || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0
        || header.e_ident[EI_CLASS] != ELFCLASS64
        || (header.e_type != ET_EXEC && header.e_type != ET_DYN)
        || header.e_machine != OWN_MACHINE || header.e_phentsize != sizeof(Elf64_Phdr)
        || header.e_phnum == 0 || header.e_phnum > HEADERS_MAX
        || header.e_phoff > UINT32_MAX)
        return false;
    ret->start = start;
    ret->n_headers = header.e_phnum;
    if (!is_there(memory, start + header.e_phoff, ret->headers,
                  ret->n_headers * sizeof(*ret->headers)))
        return false;
    const Elf64_Phdr *first = first_load(ret);
    if (!first || first->p_offset >= HS_PAGE_SIZE)
        return false;
    ret->bias = start - (first->p_vaddr - first->p_offset);
    return true;
}

/* Does every segment lie where the same file's bytes are mapped? Pages may be bigger than
 * ours, and a loader may map a page earlier, so offsets are compared, not starts. */
static bool is_loaded(const struct elf *elf, const struct hs_memory *memory,
                      const struct hs_memory_range *first)
{
    for (size_t i = 0; i < elf->n_headers; i++) {
        const Elf64_Phdr *header = &elf->headers[i];
        if (header->p_type != PT_LOAD || header->p_filesz == 0)
            continue;
        uint64_t address = elf->bias + header->p_vaddr;
        const struct hs_memory_range *range = hs_memory_find(memory, address);
        if (!range || strcmp(range->path, first->path) != 0
            || address - range->start + range->file_offset != header->p_offset)
            return false;
    }
    return true;
}

static uint64_t end_of(const struct elf *elf)
{
    uint64_t end = 0;
    for (size_t i = 0; i < elf->n_headers; i++) {
        const Elf64_Phdr *header = &elf->headers[i];
        uint64_t last;
        if (header->p_type == PT_LOAD
            && !__builtin_add_overflow(header->p_vaddr, header->p_memsz, &last)
            && last > end)
            end = last;
    }
    return (elf->bias + end + HS_PAGE_SIZE - 1) & ~(uint64_t)(HS_PAGE_SIZE - 1);
}

void hs_module_take_build_id(struct hs_memory_module *module, const void *notes,
                             size_t size)
{
    const uint8_t *at = notes;
    Elf64_Nhdr note;
    while (size >= sizeof(note)) {
        memcpy(&note, at, sizeof(note));
        uint64_t name = ((uint64_t)note.n_namesz + 3) & ~(uint64_t)3;
        uint64_t whole =
            sizeof(note) + name + (((uint64_t)note.n_descsz + 3) & ~(uint64_t)3);
        if (sizeof(note) + name + note.n_descsz > size)
            return;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof("GNU")
            && memcmp(at + sizeof(note), "GNU", sizeof("GNU")) == 0 && note.n_descsz > 0
            && note.n_descsz <= sizeof(module->build_id)) {
            module->build_id_size = (uint8_t)note.n_descsz;
            memcpy(module->build_id, at + sizeof(note) + name, note.n_descsz);
            return;
        }
        if (whole > size)
            return;
        at += whole;
        size -= whole;
    }
}

static void find_build_id(const struct elf *elf, const struct hs_memory *memory,
                          struct hs_memory_module *module)
{
    uint8_t notes[NOTES_SIZE];
    for (size_t i = 0; i < elf->n_headers && module->build_id_size == 0; i++) {
        const Elf64_Phdr *header = &elf->headers[i];
        if (header->p_type != PT_NOTE)
            continue;
        size_t wanted = header->p_filesz < NOTES_SIZE ? header->p_filesz : NOTES_SIZE;
        size_t got = hs_memory_read(memory, elf->bias + header->p_vaddr, notes, wanted);
        hs_module_take_build_id(module, notes, got);
    }
}

/* The kernel appends " (deleted)" to what has lost its name; the name is what is meant. */
static const char *name_of(struct hs_memory_tables *tables, const char *path)
{
    static const char suffix[] = " (deleted)";
    size_t length = strlen(path), extra = sizeof(suffix) - 1;
    if (length <= extra || strcmp(path + length - extra, suffix) != 0)
        return path;
    return hs_tables_string(tables, path, length - extra);
}

bool hs_tables_find_modules(struct hs_memory_tables *tables, struct hs_memory *memory,
                            const struct hs_memory_auxv *auxv)
{
    uint64_t end = 0;
    for (size_t i = 0; i < tables->ranges.count; i++) {
        const struct hs_memory_range *range = &tables->ranges.at[i];
        struct elf elf;
        if (range->start < end || range->file_offset != 0 || *range->path == '['
            || *range->path == '\0' || range->start == auxv->vdso
            || !read_elf(memory, range->start, &elf) || !is_loaded(&elf, memory, range))
            continue;
        struct hs_memory_module module = {
            .start = range->start,
            .end = end_of(&elf),
            .bias = elf.bias,
            .path = name_of(tables, range->path),
            .is_loader = range->start == auxv->loader && auxv->loader != 0,
        };
        if (module.end <= module.start)
            continue;
        module.is_executable =
            auxv->program_headers >= module.start && auxv->program_headers < module.end;
        find_build_id(&elf, memory, &module);
        if (!module.path || !hs_array_push(&tables->modules, module))
            return false;
        end = module.end;
    }
    return true;
}

void hs_auxv_parse(const void *data, size_t size, struct hs_memory_auxv *ret)
{
    struct hs_memory_auxv found = {.program = 0xcbf29ce484222325}; /* FNV-1a of it all */
    for (size_t i = 0; i < size; i++)
        found.program = (found.program ^ ((const uint8_t *)data)[i]) * 0x100000001b3;
    for (size_t at = 0; at + sizeof(Elf64_auxv_t) <= size; at += sizeof(Elf64_auxv_t)) {
        Elf64_auxv_t entry;
        memcpy(&entry, (const char *)data + at, sizeof(entry));
        if (entry.a_type == AT_NULL)
            break;
        if (entry.a_type == AT_PHDR)
            found.program_headers = entry.a_un.a_val;
        else if (entry.a_type == AT_BASE)
            found.loader = entry.a_un.a_val;
        else if (entry.a_type == AT_SYSINFO_EHDR)
            found.vdso = entry.a_un.a_val;
        else if (entry.a_type == AT_EXECFN)
            found.name = entry.a_un.a_val;
    }
    *ret = found;
}

void hs_auxv_read(pid_t pid, struct hs_memory_auxv *ret)
{
    char path[64], data[4096];
    snprintf(path, sizeof(path), "/proc/%d/auxv", (int)pid);
    hs_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, data, sizeof(data));
    hs_auxv_parse(data, size > 0 ? (size_t)size : 0, ret);
}

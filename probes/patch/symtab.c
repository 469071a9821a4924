// SPDX-License-Identifier: MIT

/*
 * Reading .symtab of a stranger's file. It may be big and must not cost time: the names
 * are searched, as one text, for those that end in "malloc", and only when one is a
 * whole name of interest are symbols looked at. Every offset is checked.
 */

#include "probes/patch/symtab.h"

#include <elf.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "probes/tracker/raw.h"

#define CANDIDATES_MAX 16

struct file {
    long fd;
    uint64_t size;
};

/* Part of the file in memory. */
struct part {
    const void *bytes;
    uint64_t size;
    void *mapping;
    size_t mapped;
};

static bool part_map(const struct file *file, uint64_t offset, uint64_t size,
                     struct part *ret)
{
    if (size == 0 || offset > file->size || size > file->size - offset)
        return false;
    uint64_t before = offset & 4095;
    long result = hs_raw(SYS_mmap, 0, size + before, PROT_READ,
                         MAP_PRIVATE | MAP_POPULATE, file->fd, offset - before);
    if (result < 0 && result > -4096)
        return false;
    ret->mapping = (void *)result;
    ret->mapped = size + before;
    ret->bytes = (const char *)result + before;
    ret->size = size;
    return true;
}

static void part_unmap(struct part *part)
{
    if (part->mapping)
        hs_raw(SYS_munmap, part->mapping, part->mapped);
}

struct tables {
    struct part symbols, names;
};

static const Elf64_Shdr *find_section(const Elf64_Shdr *sections, uint32_t count,
                                      uint32_t type)
{
    for (uint32_t i = 0; i < count; i++)
        if (sections[i].sh_type == type)
            return &sections[i];
    return NULL;
}

static bool tables_map(const struct file *file, const void *loaded, struct tables *ret)
{
    Elf64_Ehdr header;
    if (hs_raw(SYS_pread64, file->fd, &header, sizeof(header), 0) != sizeof(header)
        || memcmp(&header, loaded, sizeof(header)) != 0
        || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0
        || header.e_ident[EI_CLASS] != ELFCLASS64
        || header.e_ident[EI_DATA] != ELFDATA2LSB
        || header.e_shentsize != sizeof(Elf64_Shdr) || header.e_shoff % 8 != 0)
        return false;
    struct part part = {0};
    if (!part_map(file, header.e_shoff, (uint64_t)header.e_shnum * sizeof(Elf64_Shdr),
                  &part))
        return false;
    const Elf64_Shdr *sections = part.bytes;
    const Elf64_Shdr *symbols = find_section(sections, header.e_shnum, SHT_SYMTAB);
    bool found = symbols && symbols->sh_entsize == sizeof(Elf64_Sym)
                 && symbols->sh_offset % 8 == 0 && symbols->sh_link < header.e_shnum
                 && part_map(file, symbols->sh_offset, symbols->sh_size, &ret->symbols)
                 && part_map(file, sections[symbols->sh_link].sh_offset,
                             sections[symbols->sh_link].sh_size, &ret->names);
    part_unmap(&part);
    return found;
}

/* Where the name of a family's malloc is among the names. */
struct candidates {
    uint32_t offsets[CANDIDATES_MAX];
    size_t count;
};

/* Every family's name that ends with the "malloc" at `at`. Linkers let names share their
 * ends: whether there is a symbol with such a name is found out later. */
static void candidates_add(struct candidates families[HS_FAMILIES], const char *names,
                           uint64_t at)
{
    for (int family = 0; family < HS_FAMILIES; family++) {
        const char *prefix = hs_family_prefix((enum hs_family)family);
        size_t length = strlen(prefix);
        struct candidates *candidates = &families[family];
        if (at >= length && memcmp(names + at - length, prefix, length) == 0
            && at - length <= UINT32_MAX && candidates->count < CANDIDATES_MAX)
            candidates->offsets[candidates->count++] = (uint32_t)(at - length);
    }
}

static void candidates_find(struct candidates ret[HS_FAMILIES], const struct part *names)
{
    static const char wanted[] = "malloc"; /* with its NUL */
    const char *text = names->bytes, *end = text + names->size;
    for (const char *at = text; (size_t)(end - at) >= sizeof(wanted);) {
        at = memmem(at, (size_t)(end - at), wanted, sizeof(wanted));
        if (!at)
            return;
        candidates_add(ret, text, (uint64_t)(at - text));
        at += sizeof(wanted);
    }
}

static bool is_function(const Elf64_Sym *symbol)
{
    return ELF64_ST_TYPE(symbol->st_info) == STT_FUNC && symbol->st_shndx != SHN_UNDEF
           && symbol->st_value != 0;
}

static bool is_candidate(const struct candidates *candidates, uint32_t offset)
{
    for (size_t i = 0; i < candidates->count; i++)
        if (candidates->offsets[i] == offset)
            return true;
    return false;
}

/* The families (bits) of which a malloc is defined. */
static uint32_t families_defined(const struct tables *tables)
{
    struct candidates candidates[HS_FAMILIES] = {0};
    const Elf64_Sym *symbols = tables->symbols.bytes;
    uint32_t found = 0;
    candidates_find(candidates, &tables->names);
    if (candidates[HS_FAMILY_PLAIN].count == 0) /* it ends like all others */
        return 0;
    for (uint64_t i = 0; i < tables->symbols.size / sizeof(*symbols); i++)
        for (int family = 0; family < HS_FAMILIES; family++)
            if (is_candidate(&candidates[family], symbols[i].st_name)
                && is_function(&symbols[i]))
                found |= 1u << family;
    return found;
}

struct visit {
    hs_symbol_visitor *visit;
    void *context;
    uint64_t bias;
    uint32_t families;
};

static void visit_symbol(const struct visit *visit, const Elf64_Sym *symbol,
                         const char *name)
{
    for (int family = 0; family < HS_FAMILIES; family++) {
        const char *prefix = hs_family_prefix((enum hs_family)family);
        size_t length = strlen(prefix);
        if (!(visit->families >> family & 1) || strncmp(name, prefix, length) != 0)
            continue;
        enum hs_shape shape = hs_name_shape((enum hs_family)family, name + length);
        struct hs_found_function function = {visit->bias + symbol->st_value,
                                             symbol->st_size, shape};
        if (shape != HS_SHAPE_NONE)
            visit->visit((enum hs_family)family, &function, visit->context);
    }
}

static void visit_tables(const struct visit *visit, const struct tables *tables)
{
    const Elf64_Sym *symbols = tables->symbols.bytes;
    const char *names = tables->names.bytes;
    for (uint64_t i = 0; i < tables->symbols.size / sizeof(*symbols); i++)
        if (is_function(&symbols[i]) && symbols[i].st_name < tables->names.size)
            visit_symbol(visit, &symbols[i], names + symbols[i].st_name);
}

void hs_symtab_each(const char *path, const void *loaded, uint64_t bias,
                    hs_symbol_visitor *visit, void *context)
{
    struct stat status;
    struct file file = {.fd = hs_raw(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC)};
    struct tables tables = {0};
    if (file.fd < 0)
        return;
    if (hs_raw(SYS_fstat, file.fd, &status) == 0)
        file.size = (uint64_t)status.st_size;
    if (tables_map(&file, loaded, &tables)
        && ((const char *)tables.names.bytes)[tables.names.size - 1] == '\0') {
        uint32_t families = families_defined(&tables);
        if (families)
            visit_tables(&(struct visit){visit, context, bias, families}, &tables);
    }
    part_unmap(&tables.symbols);
    part_unmap(&tables.names);
    hs_raw(SYS_close, file.fd);
}

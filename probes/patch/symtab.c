// SPDX-License-Identifier: MIT

/*
 * Reading .symtab of a stranger's file. It may be big and must not cost time: the names
 * are searched, as one text, for those that end in "malloc", and only when one is a
 * whole name of interest are symbols looked at. Every offset is checked.
 */

#include "probes/patch/symtab.h"

#include <elf.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "probes/tracker/guard.h"
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

static bool tables_map(const struct file *file, const Elf64_Ehdr *header,
                       struct tables *ret)
{
    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0
        || header->e_ident[EI_CLASS] != ELFCLASS64
        || header->e_ident[EI_DATA] != ELFDATA2LSB
        || header->e_shentsize != sizeof(Elf64_Shdr) || header->e_shoff % 8 != 0)
        return false;
    struct part part = {0};
    if (!part_map(file, header->e_shoff, (uint64_t)header->e_shnum * sizeof(Elf64_Shdr),
                  &part))
        return false;
    const Elf64_Shdr *sections = part.bytes;
    const Elf64_Shdr *symbols = find_section(sections, header->e_shnum, SHT_SYMTAB);
    bool found = symbols && symbols->sh_entsize == sizeof(Elf64_Sym)
                 && symbols->sh_offset % 8 == 0 && symbols->sh_link < header->e_shnum
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

/* A place where "c" and the end of a name follow each other, from `at` on; `end` when there
 * is none. */
static const char *find_end_in_c(const char *at, const char *end)
{
#if defined(__SSE2__)
    const __m128i letter = _mm_set1_epi8('c'), zero = _mm_setzero_si128();
    for (; end - at > (ptrdiff_t)sizeof(__m128i); at += sizeof(__m128i)) {
        __m128i here = _mm_loadu_si128((const __m128i_u *)(const void *)at);
        __m128i next = _mm_loadu_si128((const __m128i_u *)(const void *)(at + 1));
        int found = _mm_movemask_epi8(
            _mm_and_si128(_mm_cmpeq_epi8(here, letter), _mm_cmpeq_epi8(next, zero)));
        if (found)
            return at + __builtin_ctz((unsigned)found);
    }
#endif
    while (at + 1 < end && (at[0] != 'c' || at[1] != '\0'))
        at++;
    return at + 1 < end ? at : end;
}

static void candidates_find(struct candidates ret[HS_FAMILIES], const struct part *names)
{
    static const char wanted[] = "mallo"; /* before the "c" */
    const char *text = names->bytes, *end = text + names->size;
    for (const char *at = text; (at = find_end_in_c(at, end)) < end; at++) {
        const char *start = at - strlen(wanted);
        if (at - text >= (ptrdiff_t)strlen(wanted)
            && memcmp(start, wanted, strlen(wanted)) == 0)
            candidates_add(ret, text, (uint64_t)(start - text));
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

static uint64_t filter_bit(uint32_t offset)
{
    return (uint64_t)1 << (offset * 2654435769u >> 26);
}

/* One bit for each candidate: nearly every symbol is none, and has no bit of theirs. */
static uint64_t filter_create(const struct candidates candidates[HS_FAMILIES])
{
    uint64_t filter = 0;
    for (int family = 0; family < HS_FAMILIES; family++)
        for (size_t i = 0; i < candidates[family].count; i++)
            filter |= filter_bit(candidates[family].offsets[i]);
    return filter;
}

/* The families (bits) of which a malloc is defined. */
static uint32_t families_defined(const struct tables *tables)
{
    struct candidates candidates[HS_FAMILIES] = {0};
    const Elf64_Sym *symbols = tables->symbols.bytes;
    uint32_t found = 0;
    candidates_find(candidates, &tables->names);
    uint64_t filter = filter_create(candidates);
    for (uint64_t i = 0; filter && i < tables->symbols.size / sizeof(*symbols); i++) {
        uint32_t offset = symbols[i].st_name;
        if (HS_LIKELY(!(filter & filter_bit(offset))) || !is_function(&symbols[i]))
            continue;
        for (int family = 0; family < HS_FAMILIES; family++)
            if (is_candidate(&candidates[family], offset))
                found |= 1u << family;
    }
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

static void search_tables(const struct tables *tables, uint64_t bias,
                          hs_symbol_visitor *visit, void *context)
{
    const char *names = tables->names.bytes;
    if (names[tables->names.size - 1] != '\0')
        return;
    uint32_t families = families_defined(tables);
    if (families)
        visit_tables(&(struct visit){visit, context, bias, families}, tables);
}

/* The file begins with the header `loaded`, which is put to `ret`. */
static bool header_read(const struct file *file, const void *loaded, Elf64_Ehdr *ret)
{
    return hs_raw(SYS_pread64, file->fd, ret, sizeof(*ret), 0) == sizeof(*ret)
           && memcmp(ret, loaded, sizeof(*ret)) == 0;
}

bool hs_symtab_each(const char *path, const void *loaded, uint64_t bias,
                    hs_symbol_visitor *visit, void *context)
{
    struct stat status;
    struct file file = {.fd = hs_raw(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC)};
    struct tables tables = {0};
    Elf64_Ehdr header;
    if (file.fd < 0)
        return false;
    bool is_loaded = header_read(&file, loaded, &header);
    if (is_loaded && hs_raw(SYS_fstat, file.fd, &status) == 0)
        file.size = (uint64_t)status.st_size;
    if (is_loaded && tables_map(&file, &header, &tables))
        search_tables(&tables, bias, visit, context);
    part_unmap(&tables.symbols);
    part_unmap(&tables.names);
    hs_raw(SYS_close, file.fd);
    return is_loaded;
}

// SPDX-License-Identifier: MIT

/*
 * Only relocations of pointer size count: those that add the load address (RELATIVE) and
 * those that store a symbol's address. The compact RELR form keeps its addend in the
 * contents, where position-independent files hold it anyway: a word without a relocation
 * of its own is taken from the contents, and what looks like an address of this file is
 * one when the file is position-independent.
 */

#include "libheapsnap/symbols/words.h"

#include <stdlib.h>
#include <string.h>

#include "libheapsnap/base/array.h"
#include "libheapsnap/symbols/internal.h"

struct relocation {
    uint64_t place;     /* as the file numbers addresses */
    uint64_t value;     /* likewise */
    const char *symbol; /* not defined in this file; NULL otherwise */
};

struct hs_module_words {
    Elf *elf;
    const char *file;
    size_t file_size;
    uint64_t bias;
    bool is_movable;                    /* ET_DYN */
    HS_ARRAY(struct relocation) places; /* ascending by place */
};

enum relocation_kind { KIND_OTHER, KIND_RELATIVE, KIND_ADDRESS };

static enum relocation_kind relocation_kind(GElf_Half machine, uint64_t type)
{
    if (machine == EM_X86_64)
        return type == R_X86_64_RELATIVE ? KIND_RELATIVE
               : type == R_X86_64_64     ? KIND_ADDRESS
                                         : KIND_OTHER;
    if (machine == EM_AARCH64)
        return type == R_AARCH64_RELATIVE ? KIND_RELATIVE
               : type == R_AARCH64_ABS64  ? KIND_ADDRESS
                                          : KIND_OTHER;
    return KIND_OTHER;
}

/* What a relocation against a symbol puts there. */
static bool resolve_symbol(Elf *elf, const GElf_Shdr *section, Elf_Data *symbols,
                           const GElf_Rela *rela, struct relocation *ret)
{
    (void)section;
    GElf_Sym symbol;
    if (!symbols || !gelf_getsym(symbols, (int)GELF_R_SYM(rela->r_info), &symbol))
        return false;
    if (symbol.st_shndx != SHN_UNDEF) {
        ret->value = symbol.st_value + (uint64_t)rela->r_addend;
        return true;
    }
    Elf_Scn *table = elf_getscn(elf, section->sh_link);
    GElf_Shdr header;
    if (!table || !gelf_getshdr(table, &header))
        return false;
    ret->symbol = elf_strptr(elf, header.sh_link, symbol.st_name);
    return ret->symbol != NULL;
}

static void load_section(struct hs_module_words *words, Elf_Scn *section,
                         const GElf_Shdr *header, GElf_Half machine)
{
    Elf_Data *data = elf_getdata(section, NULL);
    Elf_Scn *table = elf_getscn(words->elf, header->sh_link);
    Elf_Data *symbols = table ? elf_getdata(table, NULL) : NULL;
    size_t count = header->sh_entsize ? header->sh_size / header->sh_entsize : 0;
    for (size_t i = 0; data && i < count && i < INT32_MAX; i++) {
        GElf_Rela rela;
        if (!gelf_getrela(data, (int)i, &rela))
            return;
        struct relocation entry = {.place = rela.r_offset,
                                   .value = (uint64_t)rela.r_addend};
        enum relocation_kind kind = relocation_kind(machine, GELF_R_TYPE(rela.r_info));
        if (kind == KIND_OTHER
            || (kind == KIND_ADDRESS
                && !resolve_symbol(words->elf, header, symbols, &rela, &entry)))
            continue;
        if (!hs_array_push(&words->places, entry))
            return;
    }
}

static int by_place(const void *left, const void *right)
{
    const struct relocation *a = left, *b = right;
    return a->place < b->place ? -1 : a->place > b->place;
}

struct hs_module_words *hs_module_words_create(Dwfl_Module *module)
{
    GElf_Addr bias;
    GElf_Ehdr header;
    Elf *elf = dwfl_module_getelf(module, &bias);
    struct hs_module_words *words = calloc(1, sizeof(*words));
    if (!words || !elf || !gelf_getehdr(elf, &header)
        || !(words->file = elf_rawfile(elf, &words->file_size))) {
        free(words);
        return NULL;
    }
    words->elf = elf;
    words->bias = bias;
    words->is_movable = header.e_type == ET_DYN;
    Elf_Scn *section = NULL;
    while ((section = elf_nextscn(elf, section)) != NULL) {
        GElf_Shdr entry;
        if (gelf_getshdr(section, &entry) && entry.sh_type == SHT_RELA
            && (entry.sh_flags & SHF_ALLOC))
            load_section(words, section, &entry, header.e_machine);
    }
    if (words->places.count > 0)
        qsort(words->places.at, words->places.count, sizeof(*words->places.at), by_place);
    return words;
}

void hs_module_words_destroy(struct hs_module_words *words)
{
    if (!words)
        return;
    free(words->places.at);
    free(words);
}

/* What the file has at `address` (as it numbers them): `ret_size` bytes up to the end of
 * the segment; NULL outside of all. */
static const char *contents(const struct hs_module_words *words, uint64_t address,
                            uint64_t *ret_size)
{
    size_t count = 0;
    if (elf_getphdrnum(words->elf, &count) != 0)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr segment;
        if (!gelf_getphdr(words->elf, (int)i, &segment) || segment.p_type != PT_LOAD
            || address < segment.p_vaddr || address - segment.p_vaddr >= segment.p_filesz
            || segment.p_offset > words->file_size
            || segment.p_filesz > words->file_size - segment.p_offset)
            continue;
        *ret_size = segment.p_filesz - (address - segment.p_vaddr);
        return words->file + segment.p_offset + (address - segment.p_vaddr);
    }
    return NULL;
}

static const struct relocation *find_relocation(const struct hs_module_words *words,
                                                uint64_t place)
{
    struct relocation key = {.place = place};
    return words->places.count == 0 ? NULL
                                    : bsearch(&key, words->places.at, words->places.count,
                                              sizeof(*words->places.at), by_place);
}

static bool read_word(const struct hs_module_words *words, uint64_t address,
                      struct hs_word *ret)
{
    const struct relocation *relocation = find_relocation(words, address);
    if (relocation) {
        *ret = (struct hs_word){relocation->symbol ? 0 : relocation->value + words->bias,
                                relocation->symbol};
        return true;
    }
    uint64_t size = 0, value;
    const char *bytes = contents(words, address, &size);
    if (!bytes || size < sizeof(value))
        return false;
    memcpy(&value, bytes, sizeof(value));
    uint64_t ignored;
    if (words->is_movable && value && contents(words, value, &ignored))
        value += words->bias;
    *ret = (struct hs_word){value, NULL};
    return true;
}

static struct hs_module_words *words_at(struct hs_symbols *symbols, uint64_t address)
{
    uint32_t index = hs_symbols_module_at(symbols, address);
    if (index == UINT32_MAX)
        return NULL;
    struct hs_symbol_module *module = &symbols->modules[index];
    hs_module_open(module);
    if (!module->has_words && module->state == HS_MODULE_READY)
        module->words = hs_module_words_create(module->dwfl_module);
    module->has_words = true;
    return module->words;
}

bool hs_symbols_word(struct hs_symbols *symbols, uint64_t address, struct hs_word *ret)
{
    const struct hs_module_words *words = words_at(symbols, address);
    return words && read_word(words, address - words->bias, ret);
}

const char *hs_symbols_file_text(struct hs_symbols *symbols, uint64_t address)
{
    const struct hs_module_words *words = words_at(symbols, address);
    uint64_t size = 0;
    const char *text = words ? contents(words, address - words->bias, &size) : NULL;
    return text && memchr(text, '\0', size) ? text : NULL;
}

const char *hs_symbols_linker_name(struct hs_symbols *symbols, uint64_t address,
                                   uint64_t *ret_start)
{
    uint32_t index = hs_symbols_module_at(symbols, address);
    if (index == UINT32_MAX)
        return NULL;
    const struct hs_tables *tables = hs_module_tables(&symbols->modules[index]);
    const struct hs_table_symbol *symbol = hs_table_find(&tables->variables, address);
    if (!symbol)
        symbol = hs_table_find(&tables->functions, address);
    if (!symbol)
        return NULL;
    *ret_start = symbol->start;
    return symbol->name;
}

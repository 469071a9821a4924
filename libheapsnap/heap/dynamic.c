// SPDX-License-Identifier: MIT

/*
 * The look-up by the GNU hash table (DT_GNU_HASH): buckets name the first symbol of a
 * chain whose last hash has its lowest bit set. Whatever the numbers say, a look-up ends
 * after a bounded number of steps.
 */

#include "libheapsnap/heap/dynamic.h"

#include <elf.h>
#include <string.h>

#define HEADERS_MAX 64u
#define ENTRIES_MAX 512u
#define CHAIN_MAX 4096u
#define NAME_MAX_SIZE 64u
#define GO_BUILD_ID 4u /* type of the note named "Go" */

static void read_entries(struct hs_reader *reader, const struct hs_memory_module *module,
                         uint64_t address, struct hs_dynamic *ret)
{
    for (unsigned i = 0; i < ENTRIES_MAX; i++) {
        Elf64_Dyn entry;
        if (!hs_reader_copy(reader, address + i * sizeof(entry), &entry, sizeof(entry))
            || entry.d_tag == DT_NULL)
            return;
        /* glibc's loader has made addresses of them, others leave the file's numbers. */
        uint64_t at = entry.d_un.d_ptr;
        if (at < module->start)
            at += module->bias;
        if (entry.d_tag == DT_SYMTAB)
            ret->symbols = at;
        else if (entry.d_tag == DT_STRTAB)
            ret->strings = at;
        else if (entry.d_tag == DT_GNU_HASH)
            ret->hash = at;
    }
}

static bool is_go_note(struct hs_reader *reader, uint64_t address)
{
    Elf64_Nhdr note;
    char name[4];
    return hs_reader_copy(reader, address, &note, sizeof(note))
           && note.n_type == GO_BUILD_ID && note.n_namesz == sizeof(name)
           && hs_reader_copy(reader, address + sizeof(note), name, sizeof(name))
           && memcmp(name, "Go\0", sizeof(name)) == 0;
}

bool hs_dynamic_read(struct hs_reader *reader, const struct hs_memory_module *module,
                     struct hs_dynamic *ret)
{
    Elf64_Ehdr header;
    Elf64_Phdr segments[HEADERS_MAX];
    *ret = (struct hs_dynamic){0};
    if (!hs_reader_copy(reader, module->start, &header, sizeof(header))
        || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0
        || header.e_phentsize != sizeof(*segments) || header.e_phnum > HEADERS_MAX
        || header.e_phoff >= module->end - module->start
        || !hs_reader_copy(reader, module->start + header.e_phoff, segments,
                           header.e_phnum * sizeof(*segments)))
        return false;
    for (unsigned i = 0; i < header.e_phnum; i++) {
        uint64_t at = module->bias + segments[i].p_vaddr;
        if (segments[i].p_type == PT_DYNAMIC)
            read_entries(reader, module, at, ret);
        else if (segments[i].p_type == PT_NOTE && is_go_note(reader, at))
            ret->is_go = true;
    }
    return true;
}

static uint32_t hash_of(const char *name)
{
    uint32_t hash = 5381;
    for (; *name; name++)
        hash = hash * 33 + (unsigned char)*name;
    return hash;
}

static bool is_symbol(struct hs_reader *reader, const struct hs_dynamic *dynamic,
                      uint32_t index, const char *name)
{
    Elf64_Sym symbol;
    char text[NAME_MAX_SIZE];
    size_t size = strlen(name) + 1;
    if (!hs_reader_copy(reader, dynamic->symbols + (uint64_t)index * sizeof(symbol),
                        &symbol, sizeof(symbol))
        || symbol.st_shndx == SHN_UNDEF || symbol.st_value == 0 || size > sizeof(text))
        return false;
    return hs_reader_copy(reader, dynamic->strings + symbol.st_name, text, size)
           && memcmp(text, name, size) == 0;
}

bool hs_dynamic_defines(struct hs_reader *reader, const struct hs_dynamic *dynamic,
                        const char *name)
{
    struct {
        uint32_t n_buckets, first, n_bloom, shift;
    } header;
    uint32_t hash = hash_of(name), index, entry;
    if (!dynamic->hash || !dynamic->symbols || !dynamic->strings
        || !hs_reader_copy(reader, dynamic->hash, &header, sizeof(header))
        || header.n_buckets == 0)
        return false;
    uint64_t buckets = dynamic->hash + sizeof(header) + header.n_bloom * 8ull;
    uint64_t chains = buckets + header.n_buckets * 4ull;
    if (!hs_reader_copy(reader, buckets + hash % header.n_buckets * 4ull, &index,
                        sizeof(index))
        || index < header.first)
        return false;
    for (unsigned i = 0; i < CHAIN_MAX; i++, index++) {
        if (!hs_reader_copy(reader, chains + (index - header.first) * 4ull, &entry,
                            sizeof(entry)))
            return false;
        if ((entry | 1) == (hash | 1) && is_symbol(reader, dynamic, index, name))
            return true;
        if (entry & 1)
            return false;
    }
    return false;
}

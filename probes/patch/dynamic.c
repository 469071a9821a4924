// SPDX-License-Identifier: MIT

/*
 * In a table with a GNU hash the undefined symbols stand before the hashed ones; with an
 * old hash alone they may be anywhere.
 */

#include "probes/patch/dynamic.h"

#include "probes/tracker/loader.h"
#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct symbols {
    const ElfW(Sym) * table;
    const char *names;
    const uint32_t *gnu_hash; /* either may be NULL */
    const uint32_t *hash;
};

/* Relocated by the loader, except where it is read-only (the vdso's). */
static const void *dynamic_address(const struct link_map *map, const ElfW(Dyn) * entry)
{
    uintptr_t address = entry->d_un.d_ptr;
    return (const void *)(address < map->l_addr ? address + map->l_addr : address);
}

static bool symbols_read(const struct link_map *map, struct symbols *ret)
{
    *ret = (struct symbols){0};
    for (const ElfW(Dyn) *entry = map->l_ld; entry && entry->d_tag != DT_NULL; entry++) {
        const void *address = dynamic_address(map, entry);
        switch (entry->d_tag) {
        case DT_SYMTAB:
            ret->table = address;
            break;
        case DT_STRTAB:
            ret->names = address;
            break;
        case DT_GNU_HASH:
            ret->gnu_hash = address;
            break;
        case DT_HASH:
            ret->hash = address;
            break;
        }
    }
    return ret->table && ret->names && (ret->gnu_hash || ret->hash);
}

/* All imports are below. */
static uint32_t imports_end(const struct symbols *symbols)
{
    return symbols->gnu_hash ? symbols->gnu_hash[1] : symbols->hash[1];
}

/* One more than the last symbol. The longest chain of a GNU hash begins at the highest
 * symbol that a bucket names, and ends with the table. */
static uint32_t symbols_end(const struct symbols *symbols)
{
    if (!symbols->gnu_hash)
        return symbols->hash[1];
    const uint32_t *table = symbols->gnu_hash;
    uint32_t n_buckets = table[0], first = table[1], n_filter = table[2], last = 0;
    const uint32_t *buckets = table + 4 + n_filter * (sizeof(ElfW(Addr)) / 4);
    const uint32_t *chains = buckets + n_buckets;
    for (uint32_t i = 0; i < n_buckets; i++)
        if (buckets[i] > last)
            last = buckets[i];
    if (last < first)
        return first;
    while (!(chains[last - first] & 1))
        last++;
    return last + 1;
}

static bool imports_any(const struct link_map *map,
                        bool (*is_wanted)(const char *name, const void *context),
                        const void *context)
{
    struct symbols symbols;
    if (!symbols_read(map, &symbols))
        return false;
    uint32_t end = imports_end(&symbols);
    for (uint32_t i = 1; i < end; i++)
        if (symbols.table[i].st_shndx == SHN_UNDEF
            && is_wanted(symbols.names + symbols.table[i].st_name, context))
            return true;
    return false;
}

static bool is_same(const char *name, const void *context)
{
    return strcmp(name, context) == 0;
}

bool hs_executable_imports(const char *name)
{
    const struct link_map *executable = hs_loader_modules();
    return executable && imports_any(executable, is_same, name);
}

bool hs_any_imports(bool (*is_wanted)(const char *name, const void *context),
                    const void *context)
{
    for (const struct link_map *map = hs_loader_modules(); map; map = map->l_next)
        if (imports_any(map, is_wanted, context))
            return true;
    return false;
}

static uint64_t size_in(const struct link_map *map, uint64_t address)
{
    struct symbols symbols;
    if (!symbols_read(map, &symbols))
        return 0;
    uint32_t end = symbols_end(&symbols);
    for (uint32_t i = 1; i < end; i++)
        if (symbols.table[i].st_shndx != SHN_UNDEF
            && ELF64_ST_TYPE(symbols.table[i].st_info) == STT_FUNC
            && map->l_addr + symbols.table[i].st_value == address)
            return symbols.table[i].st_size;
    return 0;
}

uint64_t hs_dynamic_size(uint64_t address)
{
    uint64_t size = 0;
    for (const struct link_map *map = hs_loader_modules(); map && size == 0;
         map = map->l_next)
        size = size_in(map, address);
    return size;
}

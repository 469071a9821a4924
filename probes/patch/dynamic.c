// SPDX-License-Identifier: MIT

/*
 * In a table with a GNU hash the undefined symbols stand before the hashed ones; with an
 * old hash alone they may be anywhere.
 */

#include "probes/patch/dynamic.h"

#include <elf.h>
#include <link.h>
#include <string.h>

#include "probes/tracker/loader.h"
#include "probes/tracker/symbols.h"

/* All imports are below. */
static uint32_t imports_end(const struct hs_dynamic_symbols *symbols)
{
    return symbols->gnu_hash ? hs_gnu_hash_read(symbols->gnu_hash).first
                             : symbols->hash[1];
}

/* One more than the last symbol. The longest chain of a GNU hash begins at the highest
 * symbol that a bucket names, and ends with the table. */
static uint32_t symbols_end(const struct hs_dynamic_symbols *symbols)
{
    if (!symbols->gnu_hash)
        return symbols->hash[1];
    struct hs_gnu_hash hash = hs_gnu_hash_read(symbols->gnu_hash);
    uint32_t last = 0;
    for (uint32_t i = 0; i < hash.n_buckets; i++)
        if (hash.buckets[i] > last)
            last = hash.buckets[i];
    if (last < hash.first)
        return hash.first;
    while (!(hash.chains[last - hash.first] & 1))
        last++;
    return last + 1;
}

static bool imports_any(const struct link_map *map,
                        bool (*is_wanted)(const char *name, const void *context),
                        const void *context)
{
    struct hs_dynamic_symbols symbols;
    if (!hs_dynamic_symbols_read(map, &symbols))
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
    struct hs_dynamic_symbols symbols;
    if (!hs_dynamic_symbols_read(map, &symbols))
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

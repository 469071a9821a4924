// SPDX-License-Identifier: MIT

/*
 * The loader has relocated the addresses in a dynamic section, except where it is read-only
 * (the vdso's).
 */

#include "probes/tracker/symbols.h"

#include <elf.h>
#include <stddef.h>

static const void *address_of(const struct link_map *map, const ElfW(Dyn) * entry)
{
    uintptr_t address = entry->d_un.d_ptr;
    return (const void *)(address < map->l_addr ? address + map->l_addr : address);
}

bool hs_dynamic_symbols_read(const struct link_map *map, struct hs_dynamic_symbols *ret)
{
    *ret = (struct hs_dynamic_symbols){0};
    for (const ElfW(Dyn) *entry = map->l_ld; entry && entry->d_tag != DT_NULL; entry++) {
        const void *address = address_of(map, entry);
        switch (entry->d_tag) {
        case DT_SYMTAB:
            ret->table = address;
            break;
        case DT_STRTAB:
            ret->names = address;
            break;
        case DT_VERSYM:
            ret->versions = address;
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

/* Buckets, first hashed symbol, words of the filter, its shift; then the filter, the
 * buckets, and the chains. */
struct hs_gnu_hash hs_gnu_hash_read(const uint32_t *table)
{
    const uint32_t *buckets = table + 4 + table[2] * (sizeof(ElfW(Addr)) / 4);
    return (struct hs_gnu_hash){
        .n_buckets = table[0],
        .first = table[1],
        .buckets = buckets,
        .chains = buckets + table[0],
    };
}

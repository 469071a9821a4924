// SPDX-License-Identifier: MIT

/*
 * Looking up the real functions without dlsym.
 *
 * dlsym allocates, which is what we are being asked for when the first look-up happens;
 * it takes the loader's lock; and it throws away the error that the program is about to
 * ask dlerror for. The loader's list of modules and their hash tables are all it needs:
 * modules loaded at start are listed in lookup order and never unloaded.
 */

#include "probes/tracker/next.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>

#include "probes/tracker/loader.h"
#include "probes/tracker/symbols.h"

/* Not every libc declares it. */
extern ElfW(Dyn) _DYNAMIC[] __attribute__((visibility("hidden")));

#define VERSION_HIDDEN 0x8000 /* an old version, kept for old programs */

static bool symbol_is(const struct hs_dynamic_symbols *symbols, uint32_t index,
                      const char *name)
{
    const ElfW(Sym) *symbol = &symbols->table[index];
    unsigned type = ELF64_ST_TYPE(symbol->st_info);
    return symbol->st_shndx != SHN_UNDEF && symbol->st_value != 0
           && ELF64_ST_BIND(symbol->st_info) != STB_LOCAL
           && (type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_NOTYPE
               || type == STT_OBJECT)
           && (!symbols->versions || !(symbols->versions[index] & VERSION_HIDDEN))
           && strcmp(symbols->names + symbol->st_name, name) == 0;
}

static uint32_t find_by_gnu_hash(const struct hs_dynamic_symbols *symbols,
                                 const char *name)
{
    uint32_t h = 5381;
    for (const char *c = name; *c; c++)
        h = h * 33 + (unsigned char)*c;
    struct hs_gnu_hash hash = hs_gnu_hash_read(symbols->gnu_hash);
    uint32_t index = hash.n_buckets ? hash.buckets[h % hash.n_buckets] : 0;
    if (index < hash.first)
        return 0;
    for (;; index++) {
        uint32_t chain = hash.chains[index - hash.first];
        if ((chain | 1) == (h | 1) && symbol_is(symbols, index, name))
            return index;
        if (chain & 1)
            return 0;
    }
}

static uint32_t find_by_hash(const struct hs_dynamic_symbols *symbols, const char *name)
{
    uint32_t h = 0;
    for (const char *c = name; *c; c++) {
        h = (h << 4) + (unsigned char)*c;
        h = (h ^ (h >> 28 << 4)) & 0x0fffffff;
    }
    const uint32_t *table = symbols->hash;
    const uint32_t *buckets = table + 2, *chains = buckets + table[0];
    uint32_t index = table[0] ? buckets[h % table[0]] : 0;
    while (index != 0 && !symbol_is(symbols, index, name))
        index = chains[index];
    return index;
}

static void *find_in(const struct link_map *map, const char *name)
{
    struct hs_dynamic_symbols symbols;
    if (!hs_dynamic_symbols_read(map, &symbols))
        return NULL;
    uint32_t index = symbols.gnu_hash ? find_by_gnu_hash(&symbols, name)
                                      : find_by_hash(&symbols, name);
    if (index == 0)
        return NULL;
    void *address = (void *)(map->l_addr + symbols.table[index].st_value);
    if (ELF64_ST_TYPE(symbols.table[index].st_info) == STT_GNU_IFUNC)
        address = ((void *(*)(unsigned long))address)(getauxval(AT_HWCAP));
    return address;
}

/* The last module loaded before the first look-up: behind it come those of dlopen, which
 * are in no order, and may go away under our feet. */
static const struct link_map *last_at_start(void)
{
    static const struct link_map *last;
    const struct link_map *found = __atomic_load_n(&last, __ATOMIC_RELAXED);
    if (!found) {
        for (found = hs_loader_modules(); found && found->l_next;)
            found = found->l_next;
        __atomic_store_n(&last, found, __ATOMIC_RELAXED);
    }
    return found;
}

static void *find_from(const struct link_map *map, const char *name)
{
    const struct link_map *last = last_at_start();
    for (; map; map = map->l_next) {
        void *found = find_in(map, name);
        if (found || map == last)
            return found;
    }
    return NULL;
}

static void *find_behind(const struct link_map *map, const char *name)
{
    return map && map != last_at_start() ? find_from(map->l_next, name) : NULL;
}

static void *find_before(const struct link_map *end, const char *name)
{
    void *found = NULL;
    for (const struct link_map *map = hs_loader_modules(); !found && map && map != end;
         map = map->l_next)
        found = find_in(map, name);
    return found;
}

void *hs_next_find(const char *name)
{
    const struct link_map *own = hs_loader_modules();
    while (own && own->l_ld != _DYNAMIC)
        own = own->l_next;
    void *found = find_behind(own, name);
    /* Loaded into a running program we come last, and everybody's next is before us. */
    if (!found && !find_behind(own, "__libc_start_main"))
        found = find_before(own, name);
    return found;
}

void *hs_next_find_first(const char *name)
{
    return find_from(hs_loader_modules(), name);
}

// SPDX-License-Identifier: MIT

/*
 * Three ways past the shim. A module searched before it exports malloc: the executable, or
 * a library preloaded first. A module exports an allocator under names of its own. The
 * executable keeps one to itself, and only its symbol table knows.
 *
 * The last costs time with big programs: it is tried only where the executable gives memory
 * back to the kernel, as these allocators do, and does not export all its functions.
 */

#include "probes/patch/find.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>
#include <sys/auxv.h>

#include "probes/patch/dynamic.h"
#include "probes/patch/symtab.h"
#include "probes/tracker/cfi_read.h"
#include "probes/tracker/loader.h"
#include "probes/tracker/module_table.h"
#include "probes/tracker/next.h"
#include "probes/tracker/options.h"

struct search {
    struct hs_found *found;
    size_t count;
};

static bool same_module(uint64_t one, uint64_t other)
{
    struct hs_module_unwind first, second;
    return hs_module_find_unwind(one, &first) && hs_module_find_unwind(other, &second)
           && first.path == second.path;
}

static struct hs_found *found_get(struct search *search, enum hs_family family)
{
    for (size_t i = 0; i < search->count; i++)
        if (search->found[i].family == family)
            return &search->found[i];
    if (search->count == HS_FOUND_MAX)
        return NULL;
    struct hs_found *found = &search->found[search->count++];
    *found = (struct hs_found){.family = family};
    return found;
}

/* One function may have many names; it is written over once. */
static bool is_known(const struct search *search, uint64_t address)
{
    for (size_t i = 0; i < search->count; i++)
        for (size_t f = 0; f < search->found[i].count; f++)
            if (search->found[i].functions[f].address == address)
                return true;
    return false;
}

static void add(struct search *search, enum hs_family family,
                const struct hs_found_function *function)
{
    struct hs_found *found = found_get(search, family);
    if (!found)
        return;
    found->shapes |= 1u << function->shape;
    if (!is_known(search, function->address) && found->count < HS_FOUND_FUNCTIONS_MAX)
        found->functions[found->count++] = *function;
}

/* The exported function `name` (with prefix), if it is in the module that holds `one`. */
static void add_name(struct search *search, enum hs_family family, enum hs_shape shape,
                     const char *name, uint64_t one)
{
    uint64_t address = (uint64_t)hs_next_find_first(name);
    if (address && same_module(address, one))
        add(search, family,
            &(struct hs_found_function){address, hs_dynamic_size(address), shape});
}

/* The family's functions in the module that holds `one` of them. */
static void add_exported(struct search *search, enum hs_family family, uint64_t one)
{
    const char *name;
    enum hs_shape shape;
    for (size_t i = 0; (name = hs_name_get(family, i, &shape)); i++) {
        char full[64];
        size_t length = strlen(hs_family_prefix(family));
        memcpy(full, hs_family_prefix(family), length);
        memcpy(full + length, name, strlen(name) + 1);
        add_name(search, family, shape, full, one);
    }
}

static void search_exported(struct search *search)
{
    uint64_t first = (uint64_t)hs_next_find_first("malloc");
    if (first && !same_module(first, (uint64_t)&search_exported))
        add_exported(search, HS_FAMILY_PLAIN, first);
}

static bool is_of_family(const char *name, const void *context)
{
    enum hs_family family = *(const enum hs_family *)context;
    const char *prefix = hs_family_prefix(family);
    size_t length = strlen(prefix);
    return strncmp(name, prefix, length) == 0
           && hs_name_shape(family, name + length) != HS_SHAPE_NONE;
}

/* `key`: the family's malloc. Where it is but another name of the malloc that the shim's
 * calls, hooks in both cost time: only if somebody calls the family by its names. */
static void search_prefixed(struct search *search, enum hs_family family, const char *key)
{
    uint64_t one = (uint64_t)hs_next_find_first(key);
    if (one
        && (one != (uint64_t)hs_next_find("malloc")
            || hs_any_imports(is_of_family, &family)))
        add_exported(search, family, one);
}

static const char *const extended[] = {"mallocx", "rallocx", "dallocx", "sdallocx"};

static bool is_extended(const char *name, const void *context)
{
    (void)context;
    for (size_t i = 0; i < sizeof(extended) / sizeof(extended[0]); i++)
        if (strcmp(name, extended[i]) == 0)
            return true;
    return false;
}

/* jemalloc's own functions beside malloc: malloc itself comes to the shim. */
static void search_extended(struct search *search)
{
    uint64_t one = (uint64_t)hs_next_find_first(extended[0]);
    if (!one || !hs_any_imports(is_extended, NULL))
        return;
    for (size_t i = 0; i < sizeof(extended) / sizeof(extended[0]); i++)
        add_name(search, HS_FAMILY_PLAIN, hs_name_shape(HS_FAMILY_PLAIN, extended[i]),
                 extended[i], one);
}

static void on_symbol(enum hs_family family, const struct hs_found_function *function,
                      void *context)
{
    add(context, family, function);
}

/* The executable's ELF header in memory; NULL when it is not where linkers put it. */
static const void *executable_header(void)
{
    uint64_t page = getauxval(AT_PHDR) & ~(uint64_t)4095;
    if (page == 0 || !hs_memory_is_readable(page)
        || memcmp((const void *)page, ELFMAG, SELFMAG) != 0)
        return NULL;
    return (const void *)page;
}

static bool exports_everything(void)
{
    struct hs_module_unwind module;
    uint64_t main = (uint64_t)hs_next_find_first("main");
    return main && hs_module_find_unwind(main, &module) && module.is_executable;
}

static void search_symbols(struct search *search)
{
    if (!hs_options.patch || !hs_executable_imports("madvise") || exports_everything())
        return;
    const void *header = executable_header();
    uint64_t bias = hs_loader_modules()->l_addr;
    if (!header || hs_symtab_each("/proc/self/exe", header, bias, on_symbol, search))
        return;
    /* The loader was started, and told the program's name. */
    const char *path = (const char *)getauxval(AT_EXECFN);
    if (path)
        hs_symtab_each(path, header, bias, on_symbol, search);
}

size_t hs_allocators_search(struct hs_found *ret)
{
    struct search search = {.found = ret};
    search_exported(&search);
    search_prefixed(&search, HS_FAMILY_JE, "je_malloc");
    search_prefixed(&search, HS_FAMILY_RJEM, "_rjem_malloc");
    search_prefixed(&search, HS_FAMILY_MI, "mi_malloc");
    search_prefixed(&search, HS_FAMILY_TC, "tc_malloc");
    search_symbols(&search);
    search_extended(&search);
    size_t kept = 0;
    for (size_t i = 0; i < search.count; i++)
        if (ret[i].count > 0 && hs_family_is_complete(ret[i].shapes))
            ret[kept++] = ret[i];
    return kept;
}

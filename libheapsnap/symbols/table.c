// SPDX-License-Identifier: MIT

/*
 * Symbols sorted by address, once a module. libdwfl has a look-up of its own, but it walks
 * the whole table for every address, which costs seconds on a binary with half a million
 * symbols. libdwfl still merges the tables: .symtab (from a separate file where there is
 * one), else .dynsym, and the compressed .gnu_debugdata.
 */

#include "libheapsnap/symbols/table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/base/array.h"

/* A function without a size (assembly) is believed to reach to the next, but not further. */
#define SIZELESS_MAX 4096u

void hs_table_deinit(struct hs_table *table)
{
    free(table->at);
    *table = (struct hs_table){0};
}

/* Global names beat local ones, and "malloc" beats "__libc_malloc". */
static uint32_t name_rank(const char *name, int binding)
{
    uint32_t rank = binding == STB_GLOBAL ? 0 : binding == STB_WEAK ? 1 : 2;
    uint32_t underscores = 0;
    while (name[underscores] == '_' && underscores < 7)
        underscores++;
    if (underscores >= 2 && name[1] == 'Z')
        underscores = 0;
    return underscores * 4 + rank;
}

static int by_start(const void *left, const void *right)
{
    const struct hs_table_symbol *a = left, *b = right;
    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    return strcmp(a->name, b->name);
}

/* Sort, keep the best name of each start, and let sizeless symbols reach to the next. */
static void finish(struct hs_table *table)
{
    if (table->count == 0)
        return;
    qsort(table->at, table->count, sizeof(*table->at), by_start);
    size_t kept = 1;
    for (size_t i = 1; i < table->count; i++) {
        struct hs_table_symbol *last = &table->at[kept - 1];
        if (table->at[i].start != last->start)
            table->at[kept++] = table->at[i];
        else if (table->at[i].end > last->end)
            last->end = table->at[i].end;
    }
    table->count = kept;
    for (size_t i = 0; i < kept; i++) {
        struct hs_table_symbol *symbol = &table->at[i];
        if (symbol->end > symbol->start)
            continue;
        symbol->end = symbol->start + SIZELESS_MAX;
        if (i + 1 < kept && table->at[i + 1].start < symbol->end)
            symbol->end = table->at[i + 1].start;
    }
}

static bool is_wanted(const GElf_Sym *symbol, const char *name, GElf_Word section,
                      bool *ret_is_function)
{
    int type = GELF_ST_TYPE(symbol->st_info);
    *ret_is_function = type == STT_FUNC || type == STT_GNU_IFUNC;
    if (!name || !name[0] || section == SHN_UNDEF || section == SHN_ABS)
        return false;
    return *ret_is_function || type == STT_OBJECT;
}

void hs_table_load(Dwfl_Module *module, struct hs_table *functions,
                   struct hs_table *variables)
{
    HS_ARRAY(struct hs_table_symbol) found[2] = {{0}, {0}};
    int count = dwfl_module_getsymtab(module);
    for (int i = 1; i < count; i++) {
        GElf_Sym symbol;
        GElf_Addr address;
        GElf_Word section;
        bool is_function;
        const char *name =
            dwfl_module_getsym_info(module, i, &symbol, &address, &section, NULL, NULL);
        if (!name || !is_wanted(&symbol, name, section, &is_function))
            continue;
        struct hs_table_symbol entry = {
            .start = address,
            .end = address + symbol.st_size,
            .name = name,
            .rank = name_rank(name, GELF_ST_BIND(symbol.st_info)),
        };
        if (entry.end < entry.start || (!is_function && symbol.st_size == 0))
            continue;
        if (!hs_array_push(&found[is_function], entry))
            break;
    }
    *variables = (struct hs_table){found[false].at, found[false].count};
    *functions = (struct hs_table){found[true].at, found[true].count};
    finish(variables);
    finish(functions);
}

const struct hs_table_symbol *hs_table_find(const struct hs_table *table,
                                            uint64_t address)
{
    size_t low = 0, high = table->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table->at[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    const struct hs_table_symbol *symbol = &table->at[low - 1];
    return address < symbol->end ? symbol : NULL;
}

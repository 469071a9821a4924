// SPDX-License-Identifier: MIT

/*
 * Symbols sorted by address, once a module. libdwfl has a look-up of its own, but it walks
 * the whole table for every address, which costs seconds on a binary with half a million
 * symbols. libdwfl still merges the tables: .symtab (from a separate file where there is
 * one), else .dynsym, and the compressed .gnu_debugdata.
 */

#include "libheapsnap/symbols/table.h"

#include <stdlib.h>
#include <string.h>

#include "libheapsnap/base/array.h"

/* A function without a size (assembly) is believed to reach to the next, but not further. */
#define SIZELESS_MAX 4096u

void hs_tables_deinit(struct hs_tables *tables)
{
    free(tables->functions.at);
    free(tables->variables.at);
    free(tables->thread_variables.at);
    *tables = (struct hs_tables){0};
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

enum kind { KIND_FUNCTION, KIND_VARIABLE, KIND_THREAD_VARIABLE, KIND_COUNT };

/* KIND_COUNT: not wanted. */
static enum kind symbol_kind(const GElf_Sym *symbol, const char *name, GElf_Word section)
{
    if (!name[0] || section == SHN_UNDEF || section == SHN_ABS)
        return KIND_COUNT;
    switch (GELF_ST_TYPE(symbol->st_info)) {
    case STT_FUNC:
    case STT_GNU_IFUNC:
        return KIND_FUNCTION;
    case STT_OBJECT:
        return symbol->st_size ? KIND_VARIABLE : KIND_COUNT;
    case STT_TLS:
        return symbol->st_size ? KIND_THREAD_VARIABLE : KIND_COUNT;
    default:
        return KIND_COUNT;
    }
}

void hs_tables_load(Dwfl_Module *module, struct hs_tables *ret)
{
    HS_ARRAY(struct hs_table_symbol) found[KIND_COUNT] = {{0}};
    int count = dwfl_module_getsymtab(module);
    for (int i = 1; i < count; i++) {
        GElf_Sym symbol;
        GElf_Addr address;
        GElf_Word section;
        const char *name =
            dwfl_module_getsym_info(module, i, &symbol, &address, &section, NULL, NULL);
        enum kind kind = name ? symbol_kind(&symbol, name, section) : KIND_COUNT;
        if (kind == KIND_COUNT)
            continue;
        if (kind == KIND_THREAD_VARIABLE)
            address = symbol.st_value;
        struct hs_table_symbol entry = {
            .start = address,
            .end = address + symbol.st_size,
            .name = name,
            .rank = name_rank(name, GELF_ST_BIND(symbol.st_info)),
        };
        if (entry.end >= entry.start && !hs_array_push(&found[kind], entry))
            break;
    }
    struct hs_table *tables[KIND_COUNT] = {&ret->functions, &ret->variables,
                                           &ret->thread_variables};
    for (int i = 0; i < KIND_COUNT; i++) {
        *tables[i] = (struct hs_table){found[i].at, found[i].count};
        finish(tables[i]);
    }
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

// SPDX-License-Identifier: MIT

/*
 * The functions and variables of one module, from its ELF symbol tables.
 */

#ifndef HEAPSNAP_SYMBOLS_TABLE_H
#define HEAPSNAP_SYMBOLS_TABLE_H

#include <elfutils/libdwfl.h>
#include <stddef.h>
#include <stdint.h>

struct hs_table_symbol {
    uint64_t start, end; /* memory addresses; end > start */
    const char *name;    /* linker name, borrowed from the module's file */
    uint32_t rank;       /* smaller is the better name among several at one address */
};

struct hs_table {
    struct hs_table_symbol *at; /* ascending by start; one a start */
    size_t count;
};

struct hs_tables {
    struct hs_table functions, variables;
    struct hs_table thread_variables; /* addresses count from the module's TLS block */
};

/* Without memory or symbols the tables stay empty. Free with hs_tables_deinit(). */
void hs_tables_load(Dwfl_Module *module, struct hs_tables *ret);
void hs_tables_deinit(struct hs_tables *tables);
/* The symbol that covers `address`, or NULL. */
const struct hs_table_symbol *hs_table_find(const struct hs_table *table,
                                            uint64_t address);

#endif

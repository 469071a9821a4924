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

/* Fill both; without memory or symbols they stay empty. Free with hs_table_deinit(). */
void hs_table_load(Dwfl_Module *module, struct hs_table *functions,
                   struct hs_table *variables);
void hs_table_deinit(struct hs_table *table);

/* The symbol that covers `address`, or NULL. */
const struct hs_table_symbol *hs_table_find(const struct hs_table *table,
                                            uint64_t address);

#endif

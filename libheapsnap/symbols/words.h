// SPDX-License-Identifier: MIT

/*
 * The words of a module's constant data as the loader has made them, told from its file.
 *
 * A capture carries no module memory, and what types are told from (tables of virtual
 * functions, type_info objects) lies in data that the loader relocates. The file has both
 * halves: the contents, and the relocations that say what else goes there.
 */

#ifndef HEAPSNAP_SYMBOLS_WORDS_H
#define HEAPSNAP_SYMBOLS_WORDS_H

#include <elfutils/libdwfl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hs_module_words;
struct hs_symbols;

/* One word of a module. */
struct hs_word {
    uint64_t value;     /* memory address or number; 0 where only `symbol` is known */
    const char *symbol; /* linker name of what another file defines, or NULL; borrowed */
};

/* `module` is borrowed and must outlive the result. NULL without memory or file. */
struct hs_module_words *hs_module_words_create(Dwfl_Module *module);
void hs_module_words_destroy(struct hs_module_words *words);

/*
 * The word that belongs at memory address `address`; false where no module's file has
 * one.
 */
bool hs_symbols_word(struct hs_symbols *symbols, uint64_t address, struct hs_word *ret);

/* The NUL-terminated text at memory address `address`; NULL when there is none in a
 * module's file. Borrowed until the symbols are destroyed. */
const char *hs_symbols_file_text(struct hs_symbols *symbols, uint64_t address);

/* The linker name of the object or function that begins at or covers `address`, and where
 * it begins; NULL without a symbol. Borrowed as above. */
const char *hs_symbols_linker_name(struct hs_symbols *symbols, uint64_t address,
                                   uint64_t *ret_start);

#endif

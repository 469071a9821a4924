// SPDX-License-Identifier: MIT

/*
 * By the Itanium C++ ABI (2.5.2) a pointer to a table aims behind two words: the distance
 * from there to the top of the object, and the class's type_info, whose second word is the
 * mangled name. A symbol "_ZTV…" says the same where there is one. Stripped binaries keep
 * the type_info, programs without RTTI keep the symbols; a table must show one of them.
 */

#include "libheapsnap/types/vtable.h"

#include <libiberty/demangle.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/base/guard.h"
#include "libheapsnap/symbols/text.h"
#include "libheapsnap/symbols/words.h"

#define TOP_MAX (1u << 20)

struct answer {
    uint64_t address; /* 0: empty */
    bool is_table;
    struct hs_vtable table;
};

struct hs_vtables {
    struct hs_symbols *symbols;
    struct hs_text text;
    struct answer **answers; /* open hash */
    size_t count, room;      /* a power of two */
};

struct hs_vtables *hs_vtables_create(struct hs_symbols *symbols)
{
    struct hs_vtables *vtables = calloc(1, sizeof(*vtables));
    if (!vtables)
        return NULL;
    vtables->symbols = symbols;
    vtables->room = 256;
    vtables->answers = calloc(vtables->room, sizeof(struct answer *));
    if (vtables->answers)
        return vtables;
    free(vtables);
    return NULL;
}

void hs_vtables_destroy(struct hs_vtables *vtables)
{
    if (!vtables)
        return;
    free(vtables->answers);
    hs_text_deinit(&vtables->text);
    free(vtables);
}

/* What stands behind `prefix` when the linker name is demangled. */
static const char *demangle(struct hs_vtables *vtables, const char *linker_name,
                            const char *prefix)
{
    hs_auto_free char *name = cplus_demangle(linker_name, DMGL_PARAMS | DMGL_ANSI);
    size_t length = strlen(prefix);
    if (!name || strncmp(name, prefix, length) != 0)
        return NULL;
    return hs_text_copy(&vtables->text, name + length);
}

/* Is the type_info at `address` one? Its own table is the language library's. */
static bool is_type_info(struct hs_vtables *vtables, uint64_t address)
{
    static const char family[] = "_ZTVN10__cxxabiv1";
    struct hs_word word;
    uint64_t start;
    if (!hs_symbols_word(vtables->symbols, address, &word))
        return false;
    const char *table =
        word.symbol ? word.symbol
                    : hs_symbols_linker_name(vtables->symbols, word.value, &start);
    /* Without any symbol the name's shape has to do. */
    return !table || strncmp(table, family, sizeof(family) - 1) == 0;
}

static const char *name_by_type_info(struct hs_vtables *vtables, uint64_t slot)
{
    static const char prefix[] = "typeinfo for ";
    struct hs_word info, name;
    if (!hs_symbols_word(vtables->symbols, slot, &info))
        return NULL;
    if (info.symbol)
        return demangle(vtables, info.symbol, prefix);
    if (!is_type_info(vtables, info.value)
        || !hs_symbols_word(vtables->symbols, info.value + 8, &name) || name.symbol)
        return NULL;
    const char *text = hs_symbols_file_text(vtables->symbols, name.value);
    if (!text || strlen(text) > 4000)
        return NULL;
    char linker_name[4096];
    snprintf(linker_name, sizeof(linker_name), "_ZTI%s", text + (text[0] == '*'));
    return demangle(vtables, linker_name, prefix);
}

static const char *name_by_symbol(struct hs_vtables *vtables, uint64_t address)
{
    uint64_t start;
    const char *symbol = hs_symbols_linker_name(vtables->symbols, address - 16, &start);
    if (!symbol || strncmp(symbol, "_ZTV", 4) != 0)
        return NULL;
    return demangle(vtables, symbol, "vtable for ");
}

static bool read_table(struct hs_vtables *vtables, uint64_t address,
                       struct hs_vtable *ret)
{
    struct hs_word top;
    if (address % 8 != 0 || !hs_symbols_word(vtables->symbols, address - 16, &top)
        || top.symbol || -top.value > TOP_MAX)
        return false;
    const char *name = name_by_symbol(vtables, address);
    if (!name)
        name = name_by_type_info(vtables, address - 8);
    *ret = (struct hs_vtable){name, -top.value};
    return name != NULL;
}

static struct answer **answer_slot(struct answer **answers, size_t room, uint64_t address)
{
    size_t at = (address >> 3) * 0x9e3779b97f4a7c15ull >> 32 & (room - 1);
    while (answers[at] && answers[at]->address != address)
        at = (at + 1) & (room - 1);
    return &answers[at];
}

static bool grow(struct hs_vtables *vtables)
{
    size_t room = vtables->room * 2;
    struct answer **answers = calloc(room, sizeof(struct answer *));
    if (!answers)
        return false;
    for (size_t i = 0; i < vtables->room; i++)
        if (vtables->answers[i])
            *answer_slot(answers, room, vtables->answers[i]->address) =
                vtables->answers[i];
    free(vtables->answers);
    vtables->answers = answers;
    vtables->room = room;
    return true;
}

const struct hs_vtable *hs_vtables_find(struct hs_vtables *vtables, uint64_t address)
{
    struct answer **slot = answer_slot(vtables->answers, vtables->room, address);
    if (!*slot) {
        struct answer *answer = hs_text_allocate(&vtables->text, sizeof(*answer));
        if (!answer || (vtables->count * 2 >= vtables->room && !grow(vtables)))
            return NULL;
        *answer = (struct answer){.address = address};
        answer->is_table = read_table(vtables, address, &answer->table);
        *answer_slot(vtables->answers, vtables->room, address) = answer;
        vtables->count++;
        return answer->is_table ? &answer->table : NULL;
    }
    return (*slot)->is_table ? &(*slot)->table : NULL;
}

// SPDX-License-Identifier: MIT

/*
 * One file of the observed process, opened when the first of its addresses is asked for.
 */

#ifndef HEAPSNAP_SYMBOLS_MODULE_H
#define HEAPSNAP_SYMBOLS_MODULE_H

#include <elfutils/libdwfl.h>
#include <stdbool.h>

#include "heapsnap/capture.h"
#include "libheapsnap/symbols/dwarf.h"
#include "libheapsnap/symbols/table.h"
#include "libheapsnap/symbols/words.h"

enum hs_module_state {
    HS_MODULE_UNOPENED = 0,
    HS_MODULE_READY,
    HS_MODULE_MISSING, /* no such file any more, or no file at all */
    HS_MODULE_CHANGED, /* the file on disk is not the one that was mapped */
};

struct hs_symbol_module {
    const struct hs_capture_module *info; /* borrowed from the capture */
    const char *path, *name;              /* name: what people call it */
    enum hs_module_state state;
    Dwfl *dwfl;
    Dwfl_Module *dwfl_module;
    bool has_tables, has_dwarf, has_words; /* looked for */
    struct hs_tables tables;
    struct hs_dwarf *dwarf;
    Dwarf_Addr dwarf_bias;
    struct hs_module_words *words;
};

extern const Dwfl_Callbacks hs_module_callbacks;

/* Open the file unless that was tried before; the outcome is `state`. */
void hs_module_open(struct hs_symbol_module *module);
void hs_module_close(struct hs_symbol_module *module);

/* Report the module to another Dwfl, at the place where it was mapped; false when that is
 * impossible, or when the file is not the one that was mapped. */
bool hs_module_report(const struct hs_symbol_module *module, Dwfl *dwfl);

/* Loaded on first use; empty when the module is not ready. */
const struct hs_tables *hs_module_tables(struct hs_symbol_module *module);

/* Bytes of the module's thread-local block, rounded up to its alignment; 0 = has none. */
uint64_t hs_module_tls_size(struct hs_symbol_module *module);

/* NULL without debug information. */
struct hs_dwarf *hs_module_dwarf(struct hs_symbol_module *module);

#endif

// SPDX-License-Identifier: MIT

/*
 * What the files of this folder share: the modules, the caches, and one look-up.
 */

#ifndef HEAPSNAP_SYMBOLS_INTERNAL_H
#define HEAPSNAP_SYMBOLS_INTERNAL_H

#include "heapsnap/symbols.h"
#include "libheapsnap/base/array.h"
#include "libheapsnap/symbols/module.h"
#include "libheapsnap/symbols/text.h"

struct hs_unwind;

/* One answered address: an open hash table's entry; empty when `frames` is NULL. */
struct hs_symbol_answer {
    uint64_t address;
    uint32_t module;
    uint32_t count;
    const struct hs_symbol_frame *frames;
};

struct hs_symbols {
    const struct hs_capture *capture;
    struct hs_text text;
    struct hs_symbol_module *modules; /* as many as the capture's */
    uint32_t *by_address;             /* modules still loaded, ascending by start */
    size_t n_by_address;
    struct hs_symbol_answer *answers;
    size_t n_answers, answers_room; /* room: a power of two */
    const char **sites;             /* by stack; NULL = not asked yet */
    const char **stack_texts;
    struct hs_unwind *unwind; /* by thread; created on first use */
    HS_ARRAY(const char *) notes;
};

/* Index of the loaded module that holds `address`, or UINT32_MAX. */
uint32_t hs_symbols_module_at(const struct hs_symbols *symbols, uint64_t address);

/* The frames of a return address in a module known by index, or UINT32_MAX. */
size_t hs_symbols_resolve(struct hs_symbols *symbols, uint64_t return_address,
                          uint32_t module, const struct hs_symbol_frame **ret);

/* Whose thread-local block `address` is in, and where: the index of its module, or
 * UINT32_MAX. Only the program's own is known. */
uint32_t hs_symbols_thread_offset(struct hs_symbols *symbols, uint64_t thread_pointer,
                                  uint64_t address, uint64_t *ret);

/* unwind.c */

/* The frame that a slot of a thread's stack belongs to: an address inside its call, and
 * its canonical frame address. False as for hs_symbols_slot(). */
bool hs_symbols_slot_frame(struct hs_symbols *symbols, size_t thread, uint64_t address,
                           uint64_t *ret_pc, uint64_t *ret_cfa);
void hs_unwind_destroy(struct hs_unwind *unwind, size_t n_threads);

#endif

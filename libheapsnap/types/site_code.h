// SPDX-License-Identifier: MIT

/*
 * The few instructions behind a call: where does the result go?
 *
 * Compilers move it to a register that survives calls, store it, or hand it on as the first
 * argument of a constructor. Those patterns are read, with what may stand between them;
 * anything else ends the reading.
 */

#ifndef HEAPSNAP_TYPES_SITE_CODE_H
#define HEAPSNAP_TYPES_SITE_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hs_store_kind {
    HS_STORE_REGISTER, /* now also in register `base` (DWARF's number) */
    HS_STORE_MEMORY,   /* at register `base` + `offset` */
    HS_STORE_STATIC,   /* at address `offset` */
    HS_STORE_CALL,     /* first argument of a call to `offset` */
};

struct hs_store {
    enum hs_store_kind kind;
    unsigned base;
    int64_t offset;
    uint64_t address; /* behind the instruction */
    /* MEMORY: `base` was loaded just before from `loaded_base` + `loaded_offset`. */
    bool is_loaded;
    unsigned loaded_base;
    int64_t loaded_offset;
};

/*
 * What happens to the result of the call that returns to `address`, in order; `code` is
 * what stands there. Returns how many were found, at most `n`; 0 on other machines.
 */
size_t hs_site_stores(const uint8_t *code, size_t size, uint64_t address,
                      struct hs_store *ret, size_t n);

#endif

// SPDX-License-Identifier: MIT

/*
 * The allocators in a process that calls to them reach without passing the shim.
 */

#ifndef HEAPSNAP_PROBES_PATCH_FIND_H
#define HEAPSNAP_PROBES_PATCH_FIND_H

#include <stddef.h>
#include <stdint.h>

#include "probes/patch/names.h"

#define HS_FOUND_FUNCTIONS_MAX 112
#define HS_FOUND_MAX 4

struct hs_found_function {
    uint64_t address;
    uint64_t size; /* as its symbol says; 0: unknown */
    enum hs_shape shape;
};

struct hs_found {
    enum hs_family family;
    uint32_t shapes; /* a bit for each, also of functions known by another name */
    size_t count;    /* of functions, each once */
    struct hs_found_function functions[HS_FOUND_FUNCTIONS_MAX];
};

/*
 * All of them, at the first allocation or later; `ret` has room for HS_FOUND_MAX. Returns
 * how many. Allocates nothing.
 */
size_t hs_allocators_search(struct hs_found *ret);

#endif

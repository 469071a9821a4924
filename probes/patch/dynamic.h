// SPDX-License-Identifier: MIT

/*
 * The dynamic symbols of the modules loaded at start: what they ask others for, and how
 * big the functions are that they offer. Lock-free, allocates nothing.
 */

#ifndef HEAPSNAP_PROBES_PATCH_DYNAMIC_H
#define HEAPSNAP_PROBES_PATCH_DYNAMIC_H

#include <stdbool.h>
#include <stdint.h>

/* Does the executable import `name`? */
bool hs_executable_imports(const char *name);

/* Does any module import a name for which `is_wanted` is true? */
bool hs_any_imports(bool (*is_wanted)(const char *name, const void *context),
                    const void *context);

/* The size of the exported function at `address`; 0 when unknown. */
uint64_t hs_dynamic_size(uint64_t address);

#endif

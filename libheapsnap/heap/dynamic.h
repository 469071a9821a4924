// SPDX-License-Identifier: MIT

/*
 * Private to heap/: does a loaded module define a function of this name for others? Asked
 * of its tables in memory, as the dynamic loader does, so that no file is needed.
 */

#ifndef HEAPSNAP_HEAP_DYNAMIC_H
#define HEAPSNAP_HEAP_DYNAMIC_H

#include <stdbool.h>
#include <stdint.h>

#include "libheapsnap/heap/reader.h"

struct hs_dynamic {
    uint64_t symbols, strings, hash; /* addresses; 0: it has none */
    bool is_go;                      /* it carries Go's build note */
};

/* False when the module's headers cannot be read. */
bool hs_dynamic_read(struct hs_reader *reader, const struct hs_memory_module *module,
                     struct hs_dynamic *ret);

bool hs_dynamic_defines(struct hs_reader *reader, const struct hs_dynamic *dynamic,
                        const char *name);

#endif

// SPDX-License-Identifier: MIT

/*
 * Setting up the table of modules, and looking at one without noting it.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_MODULE_TABLE_H
#define HEAPSNAP_PROBES_TRACKER_MODULE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "probes/tracker/modules.h"

bool hs_modules_init(void);

/* The module mapped at `address` now; false when the loader knows none. */
bool hs_module_read(uint64_t address, struct hs_module *ret);

/* The same for the unwinder: nothing copied, nothing looked at. */
struct hs_module_unwind {
    uint64_t start, end; /* mapped range; of an executable with gaps one segment */
    uint64_t bias;
    bool is_executable;
    uint64_t table;   /* .eh_frame_hdr, 0 without one */
    const char *path; /* the loader's: as long as the module is loaded */
};
bool hs_module_find_unwind(uint64_t address, struct hs_module_unwind *ret);

/* False where the loader cannot be asked without its lock: nothing is ever found then. */
bool hs_module_can_find(void);

#endif

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

#endif

// SPDX-License-Identifier: MIT

/*
 * Which file was mapped where, kept for ever: frames of a library that was unloaded must
 * still resolve. Append-only; a module is noted when its code first appears in a stack
 * (lock-free look-up by _dl_find_object where glibc has it), and all are refreshed from
 * the image's own /proc/self/maps at a snapshot.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_MODULES_H
#define HEAPSNAP_PROBES_TRACKER_MODULES_H

#include <stdbool.h>
#include <stdint.h>

#include "probes/abi.h"

struct hs_module {
    uint64_t start, end; /* mapped range */
    uint64_t bias;
    uint8_t build_id_size;
    uint8_t build_id[HS_BUILD_ID_MAX];
    char path[512]; /* cut when longer */
};

/* Index of the module that holds code at `address`, noting it on first sight; UINT32_MAX
 * when there is none (JIT code). Lock-free, no allocation but hs_raw_map. */
uint32_t hs_module_find(uint64_t address);

/* All modules noted so far. */
const struct hs_module *hs_module_table(uint32_t *ret_count);

/* Modules that found no place in the table. */
uint64_t hs_module_dropped_count(void);

/* Note a module known by other means (the image's maps). Returns its index. */
uint32_t hs_module_note(const struct hs_module *module);

#endif

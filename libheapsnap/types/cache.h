// SPDX-License-Identifier: MIT

/*
 * Tables on disk, one a build-id: what took seconds to read from DWARF is there in
 * milliseconds the next time.
 *
 * Only files of this user in a folder of this user are believed, and even those are
 * checked. Whatever is wrong with one means that there is none.
 */

#ifndef HEAPSNAP_TYPES_CACHE_H
#define HEAPSNAP_TYPES_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "libheapsnap/types/layout_table.h"

#define HS_CACHE_LIMIT (512ull * 1024 * 1024) /* bytes, where the caller has no wish */

/* `folder`: NULL for the user's own, "" for none. False when there is no table. */
bool hs_cache_load(const char *folder, const uint8_t *build_id, size_t build_id_size,
                   struct hs_layout_table *ret);

/* Without success nothing has changed, and nobody needs to know. When the folder grows
 * beyond `limit` bytes, tables that were not used for longest go. */
void hs_cache_save(const char *folder, const struct hs_layout_header *table,
                   uint64_t limit);

#endif

// SPDX-License-Identifier: MIT

/* The sections of a snapshot file, each from the cursor into its columns. */

#ifndef HEAPSNAP_SNAPSHOT_SECTIONS_H
#define HEAPSNAP_SNAPSHOT_SECTIONS_H

#include "heapsnap/snapshot.h"
#include "libheapsnap/snapshot/cursor.h"
#include "libheapsnap/snapshot/layout.h"

bool hs_section_nodes(struct hs_cursor *cursor, const struct hs_layout *layout,
                      struct hs_snapshot *snapshot);
bool hs_section_edges(struct hs_cursor *cursor, const struct hs_layout *layout,
                      struct hs_snapshot *snapshot);
bool hs_section_strings(struct hs_cursor *cursor, struct hs_snapshot *snapshot);
bool hs_section_locations(struct hs_cursor *cursor, const struct hs_layout *layout,
                          struct hs_snapshot *snapshot);
bool hs_section_trace_functions(struct hs_cursor *cursor, const struct hs_layout *layout,
                                struct hs_snapshot *snapshot);
bool hs_section_trace_tree(struct hs_cursor *cursor, struct hs_snapshot *snapshot);

/* "no memory"; returns false. */
bool hs_section_no_memory(const struct hs_cursor *cursor);

#endif

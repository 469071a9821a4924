// SPDX-License-Identifier: MIT

/* The steps of an analysis, in the order in which they build on each other. */

#ifndef HEAPSNAP_ANALYSIS_PARTS_H
#define HEAPSNAP_ANALYSIS_PARTS_H

#include "heapsnap/analysis.h"
#include "libheapsnap/snapshot/text.h"

struct hs_ephemerons;

struct hs_analysis_storage {
    struct hs_text_table keys;        /* of the classes */
    uint32_t *sizes;                  /* node_size where it differs from the snapshot's */
    struct hs_ephemerons *ephemerons; /* only during creation */
};

/* A direct child of the root that DevTools counts as the program's own. */
bool hs_is_user_root(const struct hs_snapshot *snapshot, uint32_t node);
bool hs_has_user_roots(const struct hs_snapshot *snapshot);

/* All return false when memory ends. */
bool hs_propagate_detachedness(struct hs_analysis *analysis);
bool hs_transfer_sizes(struct hs_analysis *analysis);
bool hs_measure_distances(struct hs_analysis *analysis);
bool hs_name_classes(struct hs_analysis *analysis, const struct hs_analysis *like);

/* What stands behind the place or the comma of a class key. */
const char *hs_class_key_name(const char *key);

/* The groups that only our own snapshots have. */
#define HS_GROUP_LOST "(Unreachable: leaked)"
#define HS_MODULE_SUFFIX " (.data, .bss)"

/* A group number in `keys` for every node; the array is the caller's. NULL when memory
 * ends. */
uint32_t *hs_group_nodes(const struct hs_analysis *analysis, enum hs_comparison_by by,
                         struct hs_text_table *keys);

/* Bit e: edge e counts for dominators. */
uint64_t *hs_find_essential_edges(const struct hs_analysis *analysis);
static inline bool hs_is_essential(const uint64_t *essential, uint32_t edge)
{
    return essential[edge / 64] >> (edge % 64) & 1;
}

/* Dominators, retained sizes, and `*ret_order`: all nodes so that a subtree of the
 * dominator tree is one range; `*ret_end[i]` is where the range that starts at i ends.
 * Both are the caller's. */
bool hs_find_dominators(struct hs_analysis *analysis, uint32_t **ret_order,
                        uint32_t **ret_end);

bool hs_count_classes(struct hs_analysis *analysis);
bool hs_retain_classes(struct hs_analysis *analysis, const uint32_t *order,
                       const uint32_t *end);

#endif

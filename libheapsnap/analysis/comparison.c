// SPDX-License-Identifier: MIT

/*
 * DevTools' Comparison: in every group the ids of both snapshots are merged; what is in
 * one only was added or removed, and what is in both is left alone, whatever its size did.
 *
 * Nodes are brought into the order (group, id) by counting sorts, because a comparison of
 * two big snapshots is otherwise nothing but sorting.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/analysis/parts.h"
#include "libheapsnap/base/guard.h"

#define DIGIT_BITS 11

struct hs_comparison_storage {
    struct hs_text_table keys;
};

/* One snapshot's nodes that count, grouped, ids ascending within a group. */
struct side {
    const struct hs_analysis *analysis;
    uint32_t *group; /* of a node */
    uint32_t *nodes;
    uint32_t *first; /* of a group; one entry more than groups */
    uint32_t count;
};

static void release_side(struct side *side)
{
    free(side->group);
    free(side->nodes);
    free(side->first);
}

void hs_comparison_destroy(struct hs_comparison *comparison)
{
    if (!comparison)
        return;
    struct hs_comparison_storage *storage = comparison->storage;
    if (storage)
        hs_text_table_deinit(&storage->keys);
    free(storage);
    free(comparison->rows);
    free(comparison->added_nodes);
    free(comparison);
}

HS_DEFINE_GUARD(guard_comparison, struct hs_comparison *, hs_comparison_destroy)

/* Stable, by one digit of the id. */
static void sort_by_digit(const uint32_t *ids, const uint32_t *from, uint32_t *to,
                          uint32_t count, unsigned shift)
{
    uint32_t places[1 << DIGIT_BITS] = {0}, place = 0;
    for (uint32_t i = 0; i < count; i++)
        places[ids[from[i]] >> shift & ((1 << DIGIT_BITS) - 1)]++;
    for (unsigned digit = 0; digit < 1 << DIGIT_BITS; digit++) {
        uint32_t size = places[digit];
        places[digit] = place;
        place += size;
    }
    for (uint32_t i = 0; i < count; i++)
        to[places[ids[from[i]] >> shift & ((1 << DIGIT_BITS) - 1)]++] = from[i];
}

static bool sort_side(struct side *side, uint32_t groups)
{
    const struct hs_analysis *analysis = side->analysis;
    const struct hs_snapshot *snapshot = analysis->snapshot;
    size_t room = (size_t)snapshot->node_count + 1;
    side->nodes = malloc(room * sizeof(*side->nodes));
    side->first = calloc((size_t)groups + 2, sizeof(*side->first));
    hs_auto_free uint32_t *other = malloc(room * sizeof(*other));
    if (!side->nodes || !side->first || !other)
        return false;
    bool is_sorted = true;
    for (uint32_t node = 0, last = 0; node < snapshot->node_count; node++)
        if (analysis->node_size[node] > 0) {
            other[side->count++] = node;
            is_sorted = is_sorted && snapshot->node_id[node] >= last;
            last = snapshot->node_id[node];
        }
    if (!is_sorted) {
        uint32_t *from = other, *to = side->nodes;
        for (unsigned shift = 0; shift < 32; shift += DIGIT_BITS) {
            sort_by_digit(snapshot->node_id, from, to, side->count, shift);
            uint32_t *swap = from;
            from = to;
            to = swap;
        }
        if (from == side->nodes)
            memcpy(other, side->nodes, side->count * sizeof(*other));
    }
    uint32_t *place = side->first + 1;
    for (uint32_t i = 0; i < side->count; i++)
        place[side->group[other[i]] + 1]++;
    for (uint32_t group = 0; group < groups; group++)
        place[group] += group > 0 ? place[group - 1] : 0;
    for (uint32_t i = 0; i < side->count; i++)
        side->nodes[place[side->group[other[i]]]++] = other[i];
    return true; /* first[g] is now where group g begins */
}

static void add(struct hs_comparison *comparison, struct hs_comparison_row *row,
                const struct side *side, uint32_t node)
{
    comparison->added_nodes[row->first_added + row->added++] = node;
    row->added_bytes += side->analysis->node_size[node];
}

static void merge(struct hs_comparison *comparison, struct hs_comparison_row *row,
                  const struct side *before, const struct side *after, uint32_t group)
{
    const uint32_t *old_ids = before->analysis->snapshot->node_id;
    const uint32_t *new_ids = after->analysis->snapshot->node_id;
    uint32_t b = before->first[group], b_end = before->first[group + 1];
    uint32_t a = after->first[group], a_end = after->first[group + 1];
    row->count_before = b_end - b;
    row->count_after = a_end - a;
    for (uint32_t i = b; i < b_end; i++)
        row->bytes_before += before->analysis->node_size[before->nodes[i]];
    for (uint32_t i = a; i < a_end; i++)
        row->bytes_after += after->analysis->node_size[after->nodes[i]];
    while (b < b_end || a < a_end) {
        uint32_t old_node = b < b_end ? before->nodes[b] : 0;
        uint32_t new_node = a < a_end ? after->nodes[a] : 0;
        if (b < b_end && a < a_end && old_ids[old_node] == new_ids[new_node]) {
            b++;
            a++;
        } else if (a == a_end || (b < b_end && old_ids[old_node] < new_ids[new_node])) {
            row->removed++;
            row->removed_bytes += before->analysis->node_size[old_node];
            b++;
        } else {
            add(comparison, row, after, new_node);
            a++;
        }
    }
}

static int by_growth(const void *left, const void *right)
{
    const struct hs_comparison_row *a = left, *b = right;
    int64_t a_bytes = (int64_t)(a->added_bytes - a->removed_bytes);
    int64_t b_bytes = (int64_t)(b->added_bytes - b->removed_bytes);
    if (a_bytes != b_bytes)
        return a_bytes < b_bytes ? 1 : -1;
    if (a->added != b->added)
        return a->added < b->added ? 1 : -1;
    return strcmp(a->name, b->name);
}

static bool fill(struct hs_comparison *comparison, const struct side *before,
                 const struct side *after)
{
    struct hs_comparison_storage *storage = comparison->storage;
    uint32_t groups = storage->keys.count, added = 0;
    comparison->rows = calloc((size_t)groups + 1, sizeof(*comparison->rows));
    comparison->added_nodes = malloc(((size_t)after->count + 1) * sizeof(uint32_t));
    if (!comparison->rows || !comparison->added_nodes)
        return false;
    for (uint32_t group = 0; group < groups; group++) {
        struct hs_comparison_row *row = &comparison->rows[comparison->row_count];
        *row = (struct hs_comparison_row){
            .name = hs_class_key_name(storage->keys.at[group]),
            .first_added = added,
        };
        merge(comparison, row, before, after, group);
        added += row->added;
        comparison->row_count += row->added > 0 || row->removed > 0;
    }
    if (comparison->row_count > 0)
        qsort(comparison->rows, comparison->row_count, sizeof(*comparison->rows),
              by_growth);
    return true;
}

int hs_comparison_create(const struct hs_analysis *before,
                         const struct hs_analysis *after, enum hs_comparison_by by,
                         struct hs_comparison **ret, struct hs_error *err)
{
    hs_auto(guard_comparison) struct hs_comparison *comparison =
        calloc(1, sizeof(*comparison));
    struct hs_comparison_storage *storage = calloc(1, sizeof(*storage));
    if (!comparison || !storage) {
        free(storage);
        return hs_error_set(err, ENOMEM, "no memory to compare snapshots");
    }
    comparison->storage = storage;
    hs_auto(release_side) struct side old = {.analysis = before};
    hs_auto(release_side) struct side new = {.analysis = after};
    old.group = hs_group_nodes(before, by, &storage->keys);
    new.group = hs_group_nodes(after, by, &storage->keys);
    if (!old.group || !new.group || !sort_side(&old, storage->keys.count)
        || !sort_side(&new, storage->keys.count) || !fill(comparison, &old, &new))
        return hs_error_set(err, ENOMEM,
                            "no memory to compare snapshots of %u and %u nodes",
                            before->snapshot->node_count, after->snapshot->node_count);
    *ret = hs_take(comparison);
    return 0;
}

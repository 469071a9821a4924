// SPDX-License-Identifier: MIT

/*
 * Only the first and the last snapshot stay in memory. Those between are loaded one at a
 * time, for the growth from step to step: a leak grows in every one.
 */

#include "tools/compare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/base/guard.h"

#define NAME_SIZE 1024
#define TEXT_SIZE 4096
/* Walking to the root from deep in a list takes time; nobody reads more rows than this. */
#define ROWS_EXPLAINED 100

HS_DEFINE_GUARD(guard_snapshot, struct hs_snapshot *, hs_snapshot_destroy)
HS_DEFINE_GUARD(guard_analysis, struct hs_analysis *, hs_analysis_destroy)
HS_DEFINE_GUARD(guard_comparison, struct hs_comparison *, hs_comparison_destroy)

void hs_compare_deinit(struct hs_compare *compare)
{
    for (size_t i = 0; i < compare->row_count; i++) {
        free(compare->rows[i].name);
        free(compare->rows[i].stack);
        free(compare->rows[i].held_by);
        free(compare->rows[i].steps);
        free(compare->rows[i].reason);
    }
    free(compare->rows);
    hs_comparison_destroy(compare->comparison);
    hs_analysis_destroy(compare->before_analysis);
    hs_analysis_destroy(compare->after_analysis);
    hs_snapshot_destroy(compare->before);
    hs_snapshot_destroy(compare->after);
}

struct hs_growth hs_compare_growth(const struct hs_compare_row *row)
{
    return (struct hs_growth){
        .name = row->name,
        .stack = row->stack,
        .bytes_before = row->row->bytes_before,
        .bytes_after = row->row->bytes_after,
        .count_before = row->row->count_before,
        .count_after = row->row->count_after,
    };
}

/* The node that stands for all new ones: the nearest to a root, allocated where most of
 * them were. */
static uint32_t choose_node(const struct hs_analysis *analysis, const uint32_t *nodes,
                            size_t count, uint32_t site)
{
    uint32_t best = HS_ANALYSIS_NONE;
    int64_t best_distance = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t distance = analysis->distance[nodes[i]];
        if (distance < 0)
            distance = INT64_MAX;
        if ((best != HS_ANALYSIS_NONE && distance >= best_distance)
            || (site != HS_ANALYSIS_NONE
                && hs_site_find(analysis->snapshot, nodes[i]) != site))
            continue;
        best = nodes[i];
        best_distance = distance;
    }
    return best;
}

static bool explain(const struct hs_compare *compare, struct hs_compare_row *row)
{
    const struct hs_analysis *analysis = compare->after_analysis;
    const uint32_t *nodes = compare->comparison->added_nodes + row->row->first_added;
    size_t count = row->row->added;
    row->is_explained = true;
    if (count == 0)
        return true;
    char text[TEXT_SIZE];
    uint32_t site = hs_site_find_main(analysis->snapshot, nodes, count);
    if (site != HS_ANALYSIS_NONE) {
        hs_site_text(analysis->snapshot, site, text, sizeof(text));
        row->stack = strdup(text);
        if (!row->stack)
            return false;
    }
    uint32_t node = choose_node(analysis, nodes, count, site);
    row->is_lost = !hs_holder_text(analysis, node, text, sizeof(text));
    if (!row->is_lost)
        row->held_by = strdup(text);
    return row->is_lost || row->held_by;
}

static bool raise_event(struct hs_compare_row *row, const struct hs_threshold *threshold)
{
    char reason[256];
    struct hs_growth growth = hs_compare_growth(row);
    if (!hs_threshold_crossed(threshold, &growth, reason, sizeof(reason)))
        return true;
    row->reason = strdup(reason);
    return row->reason != NULL;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static bool fill_rows(struct hs_compare *compare,
                      const struct hs_compare_options *options)
{
    const struct hs_comparison *comparison = compare->comparison;
    compare->rows = calloc(comparison->row_count + 1, sizeof(*compare->rows));
    if (!compare->rows)
        return false;
    for (size_t i = 0; i < comparison->row_count; i++) {
        const struct hs_comparison_row *row = &comparison->rows[i];
        char name[NAME_SIZE];
        hs_name_text(compare->after, row->name, name, sizeof(name));
        if (!hs_view_matches(&options->view, name,
                             larger(row->added_bytes, row->removed_bytes)))
            continue;
        struct hs_compare_row *out = &compare->rows[compare->row_count++];
        out->row = row;
        out->name = strdup(name);
        if (!out->name || (compare->row_count <= ROWS_EXPLAINED && !explain(compare, out))
            || (options->has_threshold && !raise_event(out, &options->threshold)))
            return false;
        if (out->reason) {
            compare->event_count++;
            if (!out->is_explained && !explain(compare, out))
                return false;
        }
    }
    return true;
}

static int load(const char *path, const struct hs_analysis *like,
                struct hs_snapshot **ret, struct hs_analysis **ret_analysis,
                struct hs_error *err)
{
    hs_auto(guard_snapshot) struct hs_snapshot *snapshot = NULL;
    hs_auto(guard_analysis) struct hs_analysis *analysis = NULL;
    struct hs_analysis_options options = {.like = like};
    int result = hs_snapshot_load(path, &snapshot, err);
    if (result < 0)
        return result;
    result = hs_analysis_create(snapshot, &options, &analysis, err);
    if (result < 0)
        return result;
    *ret = hs_take(snapshot);
    *ret_analysis = hs_take(analysis);
    return 0;
}

struct level {
    const char *name;
    uint64_t bytes;
};

static int by_name(const void *left, const void *right)
{
    return strcmp(((const struct level *)left)->name,
                  ((const struct level *)right)->name);
}

/* The bytes of every row in a snapshot between, as negative or positive steps on both of
 * its sides. A group that did not change since then has the size it has at the end. */
static int add_level(struct hs_compare *compare, const struct hs_compare_options *options,
                     size_t file, struct hs_error *err)
{
    hs_auto(guard_snapshot) struct hs_snapshot *snapshot = NULL;
    hs_auto(guard_analysis) struct hs_analysis *analysis = NULL;
    hs_auto(guard_comparison) struct hs_comparison *comparison = NULL;
    int result =
        load(options->files[file], compare->after_analysis, &snapshot, &analysis, err);
    if (result == 0)
        result = hs_comparison_create(analysis, compare->after_analysis, options->by,
                                      &comparison, err);
    if (result < 0)
        return result;
    hs_auto_free struct level *levels =
        malloc((comparison->row_count + 1) * sizeof(*levels));
    if (!levels)
        return hs_error_set(err, ENOMEM, "no memory to compare %s", options->files[file]);
    for (size_t i = 0; i < comparison->row_count; i++)
        levels[i] =
            (struct level){comparison->rows[i].name, comparison->rows[i].bytes_before};
    qsort(levels, comparison->row_count, sizeof(*levels), by_name);
    for (size_t i = 0; i < compare->row_count; i++) {
        struct hs_compare_row *row = &compare->rows[i];
        struct level key = {.name = row->row->name};
        const struct level *found =
            bsearch(&key, levels, comparison->row_count, sizeof(*levels), by_name);
        uint64_t bytes = found ? found->bytes : row->row->bytes_after;
        row->steps[file - 1] += (int64_t)bytes;
        row->steps[file] -= (int64_t)bytes;
    }
    return 0;
}

static int fill_steps(struct hs_compare *compare,
                      const struct hs_compare_options *options, struct hs_error *err)
{
    size_t steps = options->file_count - 1;
    for (size_t i = 0; i < compare->row_count; i++) {
        struct hs_compare_row *row = &compare->rows[i];
        row->steps = calloc(steps, sizeof(*row->steps));
        if (!row->steps)
            return hs_error_set(err, ENOMEM, "no memory to compare %zu files", steps + 1);
        row->steps[0] -= (int64_t)row->row->bytes_before;
        row->steps[steps - 1] += (int64_t)row->row->bytes_after;
    }
    for (size_t file = 1; file < steps; file++) {
        int result = add_level(compare, options, file, err);
        if (result < 0)
            return result;
    }
    return 0;
}

int hs_compare_init(struct hs_compare *ret, const struct hs_compare_options *options,
                    struct hs_error *err)
{
    *ret = (struct hs_compare){0};
    const char *last = options->files[options->file_count - 1];
    int result = load(last, NULL, &ret->after, &ret->after_analysis, err);
    if (result == 0)
        result = load(options->files[0], ret->after_analysis, &ret->before,
                      &ret->before_analysis, err);
    if (result == 0)
        result = hs_comparison_create(ret->before_analysis, ret->after_analysis,
                                      options->by, &ret->comparison, err);
    if (result == 0 && !fill_rows(ret, options))
        result = hs_error_set(err, ENOMEM, "no memory to compare %s", last);
    if (result == 0)
        result = fill_steps(ret, options, err);
    if (result < 0)
        hs_compare_deinit(ret);
    return result;
}

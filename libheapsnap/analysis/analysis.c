// SPDX-License-Identifier: MIT

/* The order of the steps, which is DevTools' own: names before classes, sizes before
 * what they add up to. */

#include "heapsnap/analysis.h"

#include <errno.h>
#include <stdlib.h>

#include "libheapsnap/analysis/ephemerons.h"
#include "libheapsnap/analysis/interfaces.h"
#include "libheapsnap/analysis/parts.h"
#include "libheapsnap/base/guard.h"

void hs_analysis_destroy(struct hs_analysis *analysis)
{
    if (!analysis)
        return;
    struct hs_analysis_storage *storage = analysis->storage;
    if (storage) {
        hs_ephemerons_destroy(storage->ephemerons);
        hs_text_table_deinit(&storage->keys);
        free(storage->sizes);
        free(storage);
    }
    hs_interfaces_destroy(analysis->interfaces);
    free(analysis->node_class);
    free(analysis->node_detachedness);
    free(analysis->node_is_renamed);
    free(analysis->distance);
    free(analysis->reached_by);
    free(analysis->reached_from);
    free(analysis->order);
    free(analysis->dominator);
    free(analysis->retained);
    free(analysis->classes);
    free(analysis);
}

HS_DEFINE_GUARD(guard_analysis, struct hs_analysis *, hs_analysis_destroy)

static bool find_retained(struct hs_analysis *analysis)
{
    hs_auto_free uint32_t *order = NULL;
    hs_auto_free uint32_t *end = NULL;
    return hs_find_dominators(analysis, &order, &end)
           && hs_retain_classes(analysis, order, end);
}

int hs_analysis_create(const struct hs_snapshot *snapshot,
                       const struct hs_analysis_options *options,
                       struct hs_analysis **ret, struct hs_error *err)
{
    static const struct hs_analysis_options none;
    if (!options)
        options = &none;
    hs_auto(guard_analysis) struct hs_analysis *analysis = calloc(1, sizeof(*analysis));
    if (!analysis)
        return hs_error_set(err, ENOMEM, "no memory to analyse a snapshot");
    analysis->snapshot = snapshot;
    struct hs_analysis_storage *storage = calloc(1, sizeof(*storage));
    analysis->storage = storage;
    if (!storage || !(storage->ephemerons = hs_ephemerons_create(snapshot))
        || !hs_propagate_detachedness(analysis) || !hs_transfer_sizes(analysis)
        || !hs_measure_distances(analysis) || !hs_name_classes(analysis, options->like)
        || !hs_count_classes(analysis)
        || (options->with_retained && !find_retained(analysis)))
        return hs_error_set(err, ENOMEM, "no memory to analyse a snapshot of %u nodes",
                            snapshot->node_count);
    hs_ephemerons_destroy(hs_take(storage->ephemerons));
    *ret = hs_take(analysis);
    return 0;
}

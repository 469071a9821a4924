// SPDX-License-Identifier: MIT

/* Birth and death of a snapshot; the columns are filled by builder.c or load.c. */

#include "heapsnap/snapshot.h"

#include <jansson.h>
#include <stdlib.h>

#include "libheapsnap/snapshot/storage.h"

struct hs_snapshot *hs_snapshot_create(void)
{
    struct hs_snapshot *snapshot = calloc(1, sizeof(*snapshot));
    if (!snapshot)
        return NULL;
    snapshot->storage = calloc(1, sizeof(struct hs_snapshot_storage));
    snapshot->metadata = json_object();
    if (!snapshot->storage || !snapshot->metadata) {
        hs_snapshot_destroy(snapshot);
        return NULL;
    }
    return snapshot;
}

void hs_snapshot_destroy(struct hs_snapshot *snapshot)
{
    if (!snapshot)
        return;
    struct hs_snapshot_storage *storage = snapshot->storage;
    if (storage) {
        /* A builder's table owns the array of strings too. */
        if (storage->texts.at == snapshot->strings)
            snapshot->strings = NULL;
        hs_text_table_deinit(&storage->texts);
        free(storage->text);
        free(storage);
    }
    free(snapshot->strings);
    free(snapshot->node_type);
    free(snapshot->node_name);
    free(snapshot->node_id);
    free(snapshot->node_size);
    free(snapshot->node_detachedness);
    free(snapshot->node_trace);
    free(snapshot->first_edge);
    free(snapshot->edge_type);
    free(snapshot->edge_name);
    free(snapshot->edge_to);
    for (uint32_t i = 0; i < snapshot->other_type_count; i++)
        free(snapshot->other_types[i]);
    free(snapshot->other_types);
    free(snapshot->locations);
    free(snapshot->trace_functions);
    free(snapshot->trace_nodes);
    json_decref(snapshot->metadata);
    free(snapshot);
}

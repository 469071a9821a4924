// SPDX-License-Identifier: MIT

/*
 * Growing columns. Edges may come in any order, because who finds them (a scan by
 * address, a walk over modules) has another order than the file needs; a counting sort by
 * source puts them right in two passes, and is left out when they came in order anyway.
 */

#include "heapsnap/snapshot.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "libheapsnap/base/array.h"
#include "libheapsnap/base/guard.h"
#include "libheapsnap/snapshot/storage.h"

struct edge {
    uint32_t from, name, to;
};

struct hs_snapshot_builder {
    struct hs_text_table texts;
    HS_ARRAY(uint8_t) types;
    HS_ARRAY(uint32_t) names;
    HS_ARRAY(uint32_t) ids;
    HS_ARRAY(uint32_t) sizes;
    HS_ARRAY(uint8_t) detachedness;
    HS_ARRAY(struct edge) edges;
    HS_ARRAY(uint8_t) edge_types;
    bool is_unsorted;
    int failure; /* errno of the first thing that went wrong, else 0 */
};

int hs_snapshot_builder_create(struct hs_snapshot_builder **ret, struct hs_error *err)
{
    struct hs_snapshot_builder *builder = calloc(1, sizeof(*builder));
    if (!builder)
        return hs_error_set(err, ENOMEM, "no memory for a snapshot");
    /* V8 keeps number 0 for "no string"; tools that know V8 expect it. */
    hs_snapshot_builder_string(builder, "<dummy>");
    *ret = builder;
    return 0;
}

void hs_snapshot_builder_destroy(struct hs_snapshot_builder *builder)
{
    if (!builder)
        return;
    hs_text_table_deinit(&builder->texts);
    free(builder->types.at);
    free(builder->names.at);
    free(builder->ids.at);
    free(builder->sizes.at);
    free(builder->detachedness.at);
    free(builder->edges.at);
    free(builder->edge_types.at);
    free(builder);
}

HS_DEFINE_GUARD(guard_builder, struct hs_snapshot_builder *, hs_snapshot_builder_destroy)

static uint32_t fail(struct hs_snapshot_builder *builder, int code)
{
    if (builder->failure == 0)
        builder->failure = code;
    return 0;
}

uint32_t hs_snapshot_builder_string(struct hs_snapshot_builder *builder, const char *text)
{
    uint32_t number = hs_text_table_add(&builder->texts, text, strlen(text));
    return number == HS_TEXT_NONE ? fail(builder, ENOMEM) : number;
}

uint32_t hs_snapshot_builder_node(struct hs_snapshot_builder *builder,
                                  enum hs_node_type type, uint32_t name, uint32_t id,
                                  uint32_t size, uint8_t detachedness)
{
    /* Node indexes in the file are ordinal x 7 and must stay below 2^32. */
    if (builder->types.count >= UINT32_MAX / 7)
        return fail(builder, EOVERFLOW);
    if (name >= builder->texts.count || type > HS_NODE_OBJECT_SHAPE)
        return fail(builder, EINVAL);
    if (!hs_array_push(&builder->types, (uint8_t)type)
        || !hs_array_push(&builder->names, name) || !hs_array_push(&builder->ids, id)
        || !hs_array_push(&builder->sizes, size)
        || !hs_array_push(&builder->detachedness, detachedness))
        return fail(builder, ENOMEM);
    return (uint32_t)(builder->types.count - 1);
}

void hs_snapshot_builder_rename(struct hs_snapshot_builder *builder, uint32_t node,
                                uint32_t name)
{
    if (node >= builder->names.count || name >= builder->texts.count)
        fail(builder, EINVAL);
    else
        builder->names.at[node] = name;
}

void hs_snapshot_builder_edge(struct hs_snapshot_builder *builder, uint32_t from,
                              enum hs_edge_type type, uint32_t name_or_index, uint32_t to)
{
    if (builder->edges.count >= UINT32_MAX) {
        fail(builder, EOVERFLOW);
        return;
    }
    bool is_number = type == HS_EDGE_ELEMENT || type == HS_EDGE_HIDDEN;
    if (type > HS_EDGE_WEAK || (!is_number && name_or_index >= builder->texts.count)) {
        fail(builder, EINVAL);
        return;
    }
    size_t count = builder->edges.count;
    if (count > 0 && builder->edges.at[count - 1].from > from)
        builder->is_unsorted = true;
    if (!hs_array_push(&builder->edges, (struct edge){from, name_or_index, to})
        || !hs_array_push(&builder->edge_types, (uint8_t)type))
        fail(builder, ENOMEM);
}

static int check(const struct hs_snapshot_builder *builder, struct hs_error *err)
{
    size_t nodes = builder->types.count;
    if (builder->failure == ENOMEM)
        return hs_error_set(err, ENOMEM, "no memory for a snapshot of %zu nodes", nodes);
    if (builder->failure == EOVERFLOW)
        return hs_error_set(err, EOVERFLOW,
                            "the heap has more blocks or pointers than a snapshot can "
                            "hold; leave some out");
    if (builder->failure || nodes == 0)
        return hs_error_set(err, EINVAL,
                            "a snapshot needs a root, and every name and type "
                            "must be known");
    for (size_t i = 0; i < builder->edges.count; i++)
        if (builder->edges.at[i].from >= nodes || builder->edges.at[i].to >= nodes)
            return hs_error_set(err, EINVAL, "edge %zu joins a node that was never added",
                                i);
    return 0;
}

/* Group the edges by source, keeping the order of addition within one source. */
static void place_edges(const struct hs_snapshot_builder *builder,
                        struct hs_snapshot *snapshot)
{
    uint32_t *first = snapshot->first_edge;
    const struct edge *edges = builder->edges.at;
    size_t count = builder->edges.count;

    for (size_t i = 0; i < count; i++)
        first[edges[i].from + 1]++;
    for (uint32_t node = 0; node < snapshot->node_count; node++)
        first[node + 1] += first[node];
    for (size_t i = 0; i < count; i++) {
        uint32_t place = builder->is_unsorted ? first[edges[i].from]++ : (uint32_t)i;
        snapshot->edge_type[place] = builder->edge_types.at[i];
        snapshot->edge_name[place] = edges[i].name;
        snapshot->edge_to[place] = edges[i].to;
    }
    if (builder->is_unsorted) {
        /* Each entry has moved on to where the next node's edges begin. */
        memmove(first + 1, first, snapshot->node_count * sizeof(*first));
        first[0] = 0;
    }
}

static bool fill(struct hs_snapshot_builder *builder, struct hs_snapshot *snapshot)
{
    size_t edges = builder->edges.count;
    snapshot->node_count = (uint32_t)builder->types.count;
    snapshot->edge_count = (uint32_t)edges;
    snapshot->first_edge = calloc((size_t)snapshot->node_count + 1, sizeof(uint32_t));
    snapshot->edge_type = malloc(edges + 1);
    snapshot->edge_name = malloc((edges + 1) * sizeof(uint32_t));
    snapshot->edge_to = malloc((edges + 1) * sizeof(uint32_t));
    if (!snapshot->first_edge || !snapshot->edge_type || !snapshot->edge_name
        || !snapshot->edge_to)
        return false;
    place_edges(builder, snapshot);

    snapshot->node_type = hs_take(builder->types.at);
    snapshot->node_name = hs_take(builder->names.at);
    snapshot->node_id = hs_take(builder->ids.at);
    snapshot->node_size = hs_take(builder->sizes.at);
    snapshot->node_detachedness = hs_take(builder->detachedness.at);

    struct hs_snapshot_storage *storage = snapshot->storage;
    storage->texts = builder->texts;
    builder->texts = (struct hs_text_table){0};
    hs_text_table_seal(&storage->texts);
    snapshot->strings = storage->texts.at;
    snapshot->string_count = storage->texts.count;
    return true;
}

int hs_snapshot_builder_finish(struct hs_snapshot_builder *builder,
                               struct json_t *metadata, struct hs_snapshot **ret,
                               struct hs_error *err)
{
    hs_auto(guard_builder) struct hs_snapshot_builder *owned = builder;
    hs_auto(hs_guard_snapshot) struct hs_snapshot *snapshot = hs_snapshot_create();
    bool is_described = snapshot != NULL;
    if (metadata) {
        if (snapshot)
            is_described =
                json_object_set_new(snapshot->metadata, "heapsnap", metadata) == 0;
        else
            json_decref(metadata);
    }

    int result = check(owned, err);
    if (result < 0)
        return result;
    if (!is_described || !fill(owned, snapshot))
        return hs_error_set(err, ENOMEM, "no memory for a snapshot of %zu nodes",
                            owned->types.count);
    *ret = hs_take(snapshot);
    return 0;
}

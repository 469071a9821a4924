// SPDX-License-Identifier: MIT

/* A tree for programs: JSON objects inside each other, or CSV with a column for the depth. */

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "libheapsnap/base/guard.h"
#include "tools/outline.h"
#include "tools/table.h"

HS_DEFINE_GUARD(guard_json, json_t *, json_decref)
HS_DEFINE_GUARD(guard_table, struct hs_table *, hs_table_destroy)

static const char *edge_type(const struct hs_snapshot *snapshot, uint32_t edge)
{
    static const char *const names[] = {
        [HS_EDGE_CONTEXT] = "context",   [HS_EDGE_ELEMENT] = "element",
        [HS_EDGE_PROPERTY] = "property", [HS_EDGE_INTERNAL] = "internal",
        [HS_EDGE_HIDDEN] = "hidden",     [HS_EDGE_SHORTCUT] = "shortcut",
        [HS_EDGE_WEAK] = "weak",
    };
    uint8_t type = snapshot->edge_type[edge];
    return type < HS_EDGE_OTHER ? names[type] : "other";
}

static const char *edge_text(const struct hs_snapshot *snapshot, uint32_t edge,
                             char buffer[HS_NODE_TEXT])
{
    return hs_edge_text(snapshot, hs_edge_find_source(snapshot, edge), edge, buffer,
                        HS_NODE_TEXT);
}

static json_t *row_json(const struct hs_opened *opened, const struct hs_outline_row *row)
{
    char text[HS_NODE_TEXT];
    json_t *object = hs_node_json(opened->analysis, row->node);
    if (row->edge != HS_ANALYSIS_NONE) {
        json_object_set_new(object, "edge",
                            json_string(edge_text(opened->snapshot, row->edge, text)));
        json_object_set_new(object, "edge_type",
                            json_string(edge_type(opened->snapshot, row->edge)));
    }
    json_object_set_new(object, "shared", json_boolean(row->is_shared));
    json_object_set_new(object, "mark", json_string(hs_outline_mark_name(row->mark)));
    json_object_set_new(object, "left_out", json_integer(row->left_out));
    json_object_set_new(object, "left_out_bytes",
                        json_integer((json_int_t)row->left_out_bytes));
    if (!object || json_object_set_new(object, "rows", json_array()) != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

bool hs_outline_print_json(const struct hs_opened *opened,
                           const struct hs_outline *outline)
{
    hs_auto(guard_json) json_t *document =
        json_pack("{s:s, s:I}", "file", opened->path, "total_bytes",
                  (json_int_t)opened->analysis->total);
    /* The "rows" that a row of each depth goes into; borrowed from the document. */
    hs_auto_free json_t **lists = calloc(HS_OUTLINE_DEPTH + 2, sizeof(json_t *));
    if (!document || !lists || !hs_node_add_json(opened, outline->rows[0].node, document))
        return false;
    for (size_t i = 0; i < outline->count; i++) {
        const struct hs_outline_row *row = &outline->rows[i];
        json_t *object = row_json(opened, row);
        int result = row->depth == 0 ? json_object_set_new(document, "tree", object)
                                     : json_array_append_new(lists[row->depth], object);
        if (result != 0)
            return false;
        lists[row->depth + 1] = json_object_get(object, "rows");
    }
    return json_dumpf(document, stdout, JSON_INDENT(1)) == 0 && putchar('\n') != EOF;
}

bool hs_outline_print_csv(const struct hs_opened *opened,
                          const struct hs_outline *outline)
{
    static const struct hs_column columns[] = {
        {"depth", HS_ALIGN_RIGHT},    {"edge", HS_ALIGN_LEFT_CUT},
        {"id", HS_ALIGN_RIGHT},       {"distance", HS_ALIGN_RIGHT},
        {"shallow", HS_ALIGN_RIGHT},  {"retained", HS_ALIGN_RIGHT},
        {"class", HS_ALIGN_LEFT_CUT}, {"name", HS_ALIGN_LEFT_CUT},
        {"mark", HS_ALIGN_LEFT_CUT},
    };
    const struct hs_analysis *analysis = opened->analysis;
    hs_auto(guard_table) struct hs_table *table =
        hs_table_create(columns, sizeof(columns) / sizeof(*columns), true);
    for (size_t i = 0; table && i < outline->count; i++) {
        const struct hs_outline_row *row = &outline->rows[i];
        char depth[16], edge[HS_NODE_TEXT] = "", id[16], distance[16], shallow[16];
        char retained[32], class[HS_NODE_TEXT], name[HS_NODE_TEXT];
        snprintf(depth, sizeof(depth), "%" PRIu32, row->depth);
        if (row->edge != HS_ANALYSIS_NONE)
            edge_text(opened->snapshot, row->edge, edge);
        snprintf(id, sizeof(id), "%" PRIu32, opened->snapshot->node_id[row->node]);
        snprintf(distance, sizeof(distance), "%" PRId32, analysis->distance[row->node]);
        snprintf(shallow, sizeof(shallow), "%" PRIu32, analysis->node_size[row->node]);
        snprintf(retained, sizeof(retained), "%" PRIu64, analysis->retained[row->node]);
        hs_name_text(opened->snapshot,
                     analysis->classes[analysis->node_class[row->node]].name, class,
                     sizeof(class));
        hs_node_text(analysis, row->node, name);
        if (!hs_table_add(table,
                          (const char *[]){depth, edge, id, distance, shallow, retained,
                                           class, name, hs_outline_mark_name(row->mark)},
                          NULL))
            return false;
    }
    return table != NULL;
}

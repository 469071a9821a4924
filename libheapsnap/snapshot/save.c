// SPDX-License-Identifier: MIT

/*
 * The file as Node 20 writes it: seven node fields, the classic lists of types, the
 * sections in the one order that forward-only readers understand, and "snapshot":
 * without a space before the colon. Trace data is written when the snapshot has any.
 */

#include "heapsnap/snapshot.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/base/guard.h"
#include "libheapsnap/snapshot/output.h"

#define NODE_FIELDS 7

static const char meta_start[] =
    "{\"snapshot\":{\"meta\":{"
    "\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\",\"edge_count\","
    "\"trace_node_id\",\"detachedness\"],"
    "\"node_types\":[[\"hidden\",\"array\",\"string\",\"object\",\"code\",\"closure\","
    "\"regexp\",\"number\",\"native\",\"synthetic\",\"concatenated string\","
    "\"sliced string\",\"symbol\",\"bigint\",\"object shape\"";
static const char meta_end[] =
    "],\"string\",\"number\",\"number\",\"number\",\"number\",\"number\"],"
    "\"edge_fields\":[\"type\",\"name_or_index\",\"to_node\"],"
    "\"edge_types\":[[\"context\",\"element\",\"property\",\"internal\",\"hidden\","
    "\"shortcut\",\"weak\"],\"string_or_number\",\"node\"],"
    "\"trace_function_info_fields\":[\"function_id\",\"name\",\"script_name\","
    "\"script_id\",\"line\",\"column\"],"
    "\"trace_node_fields\":[\"id\",\"function_info_index\",\"count\",\"size\","
    "\"children\"],"
    "\"sample_fields\":[\"timestamp_us\",\"last_assigned_id\"],"
    "\"location_fields\":[\"object_index\",\"script_id\",\"line\",\"column\"]},";

static void put(struct hs_output *out, const char *text)
{
    hs_output_text(out, text, strlen(text));
}

static void put_string(struct hs_output *out, const char *text)
{
    hs_output_text(out, "\"", 1);
    for (;;) {
        size_t plain = 0;
        while ((unsigned char)text[plain] >= 0x20 && text[plain] != '"'
               && text[plain] != '\\')
            plain++;
        hs_output_text(out, text, plain);
        if (text[plain] == '\0')
            break;
        char escape[16];
        if (text[plain] == '"' || text[plain] == '\\')
            snprintf(escape, sizeof(escape), "\\%c", text[plain]);
        else
            snprintf(escape, sizeof(escape), "\\u%04x", (unsigned char)text[plain]);
        put(out, escape);
        text += plain + 1;
    }
    hs_output_text(out, "\"", 1);
}

/* Our own members of "snapshot", each with a comma before it. */
static bool put_metadata(struct hs_output *out, json_t *metadata)
{
    const char *key;
    json_t *value;
    json_object_foreach(metadata, key, value)
    {
        hs_auto_free char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        if (!text)
            return false;
        put(out, ",");
        put_string(out, key);
        put(out, ":");
        put(out, text);
    }
    return true;
}

static bool put_header(struct hs_output *out, const struct hs_snapshot *snapshot)
{
    put(out, meta_start);
    for (uint32_t i = 0; i < snapshot->other_type_count; i++) {
        put(out, ",");
        put_string(out, snapshot->other_types[i]);
    }
    put(out, meta_end);
    put(out, "\"node_count\":");
    hs_output_number(out, snapshot->node_count, ',');
    put(out, "\"edge_count\":");
    hs_output_number(out, snapshot->edge_count, ',');
    put(out, "\"trace_function_count\":");
    hs_output_number(out, snapshot->trace_function_count, ',');
    put(out, "\"root_index\":");
    hs_output_number(out, (uint64_t)snapshot->root * NODE_FIELDS, ',');
    put(out, "\"extra_native_bytes\":");
    hs_output_number(out, snapshot->extra_native_bytes, ' ');
    if (!put_metadata(out, snapshot->metadata))
        return false;
    put(out, "}");
    return true;
}

/* A row ends in a line break, as in V8 up to 2025: greppable, and editors do not choke on
 * one line of a gigabyte. The last row closes the section. */
static char row_end(uint32_t row, uint32_t count)
{
    return row + 1 < count ? '\n' : ']';
}

static void put_section(struct hs_output *out, const char *name, uint32_t count)
{
    put(out, ",\n\"");
    put(out, name);
    put(out, count > 0 ? "\":[" : "\":[]");
}

static void put_nodes(struct hs_output *out, const struct hs_snapshot *snapshot)
{
    uint32_t count = snapshot->node_count;
    put_section(out, "nodes", count);
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            hs_output_text(out, ",", 1);
        hs_output_number(out, snapshot->node_type[i], ',');
        hs_output_number(out, snapshot->node_name[i], ',');
        hs_output_number(out, snapshot->node_id[i], ',');
        hs_output_number(out, snapshot->node_size[i], ',');
        hs_output_number(out, snapshot->first_edge[i + 1] - snapshot->first_edge[i], ',');
        hs_output_number(out, snapshot->node_trace ? snapshot->node_trace[i] : 0, ',');
        hs_output_number(out, snapshot->node_detachedness[i], row_end(i, count));
    }
}

static void put_edges(struct hs_output *out, const struct hs_snapshot *snapshot)
{
    uint32_t count = snapshot->edge_count;
    put_section(out, "edges", count);
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            hs_output_text(out, ",", 1);
        uint8_t type = snapshot->edge_type[i];
        hs_output_number(out, type == HS_EDGE_OTHER ? HS_EDGE_PROPERTY : type, ',');
        hs_output_number(out, snapshot->edge_name[i], ',');
        hs_output_number(out, (uint64_t)snapshot->edge_to[i] * NODE_FIELDS,
                         row_end(i, count));
    }
}

static void put_trace_functions(struct hs_output *out, const struct hs_snapshot *snapshot)
{
    uint32_t count = snapshot->trace_function_count;
    put_section(out, "trace_function_infos", count);
    for (uint32_t i = 0; i < count; i++) {
        const struct hs_trace_function *function = &snapshot->trace_functions[i];
        if (i > 0)
            put(out, ",");
        hs_output_number(out, function->id, ',');
        hs_output_number(out, function->name, ',');
        hs_output_number(out, function->script, ',');
        hs_output_number(out, function->script_id, ',');
        hs_output_number(out, function->line, ',');
        hs_output_number(out, function->column, row_end(i, count));
    }
}

/* The tree of callers as nested arrays, without recursion: depth comes from a file. */
static bool put_trace_tree(struct hs_output *out, const struct hs_snapshot *snapshot)
{
    uint32_t count = snapshot->trace_node_count;
    put(out, ",\n\"trace_tree\":[");
    hs_auto_free uint32_t *first = malloc(((size_t)count + 1) * sizeof(*first));
    hs_auto_free uint32_t *next = malloc(((size_t)count + 1) * sizeof(*next));
    if (!first || !next)
        return false;
    memset(first, 0xff, ((size_t)count + 1) * sizeof(*first));
    for (uint32_t i = count; i-- > 1;) {
        uint32_t parent = snapshot->trace_nodes[i].parent;
        next[i] = first[parent];
        first[parent] = i;
    }
    for (uint32_t i = count ? 0 : UINT32_MAX; i != UINT32_MAX;) {
        const struct hs_trace_node *node = &snapshot->trace_nodes[i];
        hs_output_number(out, node->id, ',');
        hs_output_number(out, node->function, ',');
        hs_output_number(out, node->count, ',');
        hs_output_number(out, node->size, ',');
        put(out, "[");
        if (first[i] != UINT32_MAX) {
            i = first[i];
            continue;
        }
        put(out, "]");
        while (i > 0 && next[i] == UINT32_MAX) {
            i = snapshot->trace_nodes[i].parent;
            put(out, "]");
        }
        if (i == 0)
            break;
        put(out, ",");
        i = next[i];
    }
    put(out, "]");
    return true;
}

static void put_tail(struct hs_output *out, const struct hs_snapshot *snapshot)
{
    uint32_t count = snapshot->location_count;
    put_section(out, "samples", 0);
    put_section(out, "locations", count);
    for (uint32_t i = 0; i < count; i++) {
        const struct hs_location *location = &snapshot->locations[i];
        if (i > 0)
            put(out, ",");
        hs_output_number(out, (uint64_t)location->node * NODE_FIELDS, ',');
        hs_output_number(out, location->script_id, ',');
        hs_output_number(out, location->line, ',');
        hs_output_number(out, location->column, row_end(i, count));
    }
    put(out, ",\n\"strings\":[");
    for (uint32_t i = 0; i < snapshot->string_count; i++) {
        if (i > 0)
            put(out, ",\n");
        put_string(out, snapshot->strings[i]);
    }
    put(out, "]}\n");
}

static int put_all(struct hs_output *out, const struct hs_snapshot *snapshot,
                   struct hs_error *err)
{
    bool is_whole = put_header(out, snapshot);
    put_nodes(out, snapshot);
    put_edges(out, snapshot);
    put_trace_functions(out, snapshot);
    is_whole = put_trace_tree(out, snapshot) && is_whole;
    put_tail(out, snapshot);
    if (!is_whole) {
        hs_output_abandon(out);
        return hs_error_set(err, ENOMEM, "no memory to write %s", out->path);
    }
    return hs_output_commit(out, err);
}

int hs_snapshot_save(const struct hs_snapshot *snapshot, const char *path,
                     struct hs_error *err)
{
    struct hs_output out;
    int result = hs_output_open(&out, path, err);
    return result < 0 ? result : put_all(&out, snapshot, err);
}

int hs_snapshot_save_new(const struct hs_snapshot *snapshot, const char *path,
                         struct hs_error *err)
{
    struct hs_output out;
    int result = hs_output_open_new(&out, path, err);
    return result < 0 ? result : put_all(&out, snapshot, err);
}

int hs_snapshot_save_check(const char *path, struct hs_error *err)
{
    return hs_output_check(path, err);
}

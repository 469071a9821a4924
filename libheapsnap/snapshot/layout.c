// SPDX-License-Identifier: MIT

/*
 * The only part of a snapshot that is small: here, and only here, a JSON tree is built.
 */

#include "libheapsnap/snapshot/layout.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/base/guard.h"

#define HEADER_LIMIT ((size_t)16 << 20)

HS_DEFINE_GUARD(guard_json, json_t *, json_decref)

const char *const hs_node_type_names[] = {"hidden",
                                          "array",
                                          "string",
                                          "object",
                                          "code",
                                          "closure",
                                          "regexp",
                                          "number",
                                          "native",
                                          "synthetic",
                                          "concatenated string",
                                          "sliced string",
                                          "symbol",
                                          "bigint",
                                          "object shape",
                                          NULL};
static const char *const edge_types[] = {"context", "element",  "property", "internal",
                                         "hidden",  "shortcut", "weak",     NULL};

static const char *const node_fields[] = {"type",         "name",       "id",
                                          "self_size",    "edge_count", "trace_node_id",
                                          "detachedness", NULL};
static const char *const edge_fields[] = {"type", "name_or_index", "to_node", NULL};
static const char *const location_fields[] = {"object_index", "script_id", "line",
                                              "column", NULL};
static const char *const function_fields[] = {
    "function_id", "name", "script_name", "script_id", "line", "column", NULL};

static bool wrong(const struct hs_cursor *cursor, const char *what)
{
    return hs_cursor_fail(cursor,
                          "the \"snapshot\" object before this has no %s; is it a "
                          "heap snapshot?",
                          what);
}

/* Find `names` in the array `meta[key]`; the first `needed` of them must be there. */
static bool read_tuple(const struct hs_cursor *cursor, json_t *meta, const char *key,
                       const char *const *names, int needed, struct hs_layout_tuple *ret)
{
    json_t *fields = json_object_get(meta, key);
    size_t width = json_array_size(fields);
    if (width > HS_LAYOUT_FIELDS)
        return wrong(cursor, "sensible field lists");
    ret->width = (unsigned)width;
    for (int name = 0; names[name]; name++) {
        ret->at[name] = -1;
        for (size_t i = 0; i < width && ret->at[name] < 0; i++) {
            const char *text = json_string_value(json_array_get(fields, i));
            if (text && strcmp(text, names[name]) == 0)
                ret->at[name] = (int)i;
        }
        if (ret->at[name] < 0 && name < needed)
            return wrong(cursor, key);
    }
    return true;
}

static json_t *find_types(json_t *meta, const char *key, int position)
{
    return json_array_get(json_object_get(meta, key), (size_t)position);
}

static uint8_t find_type(const char *name, const char *const *known)
{
    uint8_t type = 0;
    while (known[type] && strcmp(known[type], name) != 0)
        type++;
    return type; /* one behind the last means: not known */
}

/* The number of a type that V8 does not know; 0 without memory. */
static uint8_t add_other(struct hs_snapshot *snapshot, const char *name)
{
    uint32_t count = snapshot->other_type_count;
    char **types = realloc(snapshot->other_types, (count + 1) * sizeof(*types));
    if (!types)
        return 0;
    snapshot->other_types = types;
    types[count] = strdup(name);
    if (!types[count])
        return 0;
    snapshot->other_type_count++;
    return (uint8_t)(HS_NODE_OTHER + count);
}

static bool read_types(const struct hs_cursor *cursor, json_t *meta,
                       struct hs_snapshot *snapshot, struct hs_layout *ret)
{
    json_t *nodes = find_types(meta, "node_types", ret->node.at[HS_NODE_TYPE_AT]);
    json_t *edges = find_types(meta, "edge_types", ret->edge.at[HS_EDGE_TYPE_AT]);
    ret->node_types = (unsigned)json_array_size(nodes);
    ret->edge_types = (unsigned)json_array_size(edges);
    if (ret->node_types == 0 || ret->node_types > HS_LAYOUT_TYPES || ret->edge_types == 0
        || ret->edge_types > HS_LAYOUT_TYPES)
        return wrong(cursor, "sensible lists of types");
    for (unsigned i = 0; i < ret->node_types; i++) {
        const char *name = json_string_value(json_array_get(nodes, i));
        if (!name)
            return wrong(cursor, "names in node_types");
        ret->node_type[i] = find_type(name, hs_node_type_names);
        if (ret->node_type[i] == HS_NODE_OTHER)
            ret->node_type[i] = add_other(snapshot, name);
        if (snapshot->other_type_count > HS_LAYOUT_TYPES - HS_NODE_OTHER)
            return wrong(cursor, "sensible lists of types");
    }
    for (unsigned i = 0; i < ret->edge_types; i++) {
        const char *name = json_string_value(json_array_get(edges, i));
        if (!name)
            return wrong(cursor, "names in edge_types");
        ret->edge_type[i] = find_type(name, edge_types);
    }
    return true;
}

/* A count that a file of this size can hold, given the numbers in one tuple. */
static bool read_count(const struct hs_cursor *cursor, json_t *header, const char *key,
                       unsigned width, uint64_t *ret)
{
    json_t *value = json_object_get(header, key);
    json_int_t count = json_integer_value(value);
    /* Every number takes a digit and something that ends it. */
    uint64_t most = (uint64_t)(cursor->end - cursor->start) / 2 / (width ? width : 1);
    if (!json_is_integer(value) || count < 0)
        return wrong(cursor, key);
    if ((uint64_t)count > most || (uint64_t)count * width > UINT32_MAX)
        return hs_cursor_fail(cursor,
                              "%s is %lld, more than a file of this size can hold", key,
                              (long long)count);
    *ret = (uint64_t)count;
    return true;
}

static bool read_counts(const struct hs_cursor *cursor, json_t *header,
                        struct hs_layout *ret)
{
    if (!read_count(cursor, header, "node_count", ret->node.width, &ret->node_count)
        || !read_count(cursor, header, "edge_count", ret->edge.width, &ret->edge_count))
        return false;
    if (ret->node_count == 0)
        return hs_cursor_fail(cursor, "node_count is 0; a snapshot has at least a root");
    if (json_integer_value(json_object_get(header, "trace_function_count")) != 0
        && !read_count(cursor, header, "trace_function_count", ret->function.width,
                       &ret->trace_function_count))
        return false;
    json_int_t root = json_integer_value(json_object_get(header, "root_index"));
    uint64_t last = (ret->node_count - 1) * ret->node.width;
    if (root != 0 && (uint64_t)root != last)
        return hs_cursor_fail(cursor,
                              "root_index is %lld, but the root must be the first "
                              "or the last node",
                              (long long)root);
    ret->root_index = (uint64_t)root;
    return true;
}

bool hs_layout_header(struct hs_cursor *cursor, json_t **ret)
{
    hs_cursor_skip_space(cursor);
    const char *first = cursor->at;
    if (!hs_cursor_skip_value(cursor))
        return false;
    if ((size_t)(cursor->at - first) > HEADER_LIMIT)
        return hs_cursor_fail(cursor, "the \"snapshot\" object is too big");
    json_error_t reason;
    json_t *header =
        json_loadb(first, (size_t)(cursor->at - first), JSON_ALLOW_NUL, &reason);
    if (!json_is_object(header)) {
        hs_cursor_fail(cursor, "the \"snapshot\" object before this is damaged: %s",
                       header ? "it is no object" : reason.text);
        json_decref(header);
        return false;
    }
    *ret = header;
    return true;
}

bool hs_layout_read(struct hs_cursor *cursor, struct hs_snapshot *snapshot,
                    struct hs_layout *ret)
{
    hs_auto(guard_json) json_t *header = NULL;
    if (!hs_layout_header(cursor, &header))
        return false;
    json_t *meta = json_object_get(header, "meta");
    *ret = (struct hs_layout){0};
    if (!json_is_object(meta))
        return wrong(cursor, "meta");
    if (!read_tuple(cursor, meta, "node_fields", node_fields, 5, &ret->node)
        || !read_tuple(cursor, meta, "edge_fields", edge_fields, 3, &ret->edge)
        || !read_tuple(cursor, meta, "location_fields", location_fields, 0,
                       &ret->location)
        || !read_tuple(cursor, meta, "trace_function_info_fields", function_fields, 0,
                       &ret->function)
        || !read_types(cursor, meta, snapshot, ret) || !read_counts(cursor, header, ret))
        return false;
    double extra = json_number_value(json_object_get(header, "extra_native_bytes"));
    if (extra > 0 && extra < 9e15)
        snapshot->extra_native_bytes = (uint64_t)extra;

    static const char *const ours[] = {
        "meta",       "node_count",           "edge_count",
        "root_index", "trace_function_count", "extra_native_bytes"};
    for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
        json_object_del(header, ours[i]);
    json_decref(snapshot->metadata);
    snapshot->metadata = hs_take(header);
    return true;
}

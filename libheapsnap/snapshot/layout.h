// SPDX-License-Identifier: MIT

/*
 * Where a file keeps what: the "snapshot" object with its meta.
 *
 * Field lists and type numbers differ between V8 versions, so every position is looked up
 * by name and every type is translated into our numbering.
 */

#ifndef HEAPSNAP_SNAPSHOT_LAYOUT_H
#define HEAPSNAP_SNAPSHOT_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heapsnap/snapshot.h"
#include "libheapsnap/snapshot/cursor.h"

#define HS_LAYOUT_FIELDS 32 /* more in one tuple is nonsense */
#define HS_LAYOUT_TYPES 128

/* Tuples of one section: how many numbers, and which is which (-1 = not there). */
struct hs_layout_tuple {
    unsigned width;
    int at[8];
};

enum {
    HS_NODE_TYPE_AT,
    HS_NODE_NAME_AT,
    HS_NODE_ID_AT,
    HS_NODE_SIZE_AT,
    HS_NODE_EDGES_AT,
    HS_NODE_TRACE_AT,
    HS_NODE_DETACHEDNESS_AT
};
enum { HS_EDGE_TYPE_AT, HS_EDGE_NAME_AT, HS_EDGE_TO_AT };
enum {
    HS_LOCATION_NODE_AT,
    HS_LOCATION_SCRIPT_AT,
    HS_LOCATION_LINE_AT,
    HS_LOCATION_COLUMN_AT
};
enum {
    HS_FUNCTION_ID_AT,
    HS_FUNCTION_NAME_AT,
    HS_FUNCTION_SCRIPT_AT,
    HS_FUNCTION_SCRIPT_ID_AT,
    HS_FUNCTION_LINE_AT,
    HS_FUNCTION_COLUMN_AT
};

/* By enum hs_node_type; NULL behind the last of V8's. */
extern const char *const hs_node_type_names[];

struct hs_layout {
    struct hs_layout_tuple node, edge, location, function;
    unsigned node_types, edge_types;    /* how many the file knows */
    uint8_t node_type[HS_LAYOUT_TYPES]; /* the file's number → enum hs_node_type */
    uint8_t edge_type[HS_LAYOUT_TYPES];
    uint64_t node_count, edge_count, trace_function_count;
    uint64_t root_index;
};

/* Step over the value of "snapshot" at the cursor; the object is the caller's. */
bool hs_layout_header(struct hs_cursor *cursor, struct json_t **ret);

/*
 * The same, and understand it. Fills `ret`, and in `snapshot` the
 * metadata, the other types and extra_native_bytes.
 */
bool hs_layout_read(struct hs_cursor *cursor, struct hs_snapshot *snapshot,
                    struct hs_layout *ret);

#endif

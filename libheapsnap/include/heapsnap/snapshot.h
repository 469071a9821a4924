// SPDX-License-Identifier: MIT

/*
 * A heap snapshot in memory: the graph that `.heapsnapshot` files describe.
 *
 * One model serves both directions: assembled from a process and then saved, or loaded
 * from any `.heapsnapshot` (ours, Node's, Chrome's) and then analysed. Everything is
 * kept in columns, nodes and edges are numbers ("ordinals"), and the edges of node n are
 * the range [first_edge[n], first_edge[n + 1]).
 *
 * Types are stored in V8's classic numbering whatever the file's own meta says; types
 * that V8 does not know are HS_NODE_OTHER and up. Thread safety: a finished snapshot is
 * immutable and may be read from any number of threads.
 */

#ifndef HEAPSNAP_SNAPSHOT_H
#define HEAPSNAP_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heapsnap/error.h"

/* V8's classic order; the number is what our files contain. */
enum hs_node_type {
    HS_NODE_HIDDEN,
    HS_NODE_ARRAY,
    HS_NODE_STRING,
    HS_NODE_OBJECT,
    HS_NODE_CODE,
    HS_NODE_CLOSURE,
    HS_NODE_REGEXP,
    HS_NODE_NUMBER,
    HS_NODE_NATIVE,
    HS_NODE_SYNTHETIC,
    HS_NODE_CONCATENATED_STRING,
    HS_NODE_SLICED_STRING,
    HS_NODE_SYMBOL,
    HS_NODE_BIGINT,
    HS_NODE_OBJECT_SHAPE,
    HS_NODE_OTHER, /* HS_NODE_OTHER + n: the type named hs_snapshot.other_types[n] */
};

enum hs_edge_type {
    HS_EDGE_CONTEXT,
    HS_EDGE_ELEMENT,
    HS_EDGE_PROPERTY,
    HS_EDGE_INTERNAL,
    HS_EDGE_HIDDEN,
    HS_EDGE_SHORTCUT,
    HS_EDGE_WEAK,
    HS_EDGE_OTHER, /* unknown to V8; treated like a property */
};

/* Values of the detachedness column. */
#define HS_DETACHEDNESS_UNKNOWN 0
#define HS_DETACHEDNESS_ATTACHED 1
#define HS_DETACHEDNESS_DETACHED 2

struct hs_trace_function {
    uint32_t id;
    uint32_t name;   /* string */
    uint32_t script; /* string */
    uint32_t script_id;
    uint32_t line, column; /* 1-based, 0 = unknown */
};

struct hs_trace_node {
    uint32_t id;          /* >= 1, what the nodes' trace column holds */
    uint32_t function;    /* index of a hs_trace_function */
    uint32_t parent;      /* index of the caller's trace node; own index for the root */
    uint64_t count, size; /* ever allocated exactly here */
};

/* Where the constructor of a JavaScript object was written; part of its class. */
struct hs_location {
    uint32_t node; /* ordinal */
    uint32_t script_id;
    uint32_t line, column; /* 0-based */
};

/* Read-only; create one with hs_snapshot_load() or a builder. */
struct hs_snapshot {
    uint32_t node_count;
    uint8_t *node_type;  /* enum hs_node_type */
    uint32_t *node_name; /* string */
    uint32_t *node_id;
    uint32_t *node_size; /* shallow size, bytes */
    uint8_t *node_detachedness;
    uint32_t *node_trace; /* hs_trace_node.id, or NULL when the file has none */
    uint32_t *first_edge; /* node_count + 1 entries */

    uint32_t edge_count;
    uint8_t *edge_type;  /* enum hs_edge_type */
    uint32_t *edge_name; /* element, hidden: the number itself; else a string */
    uint32_t *edge_to;   /* node ordinal, always < node_count */

    uint32_t root; /* ordinal */
    uint64_t extra_native_bytes;

    uint32_t string_count;
    const char **strings; /* NUL-terminated UTF-8; unique when a builder made them */

    bool has_no_detachedness; /* the file has no such column; names tell it */
    uint32_t other_type_count;
    char **other_types; /* "wasm object" */
    uint32_t location_count;
    struct hs_location *locations;

    /*
     * The file's "snapshot" object without its counts: our own metadata is the member
     * "heapsnap". Always an object; borrowed, do not modify.
     */
    struct json_t *metadata;

    uint32_t trace_function_count;
    struct hs_trace_function *trace_functions;
    uint32_t trace_node_count;
    struct hs_trace_node *trace_nodes; /* parents before children */

    void *storage; /* private: owner of the columns and the strings */
};

/* Frees everything the snapshot points to. NULL is fine. */
HS_API void hs_snapshot_destroy(struct hs_snapshot *snapshot);

/*
 * Read a `.heapsnapshot` file of any V8 layout. Stricter than DevTools: counts, ranges
 * and multiples are checked.
 * A file packed by gzip or Zstandard is unpacked into memory; byte offsets then count in
 * the unpacked text.
 *
 * Errors: -ENOENT, -EACCES … from opening; -EINVAL when the file is not a snapshot or is
 * damaged, with the byte offset and what was expected there; -ENOMEM.
 * The result is the caller's: hs_snapshot_destroy().
 */
HS_API int hs_snapshot_load(const char *path, struct hs_snapshot **ret,
                            struct hs_error *err);

/*
 * Write the snapshot as JSON exactly as V8 20's layout orders it. The file appears under
 * `path` only when it is complete: it is written beside it under a temporary name, mode
 * 0600, never through a symbolic link, synced, then renamed. On failure the temporary
 * file is removed and a file that was at `path` before stays untouched.
 *
 * Errors: the errno of the failing call; `err` names the path.
 */
HS_API int hs_snapshot_save(const struct hs_snapshot *snapshot, const char *path,
                            struct hs_error *err);

/* The same, but never in the place of another file: -EEXIST. */
HS_API int hs_snapshot_save_new(const struct hs_snapshot *snapshot, const char *path,
                                struct hs_error *err);

/*
 * Does `new`, loaded from what was saved of `old`, say the same? If not, `err` names the
 * first difference. Edges of types that V8 does not know are saved as properties.
 */
HS_API bool hs_snapshot_equal(const struct hs_snapshot *old,
                              const struct hs_snapshot *new, struct hs_error *err);

/* Could a snapshot be written to `path`? For who wants to know before he takes one. */
HS_API int hs_snapshot_save_check(const char *path, struct hs_error *err);

/*
 * ---- building ----
 *
 * Nodes get ordinals in the order of their addition; node 0 must be the root. Edges may
 * be added in any order; hs_snapshot_builder_finish() groups them by source, keeping the
 * order of addition within one source. Names are copied and interned: equal texts share
 * one string, invalid UTF-8 is replaced. All functions that add return a number and
 * remember running out of memory or numbers; finish() then reports it.
 */
struct hs_snapshot_builder;

HS_API int hs_snapshot_builder_create(struct hs_snapshot_builder **ret,
                                      struct hs_error *err);
HS_API void hs_snapshot_builder_destroy(struct hs_snapshot_builder *builder);

/* The number of `text` in the string table. */
HS_API uint32_t hs_snapshot_builder_string(struct hs_snapshot_builder *builder,
                                           const char *text);

/*
 * Add a node and return its ordinal. `name` comes from hs_snapshot_builder_string().
 * Sizes from 2^32 on must be split by the caller.
 */
HS_API uint32_t hs_snapshot_builder_node(struct hs_snapshot_builder *builder,
                                         enum hs_node_type type, uint32_t name,
                                         uint32_t id, uint32_t size,
                                         uint8_t detachedness);

/* Rename a node already added (totals that are known only at the end). */
HS_API void hs_snapshot_builder_rename(struct hs_snapshot_builder *builder, uint32_t node,
                                       uint32_t name);

/* `name_or_index`: a number for element and hidden edges, else a string number. */
HS_API void hs_snapshot_builder_edge(struct hs_snapshot_builder *builder, uint32_t from,
                                     enum hs_edge_type type, uint32_t name_or_index,
                                     uint32_t to);

/*
 * Turn the builder into a snapshot and destroy the builder, whatever the outcome.
 * `metadata` (may be NULL) becomes the member "heapsnap" of the file's "snapshot"
 * object; the reference is stolen, also on failure.
 */
HS_API int hs_snapshot_builder_finish(struct hs_snapshot_builder *builder,
                                      struct json_t *metadata, struct hs_snapshot **ret,
                                      struct hs_error *err);

#endif

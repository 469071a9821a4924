// SPDX-License-Identifier: MIT

/*
 * What DevTools computes from a snapshot: who holds whom, how much, and what changed.
 *
 * The numbers are DevTools' own, rule for rule, so that a row in the terminal and the same
 * row in the Memory panel never disagree: weak edges hold nothing, nodes of size 0 are not
 * counted, a class is named as DevTools names it, and its retained size is the sum over
 * its topmost nodes in the dominator tree.
 */

#ifndef HEAPSNAP_ANALYSIS_H
#define HEAPSNAP_ANALYSIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heapsnap/error.h"
#include "heapsnap/snapshot.h"

/* No edge, no node, no class. */
#define HS_ANALYSIS_NONE UINT32_MAX
/* Distance of a node that nothing strong leads to. */
#define HS_DISTANCE_UNREACHED (-5)
/* Distances from here on belong to the VM, not to the program; DevTools prints "−". */
#define HS_DISTANCE_SYSTEM 100000000

/* A row of Summary. Nodes of size 0 have a class too, but are not counted in it. */
struct hs_class {
    const char *key;  /* equal keys mean the same class, across snapshots too */
    const char *name; /* as DevTools shows it */
    uint32_t count;
    int32_t distance; /* the smallest */
    uint64_t shallow;
    uint64_t retained; /* 0 unless asked for */
};

struct hs_interfaces;

/* Columns are indexed by node ordinal. */
struct hs_analysis {
    const struct hs_snapshot *snapshot; /* borrowed */

    uint32_t *node_class;
    const uint32_t *node_size;  /* shallow, after DevTools' transfer to sole owners */
    uint8_t *node_detachedness; /* after propagation */
    uint8_t *node_is_renamed;   /* DevTools puts "Detached " before its name */

    int32_t *distance;
    uint32_t
        *reached_by; /* the edge that came first; HS_ANALYSIS_NONE for root and strays */
    uint32_t *reached_from; /* the node it starts from */
    uint32_t *order;        /* the reached nodes, nearest first */
    uint32_t reached_count;

    uint32_t *dominator; /* NULL unless asked for; the root is its own */
    uint64_t *retained;  /* NULL unless asked for */

    uint32_t class_count;
    struct hs_class *classes;

    uint64_t total; /* bytes: all shallow sizes and extra_native_bytes */
    struct hs_interfaces *interfaces; /* private */
    void *storage;                    /* private */
};

struct hs_analysis_options {
    bool with_retained; /* dominators and retained sizes too */
    /* Group literal JavaScript objects as this analysis does, so that classes compare;
       NULL: by what the snapshot itself suggests. Must live during the call. */
    const struct hs_analysis *like;
};

/* `snapshot` is borrowed and must outlive the analysis; `options` may be NULL. */
HS_API int hs_analysis_create(const struct hs_snapshot *snapshot,
                              const struct hs_analysis_options *options,
                              struct hs_analysis **ret, struct hs_error *err);
HS_API void hs_analysis_destroy(struct hs_analysis *analysis); /* NULL is fine */

/*
 * A node's or class's name as people read it: no-break spaces become spaces, "<…>" loses
 * its brackets where the snapshot is one of ours, and what could move a terminal's cursor
 * is replaced. Returns `buffer`.
 */
HS_API const char *hs_name_text(const struct hs_snapshot *snapshot, const char *name,
                                char *buffer, size_t size);

/* ---- comparing ---- */

enum hs_comparison_by {
    HS_BY_CLASS,  /* DevTools' Comparison */
    HS_BY_SITE,   /* the frame that allocated; our own snapshots */
    HS_BY_MODULE, /* the module or thread that holds it */
};

struct hs_comparison_row {
    const char *name; /* borrowed from the comparison */
    uint32_t added, removed;
    uint64_t added_bytes, removed_bytes;
    uint32_t count_before, count_after;
    uint64_t bytes_before, bytes_after;
    uint32_t
        first_added; /* index into hs_comparison.added_nodes; `added` entries follow */
};

struct hs_comparison {
    size_t
        row_count; /* rows where something was added or removed, largest growth first */
    struct hs_comparison_row *rows;
    uint32_t *added_nodes; /* ordinals in `after` */
    void *storage;         /* private */
};

/* Nodes are the same when id and group are; what is in both is not looked at further. */
HS_API int hs_comparison_create(const struct hs_analysis *before,
                                const struct hs_analysis *after, enum hs_comparison_by by,
                                struct hs_comparison **ret, struct hs_error *err);
HS_API void hs_comparison_destroy(struct hs_comparison *comparison); /* NULL is fine */

/* ---- explaining one node ---- */

/* The node with this id, or HS_ANALYSIS_NONE. */
HS_API uint32_t hs_node_find_id(const struct hs_snapshot *snapshot, uint32_t id);

/* The smallest node that holds this address of the process, or HS_ANALYSIS_NONE; needs
 * names with addresses ("<struct session 0x55…>", "text 0x55… ← …"). */
HS_API uint32_t hs_node_find_address(const struct hs_snapshot *snapshot,
                                     uint64_t address);

/* The node that an edge starts from. */
HS_API uint32_t hs_edge_find_source(const struct hs_snapshot *snapshot, uint32_t edge);

/* An edge from `from` as people read it: ".next", "[17]", "+0x18", "g_sessions". Returns
 * `buffer`. */
HS_API const char *hs_edge_text(const struct hs_snapshot *snapshot, uint32_t from,
                                uint32_t edge, char *buffer, size_t size);

/*
 * The shortest way from a root to `node` as "g_sessions (server) → .next ×3 → .user".
 * Returns false when nothing holds it (it is lost, or only weakly reached).
 */
HS_API bool hs_holder_text(const struct hs_analysis *analysis, uint32_t node,
                           char *buffer, size_t size);

enum hs_holding {
    HS_HELD,
    HS_HELD_BY_THE_LOST, /* or lost itself */
    HS_HELD_BY_NOTHING,  /* the root, or what only weak edges lead to */
};

/* The same with more steps, and for lost blocks from where their leader's id is:
 * "@129 → .left → .right". Empty when nothing holds it. */
HS_API enum hs_holding hs_path_text(const struct hs_analysis *analysis, uint32_t node,
                                    char *buffer, size_t size);

/* The frame that allocated `node` (a node itself), or HS_ANALYSIS_NONE: our own snapshots
 * tell it by a weak edge "allocated at". */
HS_API uint32_t hs_site_find(const struct hs_snapshot *snapshot, uint32_t node);

/* A frame's name without its running totals: "session_new (session.c:24)". Returns the
 * number of bytes of `name` that belong to it. */
HS_API size_t hs_site_name_size(const char *name);

/* "session_new (session.c:24) ← on_accept (server.c:201) ← main (server.c:88)": up to ten
 * frames, and none beyond main. */
HS_API void hs_site_text(const struct hs_snapshot *snapshot, uint32_t site, char *buffer,
                         size_t size);

/* The frame that allocated most bytes of `nodes`, or HS_ANALYSIS_NONE. */
HS_API uint32_t hs_site_find_main(const struct hs_snapshot *snapshot,
                                  const uint32_t *nodes, size_t count);

/* ---- trees: what a node holds, and who holds it ---- */

enum hs_outline_kind {
    HS_OUTLINE_CONTENTS, /* DevTools' Containment: most retained first */
    HS_OUTLINE_HOLDERS,  /* DevTools' Retainers: nearest to the root first */
};

/* What a row does not show below it. */
enum hs_outline_mark {
    HS_OUTLINE_WHOLE,
    HS_OUTLINE_CYCLE,     /* the node is one of those above it */
    HS_OUTLINE_ELSEWHERE, /* opened at another place, nearer to the start */
    HS_OUTLINE_FOLDED,    /* not opened: too deep, not its own, or not the nearest */
};

struct hs_outline_row {
    uint32_t depth; /* 0 is the node itself */
    uint32_t node;
    uint32_t edge; /* that joins it with the row it hangs from; none at depth 0 */
    enum hs_outline_mark mark;
    bool is_shared;    /* contents: its bytes are not among those the first row retains */
    uint32_t repeated; /* further edges between the two, when merged */
    uint32_t left_out; /* rows that should hang from this one too */
    uint64_t left_out_bytes; /* of contents: what they alone retain below this one */
};

/* Deeper than this nothing is opened. */
#define HS_OUTLINE_DEPTH 1000

struct hs_outline_options {
    enum hs_outline_kind kind;
    uint32_t depth;     /* levels below the first row */
    size_t top;         /* rows below one; 0 = all */
    uint64_t min_bytes; /* leave out what retains less */
    uint64_t
        open_bytes;   /* contents: do not open what retains less, nor, unless this is 0,
                            what is shared */
    bool is_merged;   /* one row for several edges between two nodes */
    bool is_complete; /* holders: open all, not the nearest alone */
    bool has_weak;    /* weak edges, too; they are never opened */
    /* Keep only rows that match, or lead to one that does; NULL keeps all. */
    bool (*matches)(void *data, uint32_t node, uint32_t edge);
    void *data;
};

struct hs_outline {
    struct hs_outline_row *rows; /* each above those that hang from it */
    size_t count;
};

/* `analysis` must have retained sizes. */
HS_API int hs_outline_create(const struct hs_analysis *analysis, uint32_t node,
                             const struct hs_outline_options *options,
                             struct hs_outline **ret, struct hs_error *err);
HS_API void hs_outline_destroy(struct hs_outline *outline); /* NULL is fine */

/* ---- what is lost ---- */

/* Lost blocks that one stack allocated, or, where no stack is known, of one class. In V8's
 * snapshots: detached nodes of one class. */
struct hs_lost_group {
    const char *class_name; /* that most of the leaders' bytes have; borrowed */
    uint32_t other_classes; /* how many more the leaders have */
    uint32_t site;          /* frame that allocated most of their bytes, or none */
    uint32_t other_sites;   /* stacks that differ in frames not shown in the group */
    uint32_t first_leader;  /* in hs_lost.leaders; `leader_count` follow */
    uint32_t leader_count;  /* nothing points to them */
    uint32_t below_count;   /* lost only through them */
    uint64_t own, retained; /* bytes of the leaders; of all */
};

struct hs_lost {
    struct hs_lost_group *groups; /* largest retained first */
    uint32_t group_count;
    uint32_t *leaders; /* nodes; in a group the largest retained first */
    uint32_t leader_count;
    uint32_t shared_count; /* lost through leaders of several groups */
    uint64_t shared_bytes;
    uint32_t count; /* all: DevTools' "Objects retained by detached DOM nodes" */
    uint64_t bytes;
};

/* `analysis` must have retained sizes and outlive the result. */
HS_API int hs_lost_create(const struct hs_analysis *analysis, struct hs_lost **ret,
                          struct hs_error *err);
HS_API void hs_lost_destroy(struct hs_lost *lost); /* NULL is fine */

#endif

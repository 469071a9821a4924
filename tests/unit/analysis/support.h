// SPDX-License-Identifier: MIT

/*
 * Graphs in a line: "root>a a>b b~>c" are edges, "~>" a weak one. Every name is a node of
 * size 10 whose class is its name; the first node is the root and synthetic, and so is
 * "(a_group)", of size 0; "a!" is detached. Ids are 1, 3, 5 … in order of first mention. An edge
 * is named by its target, or as in "a>b=next"; "_" there is a space, a number an element.
 */

#ifndef HEAPSNAP_TESTS_ANALYSIS_SUPPORT_H
#define HEAPSNAP_TESTS_ANALYSIS_SUPPORT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heapsnap/analysis.h"

#define GRAPH_NODES 64

struct graph {
    struct hs_snapshot *snapshot;
    struct hs_analysis *analysis;
};

static inline uint32_t graph_node(struct hs_snapshot_builder *builder, const char **names,
                                  uint32_t *count, const char *name)
{
    for (uint32_t i = 0; i < *count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    names[*count] = strdup(name);
    char plain[64] = "";
    if (*count > 0)
        snprintf(plain, sizeof(plain), "%s", name);
    for (char *at = strchr(plain, '_'); at && *plain == '('; at = strchr(at, '_'))
        *at = ' ';
    uint32_t text = hs_snapshot_builder_string(builder, plain);
    enum hs_node_type type =
        *count == 0 || name[0] == '(' ? HS_NODE_SYNTHETIC : HS_NODE_NATIVE;
    return hs_snapshot_builder_node(builder, type, text, 2 * (*count)++ + 1,
                                    type == HS_NODE_SYNTHETIC ? 0 : 10,
                                    strchr(name, '!') ? HS_DETACHEDNESS_DETACHED : 0);
}

/* Add the edge from `source` to `target` that "=name", or nothing, at `text` names. Returns
 * what follows. */
static inline const char *graph_edge(struct hs_snapshot_builder *builder,
                                     const char *text, enum hs_edge_type type,
                                     uint32_t source, uint32_t target, const char *to)
{
    char name[64];
    int used = 0;
    if (sscanf(text, "=%63[^ ]%n", name, &used) != 1)
        snprintf(name, sizeof(name), "%s", to);
    for (char *at = strchr(name, '_'); at; at = strchr(at, '_'))
        *at = ' ';
    bool is_number = name[0] >= '0' && name[0] <= '9';
    uint32_t number = is_number ? (uint32_t)strtoul(name, NULL, 10)
                                : hs_snapshot_builder_string(builder, name);
    hs_snapshot_builder_edge(builder, source, is_number ? HS_EDGE_ELEMENT : type, number,
                             target);
    return text + used;
}

static inline struct graph graph_create(const char *text)
{
    struct graph graph = {0};
    struct hs_snapshot_builder *builder;
    const char *names[GRAPH_NODES];
    uint32_t count = 0;
    char from[64], to[64];
    int used;
    if (hs_snapshot_builder_create(&builder, NULL) < 0)
        abort();
    for (; sscanf(text, " %63[^>~ ]%n", from, &used) == 1; text += used) {
        text += used;
        enum hs_edge_type type = *text == '~' ? HS_EDGE_WEAK : HS_EDGE_PROPERTY;
        text += type == HS_EDGE_WEAK ? 2 : 1;
        if (sscanf(text, "%63[^>~= ]%n", to, &used) != 1)
            abort();
        uint32_t source = graph_node(builder, names, &count, from);
        uint32_t target = graph_node(builder, names, &count, to);
        text = graph_edge(builder, text + used, type, source, target, to);
        used = 0;
    }
    struct hs_analysis_options options = {.with_retained = true};
    if (hs_snapshot_builder_finish(builder, NULL, &graph.snapshot, NULL) < 0
        || hs_analysis_create(graph.snapshot, &options, &graph.analysis, NULL) < 0)
        abort();
    for (uint32_t i = 0; i < count; i++)
        free((char *)names[i]);
    return graph;
}

static inline void graph_destroy(struct graph *graph)
{
    hs_analysis_destroy(graph->analysis);
    hs_snapshot_destroy(graph->snapshot);
}

static inline uint32_t graph_find(const struct graph *graph, const char *name)
{
    for (uint32_t i = 0; i < graph->snapshot->node_count; i++)
        if (strcmp(graph->snapshot->strings[graph->snapshot->node_name[i]], name) == 0)
            return i;
    abort();
}

/* The dominator's name; "" is the root. */
static inline const char *graph_dominator(const struct graph *graph, const char *name)
{
    uint32_t node = graph->analysis->dominator[graph_find(graph, name)];
    return graph->snapshot->strings[graph->snapshot->node_name[node]];
}

static inline int graph_retained(const struct graph *graph, const char *name)
{
    return (int)graph->analysis->retained[graph_find(graph, name)];
}

static inline const struct hs_class *graph_class(const struct graph *graph,
                                                 const char *name)
{
    for (uint32_t i = 0; i < graph->analysis->class_count; i++)
        if (strcmp(graph->analysis->classes[i].name, name) == 0)
            return &graph->analysis->classes[i];
    abort();
}

#endif

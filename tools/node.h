// SPDX-License-Identifier: MIT

/*
 * What the verbs share that explain single nodes of one file: reading it, finding the node
 * that was meant, and saying what it is.
 */

#ifndef HEAPSNAP_TOOLS_NODE_H
#define HEAPSNAP_TOOLS_NODE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "heapsnap/analysis.h"

#define HS_NODE_TEXT 512 /* room for a node's or an edge's text */

struct hs_opened {
    const char *path; /* borrowed */
    struct hs_snapshot *snapshot;
    struct hs_analysis *analysis; /* with retained sizes */
};

int hs_opened_init(struct hs_opened *ret, const char *path, struct hs_error *err);
void hs_opened_deinit(struct hs_opened *opened);

/* "@123", "123" or "0x55…": does it look like one? */
bool hs_node_is_text(const char *text);

/* The node meant by such a text. -ENOENT when there is none, with what to do. */
int hs_node_find(const struct hs_opened *opened, const char *text, uint32_t *ret,
                 struct hs_error *err);

/* A name as Containment shows it, for people: strings in quotes, cut, no empty ones. */
const char *hs_node_text(const struct hs_analysis *analysis, uint32_t node,
                         char buffer[HS_NODE_TEXT]);

/* Three lines: what it is, who holds it, who allocated it. */
void hs_node_print(const struct hs_opened *opened, uint32_t node);

/* The same as members "node", "path" and "stack" of an object; false without memory. */
bool hs_node_add_json(const struct hs_opened *opened, uint32_t node, json_t *object);

/* id, class, name, distance, shallow and retained of a node; NULL without memory. */
json_t *hs_node_json(const struct hs_analysis *analysis, uint32_t node);

/* A row's distance, or "−" where DevTools prints that. */
const char *hs_distance_text(int32_t distance, char buffer[16]);

#endif

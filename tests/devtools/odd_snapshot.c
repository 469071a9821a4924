// SPDX-License-Identifier: MIT

/*
 * Saves a snapshot full of what names and sizes of a stranger's process can be: the writer
 * must make a file of it that DevTools reads. writer_test.mjs knows what is in here.
 *
 *   odd_snapshot FILE
 */

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "heapsnap/snapshot.h"

static const char *const odd_names[] = {
    "say \"hi\" \\ and \\\"",
    "bell\a tab\t line\n return\r escape\033 delete\177",
    "emoji 😀 größe ← 漢字",
    "separators \xe2\x80\xa8 and \xe2\x80\xa9",
    "bad \xff\xfe end",
    "cut \xe2\x82",
    "surrogate \xed\xa0\x80 overlong \xc0\xaf beyond \xf5\x80\x80\x80",
    "] \"strings\":[ } \"edges\":[1",
    "",
};

#define N_ODD_NAMES (sizeof(odd_names) / sizeof(odd_names[0]))
#define LONG_NAME_SIZE (1 << 20)

struct odd {
    struct hs_snapshot_builder *builder;
    uint32_t next_id;
};

static uint32_t odd_node(struct odd *odd, enum hs_node_type type, const char *name,
                         uint32_t size)
{
    uint32_t id = odd->next_id;
    odd->next_id += 2;
    return hs_snapshot_builder_node(odd->builder, type,
                                    hs_snapshot_builder_string(odd->builder, name), id,
                                    size, HS_DETACHEDNESS_UNKNOWN);
}

static void odd_edge(struct odd *odd, uint32_t from, enum hs_edge_type type,
                     const char *name, uint32_t to)
{
    hs_snapshot_builder_edge(odd->builder, from, type,
                             hs_snapshot_builder_string(odd->builder, name), to);
}

/* Each odd text names a node of its own and the edge that leads there. */
static void add_names(struct odd *odd, uint32_t group)
{
    for (size_t i = 0; i < N_ODD_NAMES; i++) {
        uint32_t node = odd_node(odd, HS_NODE_NATIVE, odd_names[i], 100 + (uint32_t)i);
        odd_edge(odd, group, HS_EDGE_PROPERTY, odd_names[i], node);
    }
    static char long_name[LONG_NAME_SIZE + 1];
    memset(long_name, 'x', LONG_NAME_SIZE);
    odd_edge(odd, group, HS_EDGE_PROPERTY, "long",
             odd_node(odd, HS_NODE_NATIVE, long_name, 50));
}

/* 10 GiB as the assembler splits it: parts of one class below each other. */
static void add_huge(struct odd *odd, uint32_t group)
{
    static const uint32_t parts[] = {UINT32_MAX, UINT32_MAX, UINT32_C(1) << 31};
    uint32_t owner = group;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        uint32_t part = odd_node(odd, HS_NODE_NATIVE, "huge", parts[i]);
        odd_edge(odd, owner, i == 0 ? HS_EDGE_PROPERTY : HS_EDGE_INTERNAL, "part", part);
        owner = part;
    }
}

/* Edges of several nodes, mixed; the file needs them sorted by source. */
static void add_mixed_edges(struct odd *odd, uint32_t group)
{
    uint32_t first = odd_node(odd, HS_NODE_NATIVE, "mixed", 10);
    uint32_t second = odd_node(odd, HS_NODE_NATIVE, "mixed", 20);
    odd_edge(odd, second, HS_EDGE_WEAK, "back", first);
    odd_edge(odd, group, HS_EDGE_PROPERTY, "mixed", first);
    hs_snapshot_builder_edge(odd->builder, first, HS_EDGE_ELEMENT, UINT32_MAX, second);
    hs_snapshot_builder_edge(odd->builder, first, HS_EDGE_ELEMENT, 0, second);
}

static int save(struct hs_snapshot_builder *builder, const char *path,
                struct hs_error *err)
{
    struct hs_snapshot *snapshot = NULL;
    json_t *metadata = json_pack("{s:s, s:I}", "command", "a \"b\" {c} [d] \"nodes\":[",
                                 "bytes", (json_int_t)1 << 52);
    int status = hs_snapshot_builder_finish(builder, metadata, &snapshot, err);
    if (status == 0)
        status = hs_snapshot_save(snapshot, path, err);
    hs_snapshot_destroy(snapshot);
    return status;
}

int main(int argc, char **argv)
{
    struct hs_error err = {0};
    struct odd odd = {.next_id = 1};
    if (argc != 2) {
        fprintf(stderr, "usage: odd_snapshot FILE\n");
        return 2;
    }

    if (hs_snapshot_builder_create(&odd.builder, &err) < 0) {
        fprintf(stderr, "odd_snapshot: %s\n", err.text);
        return 1;
    }
    uint32_t root = odd_node(&odd, HS_NODE_SYNTHETIC, "", 0);
    uint32_t group = odd_node(&odd, HS_NODE_SYNTHETIC, "(Odd)", 0);
    hs_snapshot_builder_edge(odd.builder, root, HS_EDGE_ELEMENT, 1, group);
    add_names(&odd, group);
    add_huge(&odd, group);
    add_mixed_edges(&odd, group);

    if (save(odd.builder, argv[1], &err) < 0) {
        fprintf(stderr, "odd_snapshot: %s\n", err.text);
        return 1;
    }
    return 0;
}

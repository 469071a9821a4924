// SPDX-License-Identifier: MIT

/*
 * (Unreachable: leaked): one node of size 0 a distinct allocation stack, above the leaders
 * it has lost. Its retained size is then what that stack has leaked, and each leak's
 * Retainers read "[3] in request_new (http.c:40) ← parse_request — 12 blocks".
 *
 * Of a sample nobody can tell what is lost: then the same nodes only say where the blocks
 * were allocated that nothing in the sample holds.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/assemble/assembly.h"
#include "libheapsnap/base/array.h"

struct leader {
    const char *text; /* of its stack; equal texts need not be the same pointer */
    uint32_t block;
};

static int by_text_and_block(const void *left, const void *right)
{
    const struct leader *a = left, *b = right;
    int order = a->text == b->text ? 0 : strcmp(a->text, b->text);
    if (order != 0)
        return order;
    return a->block < b->block ? -1 : a->block > b->block;
}

static void add_group(struct hs_assembly *assembly, const struct leader *leaders,
                      size_t count)
{
    char name[2200];
    snprintf(name, sizeof(name), "%s — %zu block%s", leaders[0].text, count,
             count == 1 ? "" : "s");
    uint32_t node = hs_assembly_node(assembly, HS_NODE_SYNTHETIC, name,
                                     hs_assembly_synthetic_id(assembly), 0, 0);
    hs_assembly_edge(assembly, assembly->group[HS_GROUP_LOST], HS_EDGE_PROPERTY,
                     assembly->capture->header->sample_rate ? "allocated at" : "lost at",
                     node);
    for (size_t i = 0; i < count; i++)
        hs_assembly_element(assembly, node, (uint32_t)i + 1,
                            assembly->first_block + leaders[i].block);
}

int hs_assembly_add_lost(struct hs_assembly *assembly)
{
    HS_ARRAY(struct leader) leaders = {0};
    for (size_t i = 0; i < assembly->capture->n_blocks; i++) {
        if (!assembly->graph->is_leader[i])
            continue;
        struct leader leader = {
            hs_symbols_stack_text(assembly->symbols, assembly->capture->blocks[i].stack),
            (uint32_t)i};
        if (!hs_array_push(&leaders, leader)) {
            free(leaders.at);
            return -ENOMEM;
        }
    }
    if (leaders.count > 0)
        qsort(leaders.at, leaders.count, sizeof(*leaders.at), by_text_and_block);
    for (size_t first = 0, end; first < leaders.count; first = end) {
        for (end = first + 1; end < leaders.count; end++)
            if (strcmp(leaders.at[end].text, leaders.at[first].text) != 0)
                break;
        add_group(assembly, &leaders.at[first], end - first);
    }
    free(leaders.at);
    return 0;
}

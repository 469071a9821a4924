// SPDX-License-Identifier: MIT

#include "support.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "probes/abi.h"

size_t block_of(const struct hs_capture *capture, uint64_t size)
{
    for (size_t i = 0; i < capture->n_blocks; i++)
        if (capture->blocks[i].size == size)
            return i;
    cr_fatal("there is no block of %d bytes", (int)size);
    return 0;
}

enum hs_reach reach_of(const struct hs_capture *capture, uint64_t size)
{
    struct hs_graph *graph = NULL;
    cr_assert(eq(int, hs_graph_create(capture, &graph, NULL), 0));
    enum hs_reach reach = graph->reach[block_of(capture, size)];
    hs_graph_destroy(graph);
    return reach;
}

uint32_t root_kind_of(const struct hs_capture *capture, uint64_t size)
{
    size_t block = block_of(capture, size);
    for (size_t i = 0; i < capture->n_root_edges; i++)
        if (capture->root_edges[i].to == block)
            return capture->roots[capture->root_edges[i].root].kind;
    return 0;
}

// SPDX-License-Identifier: MIT

/*
 * Lost trees, rings and chains: who leads, and who follows.
 */

#include "heapsnap/graph.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "tests/support/fake_capture.h"

/* Blocks of the given sizes, 64 KiB apart, that nothing points to yet. */
static struct fake *blocks_of(const uint64_t *sizes, size_t count)
{
    struct fake *fake = fake_create();
    for (size_t i = 0; i < count; i++)
        fake_block(fake, 0x10000 * (i + 1), sizes[i], HS_STACK_UNKNOWN);
    return fake;
}

static struct hs_graph *graph_of(struct fake *fake, struct hs_capture *capture)
{
    struct hs_graph *graph = NULL;
    *capture = fake_open(fake);
    cr_assert(eq(int, hs_graph_create(capture, &graph, NULL), 0));
    fake_destroy(fake);
    return graph;
}

static void end(struct hs_graph *graph, struct hs_capture *capture)
{
    hs_graph_destroy(graph);
    fake_close(capture);
}

Test(lost, a_lost_tree_is_led_by_its_root_however_small)
{
    static const uint64_t sizes[] = {16, 1000, 2000};
    struct fake *fake = blocks_of(sizes, 3);
    fake_edge(fake, 0, 0, 1, 0);
    fake_edge(fake, 1, 0, 2, 0);

    struct hs_capture capture;
    struct hs_graph *graph = graph_of(fake, &capture);

    cr_expect(eq(int, graph->is_leader[0], 1));
    cr_expect(eq(int, graph->is_leader[1] + graph->is_leader[2], 0));
    cr_expect(eq(u32, graph->leader[2], 0));
    cr_expect(eq(u64, graph->lost_bytes, 3016));
    end(graph, &capture);
}

Test(lost, a_ring_is_led_by_its_largest_block)
{
    static const uint64_t sizes[] = {16, 24, 64, 24};
    struct fake *fake = blocks_of(sizes, 4);
    for (uint32_t i = 0; i < 4; i++)
        fake_edge(fake, i, 0, (i + 1) % 4, 0);

    struct hs_capture capture;
    struct hs_graph *graph = graph_of(fake, &capture);

    for (uint32_t i = 0; i < 4; i++) {
        cr_expect(eq(int, graph->is_leader[i], i == 2));
        cr_expect(eq(u32, graph->leader[i], 2));
    }
    end(graph, &capture);
}

Test(lost, a_ring_below_another_ring_has_no_leader_of_its_own)
{
    static const uint64_t sizes[] = {16, 16, 500, 500};
    struct fake *fake = blocks_of(sizes, 4);
    fake_edge(fake, 0, 0, 1, 0);
    fake_edge(fake, 1, 0, 0, 0);
    fake_edge(fake, 1, 1, 2, 0);
    fake_edge(fake, 2, 0, 3, 0);
    fake_edge(fake, 3, 0, 2, 0);

    struct hs_capture capture;
    struct hs_graph *graph = graph_of(fake, &capture);

    cr_expect(eq(int, graph->is_leader[0], 1));
    cr_expect(
        eq(int, graph->is_leader[1] + graph->is_leader[2] + graph->is_leader[3], 0));
    cr_expect(eq(u32, graph->leader[3], 0));
    end(graph, &capture);
}

Test(lost, two_trees_that_share_a_block_keep_two_leaders)
{
    static const uint64_t sizes[] = {16, 16, 500};
    struct fake *fake = blocks_of(sizes, 3);
    fake_edge(fake, 0, 0, 2, 0);
    fake_edge(fake, 1, 0, 2, 0);

    struct hs_capture capture;
    struct hs_graph *graph = graph_of(fake, &capture);

    cr_expect(eq(int, graph->is_leader[0] + graph->is_leader[1], 2));
    cr_expect(eq(int, graph->is_leader[2], 0));
    end(graph, &capture);
}

Test(lost, a_pointer_to_a_live_block_neither_leads_nor_revives)
{
    static const uint64_t sizes[] = {16, 16};
    struct fake *fake = blocks_of(sizes, 2);
    fake_edge(fake, 0, 0, 1, 0);
    uint32_t root = fake_root(fake, HS_ROOT_MODULE, 0, 0x500, 0x600);
    fake_root_edge(fake, root, 0x500, 1, 0);

    struct hs_capture capture;
    struct hs_graph *graph = graph_of(fake, &capture);

    cr_expect(eq(int, graph->is_leader[0], 1));
    cr_expect(eq(int, graph->reach[1], HS_REACH_ROOT));
    cr_expect(eq(u32, graph->leader[1], UINT32_MAX));
    end(graph, &capture);
}

Test(lost, a_chain_of_a_million_blocks_needs_no_deep_stack)
{
    enum { LENGTH = 1000000 };
    struct fake *fake = fake_create();
    for (uint32_t i = 0; i < LENGTH; i++)
        fake_block(fake, 0x10000 + i * 32ull, 32, HS_STACK_UNKNOWN);
    for (uint32_t i = 0; i + 1 < LENGTH; i++)
        fake_edge(fake, i, 0, i + 1, 0);

    struct hs_capture capture;
    struct hs_graph *graph = graph_of(fake, &capture);

    cr_expect(eq(u64, graph->lost_blocks, LENGTH));
    cr_expect(eq(u32, graph->leader[LENGTH - 1], 0));
    end(graph, &capture);
}

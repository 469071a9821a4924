// SPDX-License-Identifier: MIT

/*
 * Small heaps drawn by hand: what the roots reach, and what only mappings hold.
 */

#include "heapsnap/graph.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "tests/support/fake_capture.h"

static struct hs_graph *graph_of(struct fake *fake, struct hs_capture *capture)
{
    struct hs_graph *graph = NULL;
    struct hs_error err = {0};
    *capture = fake_open(fake);
    cr_assert(eq(int, hs_graph_create(capture, &graph, &err), 0), "%s", err.text);
    fake_destroy(fake);
    return graph;
}

static void end(struct hs_graph *graph, struct hs_capture *capture)
{
    hs_graph_destroy(graph);
    fake_close(capture);
}

Test(graph, a_chain_from_a_root_is_reached_to_its_end)
{
    struct fake *fake = fake_create();
    for (uint32_t i = 0; i < 4; i++)
        fake_block(fake, 0x1000 + i * 0x100, 32, HS_STACK_UNKNOWN);
    for (uint32_t i = 0; i < 3; i++)
        fake_edge(fake, i, 1, i + 1, 0);
    uint32_t root = fake_root(fake, HS_ROOT_MODULE, 0, 0x500, 0x600);
    fake_root_edge(fake, root, 0x508, 0, 0);

    struct hs_capture capture;
    struct hs_graph *graph = graph_of(fake, &capture);

    for (int i = 0; i < 4; i++)
        cr_expect(eq(int, graph->reach[i], HS_REACH_ROOT));
    cr_expect(eq(u64, graph->lost_blocks, 0));
    end(graph, &capture);
}

Test(graph, edges_of_a_block_are_the_range_between_two_first_edges)
{
    struct fake *fake = fake_create();
    for (uint32_t i = 0; i < 4; i++)
        fake_block(fake, 0x1000 + i * 0x100, 32, HS_STACK_UNKNOWN);
    fake_edge(fake, 1, 0, 0, 0);
    fake_edge(fake, 1, 1, 2, 0);
    fake_edge(fake, 3, 0, 0, 0);

    struct hs_capture capture;
    struct hs_graph *graph = graph_of(fake, &capture);

    static const uint32_t expected[] = {0, 0, 2, 2, 3};
    for (int i = 0; i < 5; i++)
        cr_expect(eq(u32, graph->first_edge[i], expected[i]));
    end(graph, &capture);
}

Test(graph, what_hangs_below_an_unheld_mapping_is_not_lost)
{
    struct fake *fake = fake_create();
    fake_block(fake, 0x1000, 32, HS_STACK_UNKNOWN);
    fake_mapping(fake, 0x8000, 4096, HS_BLOCK_READ | HS_BLOCK_WRITE);
    fake_block(fake, 0xa000, 32, HS_STACK_UNKNOWN);
    fake_edge(fake, 1, 4, 2, 0);

    struct hs_capture capture;
    struct hs_graph *graph = graph_of(fake, &capture);

    cr_expect(eq(int, graph->reach[0], HS_REACH_LOST));
    cr_expect(eq(int, graph->reach[1], HS_REACH_MAPPING));
    cr_expect(eq(int, graph->reach[2], HS_REACH_MAPPING));
    cr_expect(eq(u64, graph->lost_blocks, 1));
    cr_expect(eq(u64, graph->lost_bytes, 32));
    end(graph, &capture);
}

Test(graph, a_mapping_that_a_root_points_to_counts_as_reached_by_it)
{
    struct fake *fake = fake_create();
    fake_mapping(fake, 0x8000, 4096, HS_BLOCK_READ | HS_BLOCK_WRITE);
    uint32_t root = fake_root(fake, HS_ROOT_MODULE, 0, 0x500, 0x600);
    fake_root_edge(fake, root, 0x500, 0, 64);

    struct hs_capture capture;
    struct hs_graph *graph = graph_of(fake, &capture);

    cr_expect(eq(int, graph->reach[0], HS_REACH_ROOT));
    end(graph, &capture);
}

Test(graph, what_data_holds_is_owned_and_what_a_stack_holds_is_not)
{
    struct fake *fake = fake_create();
    fake_block(fake, 0x1000, 32, HS_STACK_UNKNOWN);
    fake_block(fake, 0x2000, 32, HS_STACK_UNKNOWN);
    fake_block(fake, 0x3000, 32, HS_STACK_UNKNOWN);
    fake_edge(fake, 1, 0, 2, 0);
    uint32_t stack = fake_root(fake, HS_ROOT_STACK, 0, 0x7000, 0x8000);
    uint32_t data = fake_root(fake, HS_ROOT_MODULE, 0, 0x500, 0x600);
    fake_root_edge(fake, stack, 0x7000, 0, 0);
    fake_root_edge(fake, stack, 0x7008, 1, 0);
    fake_root_edge(fake, data, 0x500, 0, 0);

    struct hs_capture capture;
    struct hs_graph *graph = graph_of(fake, &capture);

    for (int i = 0; i < 3; i++) {
        cr_expect(eq(int, graph->reach[i], HS_REACH_ROOT));
        cr_expect(eq(int, graph->is_owned[i], i == 0));
    }
    cr_expect(eq(u64, graph->lost_blocks, 0));
    end(graph, &capture);
}

Test(graph, the_byte_behind_a_mapping_is_its_neighbours)
{
    struct fake *fake = fake_create();
    fake_block(fake, 0x1000, 32, HS_STACK_UNKNOWN);
    fake_mapping(fake, 0x8000, 4096, HS_BLOCK_READ | HS_BLOCK_WRITE);
    uint32_t data = fake_root(fake, HS_ROOT_MODULE, 0, 0x500, 0x600);
    fake_root_edge(fake, data, 0x500, 0, HS_PAST_END);
    fake_root_edge(fake, data, 0x508, 1, HS_PAST_END);

    struct hs_capture capture;
    struct hs_graph *graph = graph_of(fake, &capture);

    cr_expect(eq(int, graph->reach[0], HS_REACH_ROOT));
    cr_expect(eq(int, graph->reach[1], HS_REACH_MAPPING));
    end(graph, &capture);
}

Test(graph, an_empty_heap_has_an_empty_graph)
{
    struct hs_capture capture;
    struct hs_graph *graph = graph_of(fake_create(), &capture);

    cr_expect(eq(sz, graph->n_blocks, 0));
    cr_expect(eq(u64, graph->lost_blocks, 0));
    end(graph, &capture);
}

Test(graph, what_the_loader_allocated_for_itself_is_not_lost)
{
    struct fake *fake = fake_create();
    uint32_t loader = fake_module(fake, "/lib/ld.so", 0x100000, 0x110000, 64);
    uint32_t program = fake_module(fake, "/bin/program", 0x200000, 0x210000, 64);
    fake_module_at(fake, loader)->flags |= HS_MODULE_LOADER;
    uint32_t dlopen_call = fake_frame(fake, 0, 0x200010, program);
    uint32_t by_loader = fake_frame(fake, dlopen_call, 0x100010, loader);
    uint32_t by_constructor = fake_frame(fake, by_loader, 0x200020, program);
    fake_block(fake, 0x1000, 304, by_loader);
    fake_block(fake, 0x2000, 32, HS_STACK_UNKNOWN);
    fake_block(fake, 0x3000, 32, by_constructor);
    fake_edge(fake, 0, 1, 1, 0);

    struct hs_capture capture;
    struct hs_graph *graph = graph_of(fake, &capture);

    cr_expect(eq(int, graph->reach[0], HS_REACH_ROOT));
    cr_expect(eq(int, graph->reach[1], HS_REACH_ROOT));
    cr_expect(eq(int, graph->reach[2], HS_REACH_LOST));
    end(graph, &capture);
}

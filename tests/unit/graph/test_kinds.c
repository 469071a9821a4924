// SPDX-License-Identifier: MIT

/*
 * The same heaps by the rules of other tools: Valgrind's kinds, LeakSanitizer's direct
 * leaks, what a program asked to ignore, and evidence that is weak.
 */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "heapsnap/graph.h"
#include "tests/support/fake_capture.h"

#define MAX_BLOCKS 16

struct seen {
    struct hs_capture capture;
    struct hs_graph *graph;
    uint8_t kind[MAX_BLOCKS], is_direct[MAX_BLOCKS];
};

static struct seen look(struct fake *fake, struct hs_graph_options options)
{
    struct seen seen = {.capture = fake_open(fake)};
    struct hs_error err = {0};
    fake_destroy(fake);
    cr_assert(seen.capture.n_blocks <= MAX_BLOCKS);
    cr_assert(eq(int, hs_graph_create_as(&seen.capture, &options, &seen.graph, &err), 0),
              "%s", err.text);
    cr_assert(
        eq(int, hs_graph_kinds(&seen.capture, seen.graph, &options, seen.kind, &err), 0));
    hs_graph_is_direct(&seen.capture, seen.graph, seen.is_direct);
    return seen;
}

static void end(struct seen *seen)
{
    hs_graph_destroy(seen->graph);
    fake_close(&seen->capture);
}

/* `count` blocks of 16 bytes, and one root in module data that points to nothing yet. */
static struct fake *blocks(uint32_t count)
{
    struct fake *fake = fake_create();
    for (uint32_t i = 0; i < count; i++)
        fake_block(fake, 0x10000 * (i + 1), 16, HS_STACK_UNKNOWN);
    fake_root(fake, HS_ROOT_MODULE, 0, 0x500, 0x600);
    return fake;
}

/* From the root: to the start of a block, or into it. */
static void hold(struct fake *fake, uint32_t block, uint32_t inside)
{
    fake_root_edge(fake, 0, 0x500 + block * 8, block, inside);
}

Test(kinds, the_nine_cases_of_valgrinds_manual)
{
    enum { START = 0, INSIDE = 8 };
    struct fake *fake = blocks(15);
    hold(fake, 0, START); /* 1: R → 0 */
    hold(fake, 1, START); /* 2: R → 1 → 2 */
    fake_edge(fake, 1, 0, 2, START);
    /* 3: nothing → 3; 4: 4 → 5 */
    fake_edge(fake, 4, 0, 5, START);
    hold(fake, 6, INSIDE); /* 5: R ? 6 */
    hold(fake, 7, START);  /* 6: R → 7 ? 8 */
    fake_edge(fake, 7, 0, 8, INSIDE);
    hold(fake, 9, INSIDE); /* 7: R ? 9 → 10 */
    fake_edge(fake, 9, 0, 10, START);
    hold(fake, 11, INSIDE); /* 8: R ? 11 ? 12 */
    fake_edge(fake, 11, 0, 12, INSIDE);
    fake_edge(fake, 13, 0, 14, INSIDE); /* 9: 13 ? 14 */

    struct seen seen = look(fake, (struct hs_graph_options){0});

    static const uint8_t expected[15] = {
        HS_LEAK_REACHABLE, HS_LEAK_REACHABLE, HS_LEAK_REACHABLE, HS_LEAK_DEFINITE,
        HS_LEAK_DEFINITE,  HS_LEAK_INDIRECT,  HS_LEAK_POSSIBLE,  HS_LEAK_REACHABLE,
        HS_LEAK_POSSIBLE,  HS_LEAK_POSSIBLE,  HS_LEAK_POSSIBLE,  HS_LEAK_POSSIBLE,
        HS_LEAK_POSSIBLE,  HS_LEAK_DEFINITE,  HS_LEAK_INDIRECT};
    for (int i = 0; i < 15; i++)
        cr_expect(eq(int, seen.kind[i], expected[i]), "block %d", i);
    end(&seen);
}

Test(kinds, a_pointer_to_a_second_base_class_is_as_good_as_one_to_the_start)
{
    struct fake *fake = blocks(3);
    for (uint32_t i = 0; i < 3; i++)
        hold(fake, i, 8);
    fake_word(fake, 0, 0, 0x400010);
    fake_word(fake, 0, 1, 0x400030);
    fake_word(fake, 1, 0, 0x400010); /* no table in the middle */
    fake_word(fake, 2, 1, 0x400030); /* none at the start */

    struct seen seen = look(fake, (struct hs_graph_options){0});

    cr_expect(eq(int, seen.kind[0], HS_LEAK_REACHABLE));
    cr_expect(eq(int, seen.kind[1], HS_LEAK_POSSIBLE));
    cr_expect(eq(int, seen.kind[2], HS_LEAK_POSSIBLE));
    end(&seen);
}

Test(kinds, a_pointer_behind_a_count_is_as_good_as_one_to_the_start)
{
    struct fake *fake = blocks(4);
    static const uint32_t inside[4] = {8, 8, 24, 24};
    static const uint32_t flags[4] = {HS_BLOCK_COUNTED, HS_BLOCK_STRING, HS_BLOCK_STRING,
                                      HS_BLOCK_COUNTED};
    for (uint32_t i = 0; i < 4; i++) {
        fake_block_at(fake, i)->flags |= flags[i];
        hold(fake, i, inside[i]);
    }

    struct seen seen = look(fake, (struct hs_graph_options){0});

    for (uint32_t i = 0; i < 4; i++)
        cr_expect(eq(int, seen.kind[i], i % 2 ? HS_LEAK_POSSIBLE : HS_LEAK_REACHABLE));
    end(&seen);
}

Test(kinds, an_empty_array_is_held_by_the_pointer_behind_its_count)
{
    struct fake *fake = blocks(1);
    uint32_t empty = fake_block(fake, 0x90000, 8, HS_STACK_UNKNOWN);
    hold(fake, 0, HS_PAST_END);
    hold(fake, empty, HS_PAST_END);

    struct seen seen = look(fake, (struct hs_graph_options){.ignores_past_end = true});

    cr_expect(eq(int, seen.kind[0], HS_LEAK_DEFINITE));
    cr_expect(eq(int, seen.kind[empty], HS_LEAK_REACHABLE));
    end(&seen);
}

Test(kinds, one_past_the_end_leads_to_nothing_lost_when_it_is_ignored)
{
    struct fake *fake = blocks(2);
    fake_edge(fake, 0, 0, 1, HS_PAST_END);

    struct seen seen = look(fake, (struct hs_graph_options){.ignores_past_end = true});

    cr_expect(eq(int, seen.graph->is_leader[1], 1));
    cr_expect(eq(int, seen.is_direct[1], 1));
    end(&seen);
}

Test(kinds, a_ring_has_a_definite_leader_and_nothing_direct)
{
    struct fake *fake = blocks(3);
    fake_edge(fake, 0, 0, 1, 0);
    fake_edge(fake, 1, 0, 0, 0);
    fake_edge(fake, 2, 0, 0, 0);

    struct seen ring_below = look(fake, (struct hs_graph_options){0});
    fake = blocks(2);
    fake_edge(fake, 0, 0, 1, 0);
    fake_edge(fake, 1, 0, 0, 0);
    struct seen ring = look(fake, (struct hs_graph_options){0});

    cr_expect(eq(int, ring_below.kind[2], HS_LEAK_DEFINITE));
    cr_expect(eq(int, ring_below.kind[0], HS_LEAK_INDIRECT));
    cr_expect(eq(int, ring_below.is_direct[2], 1));
    cr_expect(eq(int, ring.kind[0] + ring.kind[1], HS_LEAK_DEFINITE + HS_LEAK_INDIRECT));
    cr_expect(eq(int, ring.is_direct[0] + ring.is_direct[1], 0));
    end(&ring_below);
    end(&ring);
}

Test(kinds, an_ignored_block_holds_what_it_points_to)
{
    struct fake *fake = blocks(3);
    fake_edge(fake, 0, 0, 1, 0);
    fake_block_at(fake, 0)->flags |= HS_BLOCK_IGNORED;

    struct seen seen = look(fake, (struct hs_graph_options){0});

    cr_expect(eq(int, seen.graph->reach[0], HS_REACH_IGNORED));
    cr_expect(eq(int, seen.graph->reach[1], HS_REACH_IGNORED));
    cr_expect(eq(int, seen.graph->reach[2], HS_REACH_LOST));
    cr_expect(eq(int, seen.kind[1], HS_LEAK_REACHABLE));
    end(&seen);
}

Test(kinds, blocks_can_be_held_on_demand)
{
    static const uint8_t is_held[3] = {0, 1, 0};
    struct fake *fake = blocks(3);
    fake_edge(fake, 1, 0, 2, 0);

    struct seen seen = look(fake, (struct hs_graph_options){.is_held = is_held});

    cr_expect(eq(int, seen.kind[0], HS_LEAK_DEFINITE));
    cr_expect(eq(int, seen.graph->reach[1], HS_REACH_IGNORED));
    cr_expect(eq(int, seen.graph->reach[2], HS_REACH_IGNORED));
    end(&seen);
}

Test(kinds, a_declared_region_is_a_root_and_other_memory_is_weak_evidence)
{
    struct fake *fake = blocks(3);
    uint32_t region = fake_root(fake, HS_ROOT_REGION, UINT32_MAX, 0x7000, 0x8000);
    uint32_t weak = fake_root(fake, HS_ROOT_WEAK, UINT32_MAX, 0x9000, 0xa000);
    fake_edge(fake, 1, 0, 2, 0);
    fake_root_edge(fake, region, 0x7000, 0, 0);
    fake_root_edge(fake, weak, 0x9000, 0, 0);
    fake_root_edge(fake, weak, 0x9008, 1, 0);

    struct seen seen = look(fake, (struct hs_graph_options){0});

    cr_expect(eq(int, seen.graph->reach[0], HS_REACH_ROOT));
    cr_expect(eq(int, seen.graph->is_owned[0], 1));
    cr_expect(eq(int, seen.graph->reach[1], HS_REACH_WEAK));
    cr_expect(eq(int, seen.graph->reach[2], HS_REACH_WEAK));
    cr_expect(eq(int, seen.kind[1], HS_LEAK_POSSIBLE));
    cr_expect(eq(u64, seen.graph->lost_blocks, 0));
    end(&seen);
}

Test(kinds, mappings_hold_nothing_when_they_are_ignored_and_are_never_lost)
{
    struct fake *fake = blocks(1);
    fake_mapping(fake, 0x90000, 4096, HS_BLOCK_READ | HS_BLOCK_WRITE);
    fake_edge(fake, 1, 0, 0, 0);
    hold(fake, 1, 0);

    struct seen seen = look(fake, (struct hs_graph_options){.ignores_mappings = true});

    cr_expect(eq(int, seen.graph->reach[0], HS_REACH_LOST));
    cr_expect(eq(int, seen.is_direct[0], 1));
    cr_expect(eq(int, seen.graph->reach[1], HS_REACH_MAPPING));
    cr_expect(eq(int, seen.kind[1], HS_LEAK_REACHABLE));
    end(&seen);
}

// SPDX-License-Identifier: MIT

/*
 * The trie of stacks: the same stack is the same number, whatever the table had to do.
 */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>

#include "probes/tracker/intern.h"
#include "probes/tracker/stack.h"
#include "tests/support/trie.h"

Test(intern, a_stack_is_the_chain_of_its_callers)
{
    hs_intern_init();
    uint32_t outer = trie_intern(HS_STACK_NONE, 0x1000);
    uint32_t inner = trie_intern(outer, 0x2000);

    uint32_t count;
    const struct hs_capture_frame *nodes = hs_stack_nodes(&count);

    cr_assert(gt(u32, count, inner));
    cr_expect(eq(u64, nodes[inner].address, 0x2000));
    cr_expect(eq(u32, nodes[inner].parent, outer));
    cr_expect(eq(u64, nodes[outer].address, 0x1000));
    cr_expect(eq(u32, nodes[outer].parent, HS_STACK_NONE));
}

Test(intern, the_same_frame_under_another_caller_is_another_node)
{
    hs_intern_init();
    uint32_t one = trie_intern(HS_STACK_NONE, 0x1000);
    uint32_t two = trie_intern(HS_STACK_NONE, 0x1008);

    uint32_t under_one = trie_intern(one, 0x2000);
    uint32_t under_two = trie_intern(two, 0x2000);

    cr_expect(ne(u32, under_one, under_two));
    cr_expect(eq(u32, trie_intern(one, 0x2000), under_one));
}

Test(intern, stacks_of_the_same_frames_in_another_order_are_different)
{
    enum { DEPTH = 15 };
    hs_intern_init();
    uint32_t before, after;
    hs_stack_nodes(&before);

    for (uint32_t path = 0; path < 1u << DEPTH; path++) {
        uint32_t node = HS_STACK_NONE;
        for (int bit = 0; bit < DEPTH; bit++)
            node = trie_intern(node, path >> bit & 1 ? 0x5594ef7ef8b5 : 0x5594ef7ef873);
    }

    hs_stack_nodes(&after);
    cr_expect(eq(u32, after - before, (2u << DEPTH) - 2));
}

Test(intern, nodes_are_found_again_after_the_table_has_grown)
{
    enum { N = 100000 };
    static uint32_t first[N];
    hs_intern_init();
    for (uint32_t i = 0; i < N; i++)
        first[i] = trie_intern(i % 7 ? first[i / 2] : HS_STACK_NONE, 0x1000 + 16u * i);

    uint32_t before, after, changed = 0;
    hs_stack_nodes(&before);
    for (int round = 0; round < 2; round++)
        for (uint32_t i = 0; i < N; i++)
            changed += trie_intern(i % 7 ? first[i / 2] : HS_STACK_NONE, 0x1000 + 16u * i)
                       != first[i];
    hs_stack_nodes(&after);

    cr_expect(eq(u32, changed, 0));
    cr_expect(eq(u32, before, N + 2));
    cr_expect(eq(u32, after, before));
}

static void *intern_all(void *context)
{
    uint32_t *result = context;
    for (uint32_t i = 0; i < 20000; i++)
        result[i] = trie_intern(HS_STACK_NONE, 0x1000 + 16u * i);
    return NULL;
}

Test(intern, threads_that_meet_the_same_stacks_agree)
{
    static uint32_t results[4][20000];
    pthread_t threads[4];
    hs_intern_init();
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, intern_all, results[i]);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);

    uint32_t count;
    const struct hs_capture_frame *nodes = hs_stack_nodes(&count);
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < 20000; i++)
        for (int j = 0; j < 4; j++)
            wrong += nodes[results[j][i]].address != 0x1000 + 16u * i;

    cr_expect(eq(u32, wrong, 0));
}

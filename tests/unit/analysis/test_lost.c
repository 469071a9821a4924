// SPDX-License-Identifier: MIT

/* Groups of lost blocks. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "tests/unit/analysis/support.h"

/* "6 of 2 [a! 1+2 30 f/0]": all lost, in how many groups; of each the first leader, how
 * many lead and are below, bytes retained, and the site. */
static void expect_lost(const char *edges, const char *expected)
{
    struct graph graph = graph_create(edges);
    const struct hs_snapshot *snapshot = graph.snapshot;
    struct hs_lost *lost = NULL;
    char text[512];

    cr_assert(eq(int, hs_lost_create(graph.analysis, &lost, NULL), 0));

    size_t used =
        (size_t)snprintf(text, sizeof(text), "%u of %u", lost->count, lost->group_count);
    for (uint32_t i = 0; i < lost->group_count; i++) {
        const struct hs_lost_group *group = &lost->groups[i];
        uint32_t leader = lost->leaders[group->first_leader];
        const char *site = group->site == HS_ANALYSIS_NONE
                               ? "-"
                               : snapshot->strings[snapshot->node_name[group->site]];
        used += (size_t)snprintf(text + used, sizeof(text) - used, " [%s %u+%u %d %s/%u]",
                                 snapshot->strings[snapshot->node_name[leader]],
                                 group->leader_count, group->below_count,
                                 (int)group->retained, site, group->other_sites);
    }
    if (lost->shared_count > 0)
        snprintf(text + used, sizeof(text) - used, " shared %u %d", lost->shared_count,
                 (int)lost->shared_bytes);
    cr_expect(eq(str, text, (char *)expected));
    hs_lost_destroy(lost);
    graph_destroy(&graph);
}

Test(lost, a_file_without_detached_nodes_has_lost_nothing)
{
    expect_lost("r>(g) (g)>a a>b", "0 of 0");
}

Test(lost, leaders_of_one_stack_are_one_group_with_what_only_they_hold)
{
    expect_lost("r>(g) (g)>a r>(L) (L)>(s) (s)>b! (s)>c! b!>d d>e b!~>f=allocated_at "
                "c!~>f=allocated_at",
                "4 of 1 [b! 2+2 40 f/0]");
}

Test(lost, the_group_that_retains_most_comes_first)
{
    expect_lost("r>(L) (L)>(s) (s)>a! (L)>(t) (t)>b! b!>c a!~>f=allocated_at "
                "b!~>g=allocated_at",
                "3 of 2 [b! 1+1 20 g/0] [a! 1+0 10 f/0]");
}

Test(lost, in_a_group_the_leader_that_retains_most_comes_first)
{
    expect_lost("r>(L) (L)>(s) (s)>a! (s)>b! b!>c a!~>f=allocated_at b!~>f=allocated_at",
                "3 of 1 [b! 2+1 30 f/0]");
}

Test(lost, what_leaders_of_one_stack_hold_together_belongs_to_their_group)
{
    expect_lost("r>(L) (L)>(s) (s)>a! (s)>b! a!>c b!>c a!~>f=allocated_at "
                "b!~>f=allocated_at",
                "3 of 1 [a! 2+1 30 f/0]");
}

Test(lost, what_leaders_of_two_stacks_hold_together_belongs_to_none)
{
    expect_lost("r>(L) (L)>(s) (s)>a! (L)>(t) (t)>b! a!>c b!>c c>d a!~>f=allocated_at "
                "b!~>g=allocated_at",
                "4 of 2 [a! 1+0 10 f/0] [b! 1+0 10 g/0] shared 2 20");
}

Test(lost, what_something_live_holds_is_not_lost)
{
    expect_lost("r>(g) (g)>a a>c r>(L) (L)>(s) (s)>b! b!~>c b!~>f=allocated_at",
                "1 of 1 [b! 1+0 10 f/0]");
}

Test(lost, stacks_that_the_group_does_not_tell_apart_are_counted)
{
    expect_lost("r>(L) (L)>(s) (s)>a! (s)>b! (s)>c! a!~>f=allocated_at "
                "b!~>g=allocated_at c!~>g=allocated_at",
                "3 of 1 [a! 3+0 30 g/1]");
}

Test(lost, without_stacks_the_class_makes_a_group)
{
    expect_lost("r>(L) (L)>(s) (s)>a! (s)>b! b!>c",
                "3 of 2 [b! 1+1 20 -/0] [a! 1+0 10 -/0]");
}

/* As in DevTools "c" is detached because "text!" is, though the window holds it. */
Test(lost, detached_nodes_of_a_browser_are_lost_with_what_they_hold)
{
    expect_lost("r>window window>a a>div! div!>text! text!>c window>c r>(x) (x)~>d",
                "3 of 1 [div! 1+1 20 -/0] shared 1 10");
}

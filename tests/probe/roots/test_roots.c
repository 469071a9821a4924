// SPDX-License-Identifier: MIT

/* What holds a block, and what only looks so. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "probes/abi.h"
#include "support.h"

/* One program in `mode`, one capture of it. */
struct scene {
    struct program program;
    struct hs_capture capture;
};

static struct scene look_at(const char *mode)
{
    struct scene scene = {.program = program_start(mode, "", -1, 0)};
    scene.capture = program_capture(scene.program.pid);
    return scene;
}

static void leave(struct scene *scene)
{
    hs_capture_close(&scene->capture);
    program_end(&scene->program);
}

static void expect_held(const struct scene *scene, uint64_t size)
{
    cr_expect(eq(int, reach_of(&scene->capture, size), HS_REACH_ROOT), "%d bytes",
              (int)size);
}

static void expect_lost(const struct scene *scene, uint64_t size)
{
    cr_expect(eq(int, reach_of(&scene->capture, size), HS_REACH_LOST), "%d bytes",
              (int)size);
}

Test(roots, values_of_many_thread_keys)
{
    struct scene scene = look_at("keys");

    for (uint64_t i = 0; i < 40; i++) {
        expect_held(&scene, 2000 + i);
        expect_held(&scene, 2100 + i);
    }
    cr_expect(eq(u32, root_kind_of(&scene.capture, 2000), HS_ROOT_TLS));
    cr_expect(eq(u32, root_kind_of(&scene.capture, 2100), HS_ROOT_TLS));
    leave(&scene);
}

/* Root edges from thread-local memory to blocks of that size. */
static int count_by_tls(const struct hs_capture *capture, uint64_t size)
{
    int count = 0;
    for (size_t i = 0; i < capture->n_root_edges; i++)
        count += capture->roots[capture->root_edges[i].root].kind == HS_ROOT_TLS
                 && capture->blocks[capture->root_edges[i].to].size == size;
    return count;
}

Test(roots, thread_local_variables_of_programs_and_of_late_modules)
{
    struct scene scene = look_at("tls");

    for (uint64_t i = 0; i < 3; i++) {
        expect_held(&scene, 2200 + i);
        expect_held(&scene, 2210 + i);
    }
    cr_expect(eq(u32, root_kind_of(&scene.capture, 2200), HS_ROOT_TLS));
    cr_expect(eq(u32, root_kind_of(&scene.capture, 2210), HS_ROOT_TLS));
    cr_expect(ge(int, count_by_tls(&scene.capture, 200008), 2), "tables of modules");
    leave(&scene);
}

Test(roots, the_stack_of_a_coroutine_that_waits)
{
    struct scene scene = look_at("coroutine");

    expect_held(&scene, 2301);
    leave(&scene);
}

Test(roots, both_stacks_of_a_thread_that_runs_on_another_one)
{
    struct scene scene = look_at("far stack");

    expect_held(&scene, 2302);
    expect_held(&scene, 2303);
    expect_held(&scene, 2304);
    cr_expect(eq(u32, root_kind_of(&scene.capture, 2303), HS_ROOT_STACK));
    cr_expect(eq(u32, root_kind_of(&scene.capture, 2302), HS_ROOT_STACK));
    leave(&scene);
}

Test(roots, the_stack_of_a_signal_handler_and_the_one_it_interrupted)
{
    struct scene scene = look_at("signal stack");

    expect_held(&scene, 2307);
    expect_held(&scene, 2308);
    leave(&scene);
}

Test(roots, dead_frames_hold_nothing_and_unreadable_pages_do_no_harm)
{
    struct scene scene = look_at("dead frames");

    expect_lost(&scene, 2305);
    expect_held(&scene, 2306);
    leave(&scene);
}

Test(roots, the_stacks_of_ended_threads_hold_nothing)
{
    struct scene scene = look_at("dead threads");

    expect_lost(&scene, 2309);
    leave(&scene);
}

Test(roots, a_register_of_a_running_thread)
{
    struct scene scene = look_at("register");

    expect_held(&scene, 2310);
    leave(&scene);
}

Test(roots, memory_that_nobody_has_seen_being_mapped_is_weak_evidence)
{
    struct scene scene = look_at("unknown memory");

    cr_expect(eq(int, reach_of(&scene.capture, 2401), HS_REACH_WEAK));
    cr_expect(eq(u32, root_kind_of(&scene.capture, 2401), HS_ROOT_WEAK));
    leave(&scene);
}

/* Neither the allocator's free memory nor our own tables, which name every block. */
Test(roots, free_memory_holds_nothing)
{
    struct scene scene = look_at("free memory");

    for (uint64_t size = 2402; size <= 2404; size++) {
        expect_lost(&scene, size);
        cr_expect(eq(u32, root_kind_of(&scene.capture, size), 0), "%d", (int)size);
    }
    leave(&scene);
}

Test(roots, pointers_to_ends_and_middles_hold_and_those_to_oneself_do_not)
{
    struct scene scene = look_at("odd");

    expect_held(&scene, 2408);
    expect_held(&scene, 2416);
    expect_lost(&scene, 2424);
    expect_lost(&scene, 0);
    cr_expect(eq(sz, count_blocks(&scene.capture, 2432), 1024));
    struct hs_graph *graph = NULL;
    cr_assert(eq(int, hs_graph_create(&scene.capture, &graph, NULL), 0));
    for (size_t i = 0; i < scene.capture.n_blocks; i++)
        if (scene.capture.blocks[i].size == 2432)
            cr_expect(eq(int, graph->reach[i], HS_REACH_ROOT));
    cr_expect(graph->is_leader[block_of(&scene.capture, 2424)]);
    hs_graph_destroy(graph);
    leave(&scene);
}

Test(roots, a_block_is_read_behind_a_page_that_cannot_be)
{
    struct scene scene = look_at("protected page");

    expect_held(&scene, 2440);
    leave(&scene);
}

Test(roots, a_declared_region_as_far_as_it_can_be_read)
{
    struct scene scene = look_at("region");

    expect_held(&scene, 2448);
    cr_expect(eq(u32, root_kind_of(&scene.capture, 2448), HS_ROOT_REGION));
    expect_held(&scene, 2456);
    expect_lost(&scene, 2464);
    leave(&scene);
}

Test(roots, blocks_of_more_than_four_gigabytes)
{
    struct scene scene = look_at("large block");

    expect_held(&scene, (5ull << 30) + 1);
    expect_lost(&scene, (5ull << 30) + 2);
    expect_held(&scene, 2472);
    cr_expect(lt(u64, scene.capture.header->scanned_bytes, 64u << 20));
    leave(&scene);
}

#if defined(__x86_64__) && defined(__GLIBC__)
Test(roots, a_thread_that_cannot_be_stopped_is_found_by_libcs_record_of_it)
{
    struct scene scene = look_at("deaf thread");

    cr_expect(eq(u32, scene.capture.header->threads_missed, 1));
    expect_held(&scene, 2540);
    expect_held(&scene, 2548);
    cr_expect(eq(u32, root_kind_of(&scene.capture, 2548), HS_ROOT_TLS));
    cr_expect(eq(u32, root_kind_of(&scene.capture, 2540), HS_ROOT_STACK));
    leave(&scene);
}
#endif

Test(roots, what_a_thread_gets_at_its_start_is_held_all_the_while)
{
    struct program program = program_start("starting threads", "", -1, 0);

    for (int i = 0; i < 20; i++) {
        struct hs_capture capture = program_capture(program.pid);
        struct hs_graph *graph = NULL;
        cr_assert(eq(int, hs_graph_create(&capture, &graph, NULL), 0));
        for (size_t j = 0; j < capture.n_blocks; j++)
            if (capture.blocks[j].size == 2500)
                cr_expect(ne(int, graph->reach[j], HS_REACH_LOST));
        hs_graph_destroy(graph);
        hs_capture_close(&capture);
    }
    kill(program.pid, SIGKILL);
    program_end(&program);
}

Test(roots, ended_threads_leave_nothing_behind)
{
    struct scene scene = look_at("ended threads");
    struct hs_graph *graph = NULL;

    cr_assert(eq(int, hs_graph_create(&scene.capture, &graph, NULL), 0));
    cr_expect(eq(u64, graph->lost_blocks, 0));
    cr_expect(eq(sz, count_blocks(&scene.capture, 2508), 0));
    hs_graph_destroy(graph);
    leave(&scene);
}

Test(roots, a_child_of_a_thread_has_that_threads_stack_alone)
{
    struct program program = program_start("nothing", "follow=1", -1, 0);
    pid_t child = atoi(program_ask(&program, "fork"));

    struct hs_capture capture = program_capture(child);

    cr_expect(eq(sz, capture.n_threads, 1));
    cr_expect(eq(int, reach_of(&capture, 2516), HS_REACH_ROOT));
    cr_expect(eq(int, reach_of(&capture, 2524), HS_REACH_LOST));
    cr_expect(eq(int, reach_of(&capture, 2532), HS_REACH_LOST));
    hs_capture_close(&capture);
    kill(child, SIGKILL);
    program_end(&program);
}

Test(roots, signals_that_come_while_threads_stand_still_are_not_lost)
{
    struct program program = program_start("signals", "", -1, 0);
    union sigval nothing = {.sival_int = 0};
    char expected[16];
    int sent = 0;

    for (int i = 0; i < 20; i++) {
        for (int j = 0; j < 20; j++)
            sent += sigqueue(program.pid, SIGRTMIN + 5, nothing) == 0;
        struct hs_capture capture = program_capture(program.pid);
        hs_capture_close(&capture);
    }

    snprintf(expected, sizeof(expected), "%d", sent);
    cr_expect(eq(str, (char *)program_ask(&program, "signals"), expected));
    program_end(&program);
}

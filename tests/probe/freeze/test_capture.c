// SPDX-License-Identifier: MIT

/* What a capture of a real program contains. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "heapsnap/graph.h"
#include "heapsnap/process.h"
#include "probes/abi.h"
#include "support.h"

static const struct hs_capture_block *block_of(const struct hs_capture *capture,
                                               uint64_t size)
{
    for (size_t i = 0; i < capture->n_blocks; i++)
        if (capture->blocks[i].size == size)
            return &capture->blocks[i];
    cr_fatal("there is no block of %d bytes", (int)size);
    return NULL;
}

static enum hs_reach reach_of(const struct hs_capture *capture, uint64_t size)
{
    struct hs_graph *graph = NULL;
    cr_assert(eq(int, hs_graph_create(capture, &graph, NULL), 0));
    enum hs_reach reach = graph->reach[block_of(capture, size) - capture->blocks];
    hs_graph_destroy(graph);
    return reach;
}

Test(capture, holds_every_live_block_and_its_pointers)
{
    struct program program = program_start("chain", "", -1, 0);

    struct hs_capture capture = program_capture(program.pid);

    cr_expect(ge(sz, count_blocks(&capture, 64), 1000));
    cr_expect(ge(sz, capture.n_edges, 999));
    cr_expect(ge(sz, capture.n_root_edges, 1000));
    cr_expect(ge(u64, capture.header->usable_bytes, 64000));
    cr_expect(gt(u64, capture.header->pause_ns, 0));
    cr_expect(ge(u64, capture.header->pause_ns, capture.header->fork_ns));
    cr_expect(eq(u64, capture.header->records_dropped, 0));
    hs_capture_close(&capture);
    cr_expect(eq(int, program_end(&program), 7));
}

Test(capture, what_nothing_points_to_is_lost_and_nothing_else)
{
    struct program program = program_start("lost", "", -1, 0);
    struct hs_capture capture = program_capture(program.pid);
    struct hs_graph *graph = NULL;

    cr_assert(eq(int, hs_graph_create(&capture, &graph, NULL), 0));

    cr_expect(eq(u64, graph->lost_blocks, 200));
    cr_expect(eq(u64, graph->lost_bytes, 9600));
    hs_graph_destroy(graph);
    hs_capture_close(&capture);
    program_end(&program);
}

Test(capture, the_allocator_does_not_hold_the_last_block)
{
    struct program program = program_start("last", "", -1, 0);
    struct hs_capture capture = program_capture(program.pid);

    cr_expect(eq(int, reach_of(&capture, 32), HS_REACH_LOST));
    cr_expect(eq(int, reach_of(&capture, 40000), HS_REACH_LOST));

    hs_capture_close(&capture);
    program_end(&program);
}

Test(capture, what_glibc_keeps_of_joined_threads_is_not_lost)
{
    struct program program = program_start("joined", "", -1, 0);
    struct hs_capture capture = program_capture(program.pid);
    struct hs_graph *graph = NULL;

    cr_assert(eq(int, hs_graph_create(&capture, &graph, NULL), 0));

    cr_expect(ge(sz, capture.n_blocks, 4));
    cr_expect(eq(u64, graph->lost_blocks, 0));
    hs_graph_destroy(graph);
    hs_capture_close(&capture);
    program_end(&program);
}

Test(capture, threads_are_stopped_wherever_they_wait)
{
    struct program program = program_start("threads", "", -1, 0);

    struct hs_capture capture = program_capture(program.pid);

    cr_expect(eq(sz, capture.n_threads, 10));
    cr_expect(eq(u32, capture.header->threads_missed, 0));
    for (size_t i = 0; i < capture.n_threads; i++) {
        cr_expect(eq(u32, capture.threads[i].stopped, 1));
        cr_expect(gt(u64, capture.threads[i].stacks_size, 0));
    }
    cr_expect(eq(int, reach_of(&capture, 1111), HS_REACH_ROOT)); /* thread-local */
    cr_expect(eq(int, reach_of(&capture, 2222), HS_REACH_ROOT)); /* on a stack */
    cr_expect(eq(int, reach_of(&capture, 3333), HS_REACH_ROOT));
    hs_capture_close(&capture);
    cr_expect(eq(str, (char *)program_ask(&program, "hello"), "alive"));
    cr_expect(eq(int, program_end(&program), 7));
}

#if defined(__x86_64__)
Test(capture, vector_registers_hold_while_a_thread_runs_and_not_while_it_sleeps)
{
    struct program program = program_start("vector", "", -1, 0);

    for (int i = 0; i < 3; i++) {
        struct hs_capture capture = program_capture(program.pid);
        cr_expect(eq(u32, capture.header->threads_missed, 0));
        cr_expect(eq(int, reach_of(&capture, 8881), HS_REACH_ROOT));
        cr_expect(eq(int, reach_of(&capture, 8883), HS_REACH_ROOT));
        cr_expect(eq(int, reach_of(&capture, 8882), HS_REACH_LOST));
        cr_expect(eq(int, reach_of(&capture, 8884), HS_REACH_LOST));
        hs_capture_close(&capture);
    }

    program_end(&program);
}
#endif

Test(capture, a_thread_that_blocks_every_signal_is_named_and_still_scanned)
{
    struct program program = program_start("blocked", "", -1, 0);

    struct hs_capture capture = program_capture(program.pid);

    cr_expect(eq(sz, capture.n_threads, 4));
    cr_expect(eq(u32, capture.header->threads_missed, 1));
    cr_expect(eq(int, reach_of(&capture, 4444), HS_REACH_ROOT));
    cr_expect(eq(int, reach_of(&capture, 5555), HS_REACH_ROOT));
    hs_capture_close(&capture);
    cr_expect(eq(str, (char *)program_ask(&program, "hello"), "alive"),
              "a waiting thread took our signal");
    program_end(&program);
}

Test(capture, a_block_keeps_its_id_and_a_new_one_gets_a_greater)
{
    struct program program = program_start("chain", "", -1, 0);
    struct hs_capture first = program_capture(program.pid);
    uint32_t greatest = 0;

    program_ask(&program, "grow");
    struct hs_capture second = program_capture(program.pid);

    cr_assert(eq(sz, second.n_blocks, first.n_blocks + 1));
    for (size_t i = 0, j = 0; i < first.n_blocks; i++, j++) {
        j += second.blocks[j].size == 5000;
        cr_assert(eq(u64, second.blocks[j].address, first.blocks[i].address));
        cr_expect(eq(u32, second.blocks[j].id, first.blocks[i].id));
        if (first.blocks[i].id > greatest)
            greatest = first.blocks[i].id;
    }
    cr_expect(gt(u32, block_of(&second, 5000)->id, greatest));
    cr_expect(eq(u32, second.threads[0].id, first.threads[0].id));
    cr_expect(eq(u32, second.threads[0].stack_id, first.threads[0].stack_id));
    cr_assert(eq(sz, second.n_handles, first.n_handles));
    for (size_t i = 0; i < first.n_handles; i++)
        cr_expect(eq(u32, second.handles[i].id, first.handles[i].id));
    for (size_t i = 0; i < first.n_modules; i++)
        cr_expect(eq(u32, second.modules[i].id, first.modules[i].id));
    hs_capture_close(&first);
    hs_capture_close(&second);
    program_end(&program);
}

Test(capture, a_reservation_of_a_hundred_gigabytes_is_not_read)
{
    struct program program = program_start("reservation", "", -1, 0);

    struct hs_capture capture = program_capture(program.pid);

    cr_expect(lt(u64, capture.header->scanned_bytes, 64u << 20));
    cr_expect(eq(int, reach_of(&capture, 6666), HS_REACH_ROOT));
    hs_capture_close(&capture);
    program_end(&program);
}

Test(capture, memory_that_cannot_be_read_is_skipped_and_counted)
{
    struct program program = program_start("truncated", "", -1, 0);

    struct hs_capture capture = program_capture(program.pid);

    cr_expect(ge(u64, capture.header->unscanned_bytes, 4096));
    cr_expect(eq(int, reach_of(&capture, 7777), HS_REACH_ROOT));
    hs_capture_close(&capture);
    cr_expect(eq(int, program_end(&program), 7));
}

Test(capture, busy_threads_do_not_disturb_it)
{
    struct program program = program_start("churn", "", -1, 0);

    for (int i = 0; i < 5; i++) {
        struct hs_capture capture = program_capture(program.pid);
        cr_expect(ge(sz, count_blocks(&capture, 64), 1000));
        cr_expect(le(sz, count_blocks(&capture, 100), 3));
        cr_expect(eq(u32, capture.header->threads_missed, 0));
        hs_capture_close(&capture);
    }

    cr_expect(eq(str, (char *)program_ask(&program, "hello"), "alive"));
    program_end(&program);
}

/* Where there is one processor only, there is one thread only. */
Test(capture, by_one_thread_or_by_several_it_is_the_same)
{
    struct program program = program_start("million", "", -1, 0);
    struct hs_capture several = program_capture(program.pid);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    cr_assert(eq(int, sched_setaffinity(program.pid, sizeof(one), &one), 0));
    struct hs_capture single = program_capture(program.pid);

    cr_expect(ge(sz, single.n_edges, 999999));
    cr_assert(eq(sz, several.n_blocks, single.n_blocks));
    cr_assert(eq(sz, several.n_edges, single.n_edges));
    cr_assert(eq(sz, several.n_words, single.n_words));
    cr_expect(eq(
        int,
        memcmp(several.blocks, single.blocks, single.n_blocks * sizeof(*single.blocks)),
        0));
    cr_expect(eq(
        int, memcmp(several.edges, single.edges, single.n_edges * sizeof(*single.edges)),
        0));
    cr_expect(eq(
        int, memcmp(several.words, single.words, single.n_words * sizeof(*single.words)),
        0));
    hs_capture_close(&several);
    hs_capture_close(&single);
    program_end(&program);
}

Test(capture, totals_are_the_blocks_counted_by_stack)
{
    struct program program = program_start("chain", "", -1, 0);
    struct hs_process *process = NULL;
    struct hs_capture full = program_capture(program.pid), totals = {0};
    uint64_t bytes[2] = {0, 0}, count[2] = {0, 0};

    cr_assert(eq(int, hs_process_open(program.pid, &process, NULL), 0));
    cr_assert(eq(int, hs_process_totals(process, 20000, &totals, NULL), 0));

    for (size_t i = 0; i < full.n_blocks; i++) {
        bytes[0] += full.blocks[i].size;
        count[0]++;
    }
    for (size_t i = 0; i < totals.n_totals; i++) {
        bytes[1] += totals.totals[i].bytes;
        count[1] += totals.totals[i].count;
    }
    cr_expect(eq(u64, bytes[1], bytes[0]));
    cr_expect(eq(u64, count[1], count[0]));
    cr_expect(eq(sz, totals.n_blocks, 0));
    hs_process_close(process);
    hs_capture_close(&totals);
    hs_capture_close(&full);
    program_end(&program);
}

/* The flags of the one loaded module whose path contains `name`. */
static uint32_t flags_of(const struct hs_capture *capture, const char *name)
{
    for (size_t i = 0; i < capture->n_modules; i++)
        if (!(capture->modules[i].flags & HS_MODULE_UNLOADED)
            && strstr(capture->strings + capture->modules[i].path, name))
            return capture->modules[i].flags;
    cr_fatal("no module %s", name);
    return 0;
}

Test(capture, libraries_that_came_with_the_shim_are_not_the_programs)
{
    struct program program = program_start("chain", "", -1, 0);
    struct hs_capture capture = program_capture(program.pid);

    cr_expect(ne(u32, flags_of(&capture, "/libunwind.so.8") & HS_MODULE_SHIM, 0));
    cr_expect(ne(u32, flags_of(&capture, "/liblzma.so.5") & HS_MODULE_SHIM, 0));
    cr_expect(eq(u32, flags_of(&capture, "/libc.so.6") & HS_MODULE_SHIM, 0));
    hs_capture_close(&capture);

    cr_expect(eq(str, (char *)program_ask(&program, "load libdw.so.1"), "loaded"));
    capture = program_capture(program.pid);
    cr_expect(ne(u32, flags_of(&capture, "/libunwind.so.8") & HS_MODULE_SHIM, 0));
    cr_expect(eq(u32, flags_of(&capture, "/liblzma.so.5") & HS_MODULE_SHIM, 0));
    hs_capture_close(&capture);
    program_end(&program);
}

Test(capture, the_status_of_a_small_program_counts_its_few_blocks)
{
    struct program program = program_start("ten", "", -1, 0);
    struct hs_process *process = NULL;
    struct hs_process_status status = {0};

    cr_assert(eq(int, hs_process_open(program.pid, &process, NULL), 0));
    cr_assert(eq(int, hs_process_status(process, &status, NULL), 0));

    cr_expect(ge(i64, status.live_bytes, 10000));
    cr_expect(lt(i64, status.live_bytes, 200000));
    hs_process_close(process);
    program_end(&program);
}

Test(capture, a_forked_child_has_captures_of_its_own)
{
    struct program program = program_start("chain", "follow=1", -1, 0);
    pid_t child = atoi(program_ask(&program, "fork"));

    struct hs_capture capture = program_capture(child);

    cr_expect(eq(int, capture.header->pid, child));
    cr_expect(ge(sz, count_blocks(&capture, 64), 1000));
    hs_capture_close(&capture);
    struct hs_capture parent = program_capture(program.pid);
    cr_expect(eq(int, parent.header->pid, program.pid));
    hs_capture_close(&parent);
    kill(child, SIGKILL);
    program_end(&program);
}

static int is_tracked(pid_t pid)
{
    struct hs_process *process = NULL;
    int result = hs_process_open(pid, &process, NULL);
    hs_process_close(process);
    return result == 0;
}

Test(capture, without_following_the_first_process_alone_is_tracked_through_its_execs)
{
    struct program program = program_start("chain", "follow=0", -1, 0);
    struct program following = program_start("chain", "follow=1", -1, 0);

    cr_expect(eq(int, is_tracked(program.pid), 1));
    cr_expect(eq(int, is_tracked(atoi(program_ask(&program, "run"))), 0));
    cr_expect(eq(str, (char *)program_ask(&program, "exec 2"), "ready"));
    cr_expect(eq(int, is_tracked(program.pid), 1));
    cr_expect(eq(int, is_tracked(atoi(program_ask(&program, "run"))), 0));
    cr_expect(eq(int, is_tracked(atoi(program_ask(&following, "run"))), 1));

    program_end(&following);
    program_end(&program);
}

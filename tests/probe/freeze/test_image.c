// SPDX-License-Identifier: MIT

/* How the image is born where there is no room for it, and how it ends. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "heapsnap/graph.h"
#include "heapsnap/process.h"
#include "probes/abi.h"
#include "support.h"

static void take_some(pid_t pid, int count)
{
    for (int i = 0; i < count; i++) {
        struct hs_capture capture = program_capture(pid);
        hs_capture_close(&capture);
    }
}

/* Without a copy the threads stand still while the image works in the program's memory. */
static void expect_whole_capture(const char *mode)
{
    struct program program = program_start(mode, "", -1, 0);
    char before[256], mappings[256];
    take_some(program.pid, 1);
    strcpy(before, program_ask(&program, "look"));
    strcpy(mappings, program_ask(&program, "count"));

    for (int i = 0; i < 3; i++) {
        struct hs_capture capture = program_capture(program.pid);
        struct hs_graph *graph = NULL;
        cr_assert(eq(int, hs_graph_create(&capture, &graph, NULL), 0));
        cr_expect(ge(sz, count_blocks(&capture, 64), 1000));
        cr_expect(eq(u64, graph->lost_blocks, 200));
        cr_expect(eq(sz, capture.n_threads, 10));
        cr_expect(eq(u32, capture.header->threads_missed, 0));
        hs_graph_destroy(graph);
        hs_capture_close(&capture);
    }
    usleep(100000);

    cr_expect(eq(str, (char *)program_ask(&program, "look"), before), "%s", mode);
    cr_expect(eq(str, (char *)program_ask(&program, "count"), mappings), "%s", mode);
    cr_expect(eq(int, program_end(&program), 7));
}

Test(image, without_memory_for_a_copy_the_program_is_read_where_it_stands)
{
    expect_whole_capture("clone fails of memory");
}

Test(image, room_for_one_process_is_enough)
{
    expect_whole_capture("clone fails of two");
}

Test(image, without_room_for_a_process_there_is_a_reason_and_no_snapshot)
{
    struct program program = program_start("clone fails of all", "", -1, 0);
    struct hs_process *process = NULL;
    struct hs_capture capture = {0};
    struct hs_error err = {0};
    cr_assert(eq(int, hs_process_open(program.pid, &process, NULL), 0));

    cr_expect(ne(int, hs_process_capture(process, 20000, &capture, &err), 0));

    cr_expect(ne(ptr, strstr(err.text, "could not be frozen and copied"), NULL), "%s",
              err.text);
    hs_process_close(process);
    cr_expect(eq(str, (char *)program_ask(&program, "hello"), "alive"));
    cr_expect(eq(int, program_end(&program), 7));
}

/* Ask as a tool does, but do not come for the capture; the image's pid once it waits. */
static pid_t request(const struct program *program, struct hs_control *control)
{
    union sigval nothing = {.sival_int = 0};
    control->owner_pid = control->taker_pid = getpid();
    control->kind = HS_REQUEST_SNAPSHOT;
    control->cookie = 4712;
    __atomic_store_n(&control->phase, HS_PHASE_REQUESTED, __ATOMIC_RELEASE);
    sigqueue(program->pid, (int)control->signal, nothing);
    while (__atomic_load_n(&control->phase, __ATOMIC_ACQUIRE) != HS_PHASE_READY)
        usleep(1000);
    return control->image_pid;
}

/* What the image is good for, when nobody comes, costs memory. */
Test(image, it_waits_for_a_tool_that_is_alive_no_longer_than_five_seconds)
{
    struct program program = program_start("chain", "", -1, 0);
    struct hs_control *control = program_control(program.pid);

    pid_t image = request(&program, control);
    cr_expect(eq(int, kill(image, 0), 0));
    for (int i = 0; i < 600 && kill(image, 0) == 0; i++)
        usleep(10000);

    cr_expect(eq(int, kill(image, 0), -1));
    cr_expect(eq(int, control->error, ETIMEDOUT), "%s", control->error_text);
    take_some(program.pid, 1);
    cr_expect(eq(int, program_end(&program), 7));
}

/* Anonymous memory in KiB, pages in common divided. */
static long memory_of(pid_t pid)
{
    char path[64], line[256];
    long size = 0;
    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "Pss_Anon: %ld", &size) == 1)
            break;
    if (file)
        fclose(file);
    return size;
}

Test(image, it_takes_next_to_no_memory_of_its_own)
{
    struct program program = program_start("large", "", -1, 0);
    struct hs_control *control = program_control(program.pid);
    long idle = memory_of(program.pid);

    pid_t image = request(&program, control);
    long both = memory_of(program.pid) + memory_of(image);
    cr_assert(eq(int, kill(image, 0), 0));
    __atomic_store_n(&control->phase, HS_PHASE_TAKEN, __ATOMIC_RELEASE);

    cr_expect(gt(long, idle, 256 * 1024));
    cr_expect(lt(long, both, idle / 10 * 11), "%ld KiB idle, %ld with the image", idle,
              both);
    program_end(&program);
}

static int number_in(pid_t pid, const char *file)
{
    char path[64], text[64] = "";
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
    FILE *stream = fopen(path, "r");
    if (stream && !fgets(text, sizeof(text), stream))
        text[0] = '\0';
    if (stream)
        fclose(stream);
    return atoi(text);
}

Test(image, the_image_is_what_the_kernel_kills_first)
{
    struct program program = program_start("million", "", -1, 0);
    struct hs_control *control = program_control(program.pid);
    struct hs_process *process = NULL;
    pthread_t taker;
    cr_assert(eq(int, hs_process_open(program.pid, &process, NULL), 0));

    int before = number_in(program.pid, "oom_score_adj");
    pthread_create(&taker, NULL, capture_in_thread, process);
    while (__atomic_load_n(&control->phase, __ATOMIC_ACQUIRE) != HS_PHASE_SCANNING)
        usleep(100);
    pid_t image = __atomic_load_n(&control->image_pid, __ATOMIC_ACQUIRE);
    int score = 0;
    for (int i = 0; i < 1000 && score != 1000 && kill(image, 0) == 0; i++) {
        score = number_in(image, "oom_score_adj");
        usleep(1000);
    }
    pthread_join(taker, NULL);

    cr_expect(eq(int, score, 1000));
    cr_expect(eq(int, number_in(program.pid, "oom_score_adj"), before));
    cr_expect(eq(int, capture_result, 0));
    hs_process_close(process);
    program_end(&program);
}

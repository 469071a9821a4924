// SPDX-License-Identifier: MIT

/* The program is never disturbed: not by a snapshot, not by a failing one. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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

Test(safety, the_program_sees_no_child_no_signal_and_no_descriptor)
{
    struct program program = program_start("watchful", "", -1, 0);
    char before[256];
    strcpy(before, program_ask(&program, "look"));

    take_some(program.pid, 4);

    cr_expect(eq(str, (char *)program_ask(&program, "look"), before));
    cr_expect(ne(ptr, strstr(before, "signals 0 child -1 errno 10"), NULL), "%s", before);
    cr_expect(eq(int, program_end(&program), 7));
}

/* Orphans come to it, so the image must never be one. */
Test(safety, a_subreaper_sees_no_child_either)
{
    struct program program = program_start("subreaper", "", -1, 0);
    char before[256];
    strcpy(before, program_ask(&program, "look"));

    take_some(program.pid, 4);
    usleep(200000);

    cr_expect(eq(str, (char *)program_ask(&program, "look"), before));
    cr_expect(eq(int, program_end(&program), 7));
}

Test(safety, a_small_descriptor_table_is_enough)
{
    struct program program = program_start("chain", "", RLIMIT_NOFILE, 24);

    take_some(program.pid, 2);

    cr_expect(eq(int, program_end(&program), 7));
}

Test(safety, too_little_address_space_fails_the_snapshot_and_not_the_program)
{
    struct program program = program_start("chain", "", RLIMIT_AS, 340u << 20);
    struct hs_process *process = NULL;
    struct hs_error err = {0};

    if (hs_process_open(program.pid, &process, &err) == 0) {
        struct hs_capture capture = {0};
        if (hs_process_capture(process, 20000, &capture, &err) == 0)
            hs_capture_close(&capture);
        hs_process_close(process);
    }

    cr_expect(eq(str, (char *)program_ask(&program, "hello"), "alive"));
    cr_expect(eq(int, program_end(&program), 7));
}

Test(safety, killing_the_image_costs_one_snapshot)
{
    struct program program = program_start("million", "", -1, 0);
    struct hs_control *control = program_control(program.pid);
    struct hs_process *process = NULL;
    pthread_t taker;
    cr_assert(eq(int, hs_process_open(program.pid, &process, NULL), 0));

    pthread_create(&taker, NULL, capture_in_thread, process);
    while (__atomic_load_n(&control->phase, __ATOMIC_ACQUIRE) != HS_PHASE_SCANNING)
        usleep(100);
    kill(__atomic_load_n(&control->image_pid, __ATOMIC_ACQUIRE), SIGKILL);
    pthread_join(taker, NULL);

    cr_expect(ne(int, capture_result, 0));
    cr_expect(eq(str, (char *)program_ask(&program, "hello"), "alive"));
    take_some(program.pid, 1);
    hs_process_close(process);
    cr_expect(eq(int, program_end(&program), 7));
}

/* A tool asks and is killed before it comes for the capture: nobody waits until a time
 * limit is over. */
Test(safety, the_image_gives_up_when_the_tool_that_asked_has_died)
{
    struct program program = program_start("chain", "", -1, 0);
    struct hs_control *control = program_control(program.pid);
    int status;

    pid_t tool = fork();
    if (tool == 0) {
        control->owner_pid = control->taker_pid = getpid();
        control->kind = HS_REQUEST_SNAPSHOT;
        control->cookie = 4711;
        __atomic_store_n(&control->phase, HS_PHASE_REQUESTED, __ATOMIC_RELEASE);
        union sigval nothing = {.sival_int = 0};
        sigqueue(program.pid, (int)control->signal, nothing);
        _exit(0);
    }
    waitpid(tool, &status, 0);
    for (int i = 0; i < 3000 && control->finished != 4711; i++)
        usleep(10000);

    cr_expect(eq(u64, control->finished, 4711));
    cr_expect(eq(int, control->error, ESRCH), "%s", control->error_text);
    cr_expect(eq(u32, control->phase, HS_PHASE_IDLE));
    take_some(program.pid, 1);
    cr_expect(eq(int, program_end(&program), 7));
}

/* Between taking the phase and writing itself down a claimer looks like the one before,
 * who may be dead: a slow one must not lose its claim to a trigger of the program's. */
Test(safety, a_claim_is_not_taken_from_somebody_slow)
{
    char options[512];
    snprintf(options, sizeof(options), "signal=USR2:dir=/nonexistent:helper=%s",
             TEST_HELPER);
    struct program program = program_start("chain", options, -1, 0);
    struct hs_control *control = program_control(program.pid);
    int status;
    pid_t dead = fork();
    if (dead == 0)
        _exit(0);
    waitpid(dead, &status, 0);
    control->owner_pid = dead;
    __atomic_store_n(&control->phase, HS_PHASE_CLAIMED, __ATOMIC_RELEASE);

    kill(program.pid, SIGUSR2);

    cr_expect(program_awaits_error(&program, "another one is still being taken"));
    cr_expect(eq(u32, control->phase, HS_PHASE_CLAIMED));
    __atomic_store_n(&control->phase, HS_PHASE_IDLE, __ATOMIC_RELEASE);
    take_some(program.pid, 1);
    cr_expect(eq(int, program_end(&program), 7));
}

Test(safety, killing_the_helper_costs_one_snapshot)
{
    char options[512];
    snprintf(options, sizeof(options), "signal=USR2:dir=/tmp:helper=%s", TEST_SLEEPER);
    struct program program = program_start("chain", options, -1, 0);
    struct hs_control *control = program_control(program.pid);

    kill(program.pid, SIGUSR2);
    while (__atomic_load_n(&control->phase, __ATOMIC_ACQUIRE) != HS_PHASE_READY)
        usleep(1000);
    usleep(100000);
    kill(__atomic_load_n(&control->image_pid, __ATOMIC_ACQUIRE), SIGKILL);

    cr_expect(eq(str, (char *)program_ask(&program, "hello"), "alive"));
    take_some(program.pid, 1);
    cr_expect(eq(int, program_end(&program), 7));
}

/* Which real-time signal is private is told by the control page alone. */
Test(safety, the_program_may_have_the_private_signal_number)
{
    struct program program = program_start("chain", "", -1, 0);
    struct hs_control *control = program_control(program.pid);
    uint32_t number = control->signal;
    char line[64], answer[64];

    snprintf(line, sizeof(line), "number %d", (int)number);
    cr_expect(eq(str, (char *)program_ask(&program, line), "was default"));

    cr_expect(ne(u32, control->signal, number));
    take_some(program.pid, 2);
    snprintf(line, sizeof(line), "raise %d", (int)number);
    snprintf(answer, sizeof(answer), "signals 1 last %d", (int)number);
    cr_expect(eq(str, (char *)program_ask(&program, line), answer));
    cr_expect(eq(int, program_end(&program), 7));
}

/* A program that ends when pause() returns must not end because of a snapshot, and none
 * may sleep longer: all together, because each takes two seconds. */
static void expect_exact_waits(const char *const *ways, int count)
{
    struct program programs[16];
    char line[64], answer[64];

    cr_assert(le(int, count, 16));
    for (int i = 0; i < count; i++)
        programs[i] = program_start("chain", "", -1, 0);
    for (int i = 0; i < count; i++) {
        snprintf(line, sizeof(line), "wait %s", ways[i]);
        cr_expect(eq(str, (char *)program_ask(&programs[i], line), "sleeping"));
    }
    usleep(1400000);
    for (int i = 0; i < count; i++)
        take_some(programs[i].pid, 2);

    for (int i = 0; i < count; i++) {
        answer[0] = '\0';
        cr_assert(ne(ptr, fgets(answer, sizeof(answer), programs[i].output), NULL));
        cr_expect(eq(str, answer, "slept, result 0\n"), "%s", ways[i]);
        cr_expect(eq(int, program_end(&programs[i]), 7));
    }
}

Test(safety, sleeping_calls_return_neither_early_nor_late)
{
    static const char *const ways[] = {
        "sleep",  "usleep",  "nanosleep",       "nanosleep with rest",
        "select", "pselect", "clock_nanosleep", "absolute sleep",
        "ppoll",  "pause",   "thrd_sleep",      "endless poll"};

    expect_exact_waits(ways, sizeof(ways) / sizeof(ways[0]));
}

/* Varnish's manager does not expect EINTR of poll(): it then waits for its worker to end. */
Test(safety, waiting_calls_with_a_limit_return_neither_early_nor_late)
{
    static const char *const ways[] = {"poll",        "poll with alarm", "epoll_wait",
                                       "epoll_pwait", "epoll_pwait2",    "sigtimedwait",
                                       "semtimedop"};

    expect_exact_waits(ways, sizeof(ways) / sizeof(ways[0]));
}

/* ---- executing ---- */

struct nuisance {
    pid_t pid;
    int number;
    int is_over;
};

/* Requests, and the bare signal as fast as it goes: there is an exec to be hit. */
static void *hammer(void *context)
{
    struct nuisance *nuisance = context;
    union sigval nothing = {.sival_int = 0};
    for (int i = 0; !__atomic_load_n(&nuisance->is_over, __ATOMIC_ACQUIRE); i++) {
        sigqueue(nuisance->pid, nuisance->number, nothing);
        if (i % 64 != 0)
            continue;
        struct hs_process *process = NULL;
        struct hs_capture capture = {0};
        if (hs_process_open(nuisance->pid, &process, NULL) != 0)
            continue;
        if (hs_process_capture(process, 200, &capture, NULL) == 0)
            hs_capture_close(&capture);
        hs_process_close(process);
    }
    return NULL;
}

Test(safety, a_request_does_not_end_a_program_that_is_executing)
{
    struct program program = program_start("chain", "", -1, 0);
    struct hs_control *control = program_control(program.pid);
    struct nuisance nuisance = {.pid = program.pid, .number = (int)control->signal};
    pthread_t thread;

    pthread_create(&thread, NULL, hammer, &nuisance);
    cr_expect(eq(str, (char *)program_ask(&program, "exec 400"), "ready"));
    __atomic_store_n(&nuisance.is_over, 1, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);

    take_some(program.pid, 1);
    cr_expect(eq(int, (int)program_control(program.pid)->signal, nuisance.number));
    cr_expect(eq(int, program_end(&program), 7));
}

Test(safety, an_exec_that_fails_leaves_everything_as_it_was)
{
    struct program program = program_start("chain", "", -1, 0);

    cr_expect(eq(str, (char *)program_ask(&program, "exec nothing"), "failed 2"));

    take_some(program.pid, 2);
    cr_expect(eq(int, program_end(&program), 7));
}

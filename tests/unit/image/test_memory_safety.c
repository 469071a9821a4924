// SPDX-License-Identifier: MIT

/* What live processes must not notice, and those that cannot be looked at. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/image/live_child.h"

TestSuite(memory_safety, .timeout = 30);

static void wait_in_vfork(void)
{
    live_child->is_ready = 1;
    if (vfork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
}

Test(memory_safety, a_thread_in_vfork_is_reported_and_not_waited_for)
{
    pid_t pid = live_child_start(wait_in_vfork);
    while (live_child_state(pid) != 'D')
        usleep(1000);

    struct hs_memory *memory = live_child_look(pid, true);

    cr_assert(eq(sz, memory->n_threads, 1));
    cr_expect(not(memory->threads[0].is_stopped));
    cr_expect(eq(int, (int)memory->way, HS_MEMORY_STOPPED));
    cr_expect(gt(sz, memory->n_ranges, 5));
    hs_memory_close(memory);
    live_child_end(pid);
}

static void count_signal(int number)
{
    (void)number;
    live_child->n_signals++;
}

static void catch_signals(void)
{
    signal(SIGUSR1, count_signal);
    live_child->is_ready = 1;
}

static void expect_one_signal(bool wants_image)
{
    pid_t pid = live_child_start(catch_signals);

    struct hs_memory *memory = live_child_look(pid, false);
    kill(pid, SIGUSR1);
    usleep(20000);

    cr_expect(eq(uint, live_child->n_signals, 0));
    hs_memory_close(memory);
    for (int i = 0; i < 5000 && live_child->n_signals == 0; i++)
        usleep(1000);
    memory = live_child_look(pid, wants_image);
    hs_memory_close(memory);
    cr_expect(eq(uint, live_child->n_signals, 1));
    live_child_end(pid);
}

Test(memory_safety, a_signal_that_comes_meanwhile_is_delivered_once_afterwards)
{
    expect_one_signal(false);
    expect_one_signal(true);
}

Test(memory_safety, signals_that_race_with_looks_are_all_delivered)
{
    pid_t pid = live_child_start(catch_signals);

    for (unsigned int i = 0; i < 30; i++) {
        kill(pid, SIGUSR1);
        hs_memory_close(live_child_look(pid, i % 2));
        for (int wait = 0; wait < 5000 && live_child->n_signals <= i; wait++)
            usleep(1000);
        cr_assert(eq(uint, live_child->n_signals, i + 1));
    }
    live_child_end(pid);
}

Test(memory_safety, a_process_that_was_stopped_stays_stopped)
{
    pid_t pid = live_child_start(live_child_hold_secret);
    kill(pid, SIGSTOP);
    cr_assert(eq(int, waitpid(pid, NULL, WUNTRACED), pid));

    struct hs_memory *memory = live_child_look(pid, true);
    live_child_expect_secret(memory);
    hs_memory_close(memory);

    cr_expect(eq(int, live_child_of(pid), 0));
    for (int i = 0; i < 5000 && live_child_state(pid) != 'T'; i++)
        usleep(1000); /* it stops once more, by itself */
    cr_expect(eq(int, live_child_state(pid), 'T'));
    kill(pid, SIGCONT);
    cr_expect(eq(int, waitpid(pid, NULL, WCONTINUED), pid));
    live_child_end(pid);
}

static void await_state(pid_t pid, bool is_stopped)
{
    for (int i = 0; i < 5000 && (live_child_state(pid) == 'T') != is_stopped; i++)
        usleep(1000);
    bool now = live_child_state(pid) == 'T';
    cr_assert(now == is_stopped);
}

static void stop_after(pid_t pid, useconds_t microseconds)
{
    if (fork() == 0) {
        usleep(microseconds);
        kill(pid, SIGSTOP);
        _exit(0);
    }
}

Test(memory_safety, a_stop_that_races_with_looks_is_never_lost)
{
    pid_t pid = live_child_start(live_child_hold_secret);

    for (unsigned int i = 0; i < 40; i++) {
        stop_after(pid, i * 50);
        hs_memory_close(live_child_look(pid, true));
        await_state(pid, true);
        kill(pid, SIGCONT);
        await_state(pid, false);
    }
    live_child_end(pid);
}

static void expect_refusal(pid_t pid, int wanted, const char *text)
{
    struct hs_memory *memory = NULL;
    struct hs_error err = {0};
    cr_expect(eq(int, hs_memory_open_process(pid, &memory, &err), wanted));
    cr_expect(strstr(err.text, text) != NULL, "'%s' has no '%s'", err.text, text);
    cr_expect(memory == NULL);
}

Test(memory_safety, what_cannot_be_looked_at_is_refused_with_a_reason)
{
    pid_t zombie = fork();
    if (zombie == 0)
        _exit(0);
    siginfo_t info;
    waitid(P_PID, (id_t)zombie, &info, WEXITED | WNOWAIT);

    expect_refusal(0, -ESRCH, "no process id");
    expect_refusal(999999999, -ESRCH, "there is no process 999999999");
    expect_refusal(zombie, -ESRCH, "has ended already");
    expect_refusal(getpid(), -EPERM, "is heapsnap itself");
    if (getppid() != 2 && kill(2, 0) == 0 && live_child_state(2) != '?' && geteuid() == 0
        && access("/proc/2/exe", F_OK) != 0)
        expect_refusal(2, -EPERM, "kernel thread");
    waitpid(zombie, NULL, 0);
}

Test(memory_safety, a_debugger_that_is_there_already_is_named)
{
    pid_t pid = live_child_start(live_child_hold_secret);
    cr_assert(eq(long, ptrace(PTRACE_SEIZE, pid, NULL, NULL), 0));

    expect_refusal(pid, -EPERM, "is being traced already, by process");

    ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);
    waitpid(pid, NULL, __WALL);
    ptrace(PTRACE_DETACH, pid, NULL, NULL);
    live_child_end(pid);
}

Test(memory_safety, the_owner_of_a_foreign_process_is_named)
{
    if (geteuid() != 0)
        cr_skip_test("only root can become somebody else");
    pid_t owner = getpid();
    pid_t other = fork();
    if (other == 0) {
        struct hs_memory *memory = NULL;
        struct hs_error err = {0};
        int result =
            setuid(65534) == 0 ? hs_memory_open_process(owner, &memory, &err) : 0;
        _exit(result == -EPERM && strstr(err.text, "belongs to root") ? 0 : 1);
    }
    int status;

    waitpid(other, &status, 0);

    cr_expect(eq(int, status, 0));
}

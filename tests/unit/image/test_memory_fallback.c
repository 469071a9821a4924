// SPDX-License-Identifier: MIT

/* When no image can be made, or one does not last. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libheapsnap/image/memory_sandbox.h"
#include "tests/unit/image/live_child.h"

TestSuite(memory_fallback, .timeout = 30);

#ifdef __x86_64__
/* A filter that ends the program for the system call `number`. */
#define FORBIDDING(number)                                                     \
    {                                                                          \
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)), \
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1),               \
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),               \
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),                      \
    }

static void live_without(uint32_t number)
{
    struct sock_filter filter[] = FORBIDDING(number);
    struct sock_fprog program = {sizeof(filter) / sizeof(*filter), filter};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    cr_assert(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
    live_child_hold_secret();
}

static void live_without_clone(void)
{
    live_without(SYS_clone);
}

static void live_without_bind(void)
{
    live_without(SYS_bind);
}

Test(memory_fallback, a_program_that_must_not_fork_is_stopped_and_lives)
{
    pid_t pid = live_child_start(live_without_clone);

    struct hs_memory *memory = live_child_look(pid, true);

    cr_expect(eq(int, (int)memory->way, HS_MEMORY_STOPPED));
    cr_expect(strstr(memory->way_reason, "seccomp") != NULL);
    cr_expect(eq(u64, memory->pause_ns, 0));
    live_child_expect_secret(memory);
    hs_memory_close(memory);
    cr_expect(eq(int, waitpid(pid, NULL, WNOHANG), 0));
    live_child_end(pid);
}

Test(memory_fallback, a_sandbox_that_allows_all_that_it_takes_is_no_obstacle)
{
    if (geteuid() != 0)
        cr_skip_test("only root can read filters");
    pid_t pid = live_child_start(live_without_bind);

    struct hs_memory *memory = live_child_look(pid, true);

    cr_expect(eq(int, (int)memory->way, HS_MEMORY_IMAGE), "%s", memory->way_reason);
    live_child_expect_secret(memory);
    hs_memory_close(memory);
    cr_expect(eq(int, waitpid(pid, NULL, WNOHANG), 0));
    live_child_end(pid);
}

static void live_at_the_limit(void)
{
    struct rlimit one = {1, 1};
    if (setuid(65534) != 0 || setrlimit(RLIMIT_NPROC, &one) != 0)
        return;
    live_child_hold_secret();
}

Test(memory_fallback, a_process_that_may_start_no_other_is_stopped)
{
    if (geteuid() != 0)
        cr_skip_test("only root can become somebody else");
    pid_t pid = live_child_start(live_at_the_limit);

    struct hs_memory *memory = live_child_look(pid, true);

    cr_expect(eq(int, (int)memory->way, HS_MEMORY_STOPPED));
    cr_expect(strstr(memory->way_reason, "it cannot fork: ") != NULL);
    live_child_expect_secret(memory);
    hs_memory_close(memory);
    live_child_end(pid);
}

Test(memory_fallback, a_killed_image_is_noticed_and_forgotten)
{
    pid_t pid = live_child_start(live_child_hold_secret);
    struct hs_memory *memory = live_child_look(pid, true);
    int image = live_child_of(pid);
    cr_assert(gt(int, image, 0));

    kill(image, SIGKILL);
    for (int i = 0; i < 5000 && hs_memory_is_whole(memory); i++)
        usleep(1000);

    cr_expect(not(hs_memory_is_whole(memory)));
    hs_memory_close(memory);
    cr_expect(eq(int, live_child_of(pid), 0));
    cr_expect(eq(int, waitpid(pid, NULL, WNOHANG), 0));
    live_child_end(pid);
}

Test(memory_fallback, a_process_that_ends_under_a_look_is_let_go)
{
    for (int wants_image = 0; wants_image < 2; wants_image++) {
        pid_t pid = live_child_start(live_child_hold_secret);
        struct hs_memory *memory = live_child_look(pid, wants_image);

        live_child_end(pid);

        hs_memory_close(memory);
        cr_expect(eq(int, live_child_state(pid), '?'));
    }
}

static void become_another(void)
{
    live_child_hold_secret();
    while (live_child->n_rounds == 0)
        usleep(1000);
    execl("/bin/sleep", "sleep", "60", NULL);
}

static bool is_sleep(pid_t pid)
{
    char path[64], name[16] = "";
    snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
    FILE *file = fopen(path, "re");
    bool is_it = file && fgets(name, sizeof(name), file) && strcmp(name, "sleep\n") == 0;
    if (file)
        fclose(file);
    return is_it;
}

Test(memory_fallback, a_process_that_becomes_another_program_lives_and_is_cleared_up)
{
    pid_t pid = live_child_start(become_another);
    struct hs_memory *memory = live_child_look(pid, true);
    live_child->n_rounds = 1;
    for (int i = 0; i < 5000 && !is_sleep(pid); i++)
        usleep(1000);
    cr_assert(is_sleep(pid));

    live_child_expect_secret(memory);
    hs_memory_close(memory);

    cr_expect(eq(int, waitpid(pid, NULL, WNOHANG), 0));
    hs_memory_close(live_child_look(pid, true));
    cr_expect(eq(int, live_child_of(pid), 0));
    cr_expect(eq(int, waitpid(pid, NULL, WNOHANG), 0));
    live_child_end(pid);
}
#endif

static uint32_t verdict_of(const struct sock_filter *filter, size_t count, int number)
{
    struct seccomp_data data = {.nr = number, .args = {7}};
    return hs_sandbox_run(filter, count, &data);
}

Test(memory_fallback, a_filter_is_run_as_the_kernel_runs_it)
{
    const struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
        BPF_STMT(BPF_ST, 3),
        BPF_STMT(BPF_LDX | BPF_MEM, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 17, 1, 0), /* number + 7 > 17 */
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_A, 0),
    };
    const size_t count = sizeof(filter) / sizeof(*filter);

    cr_expect(eq(u32, verdict_of(filter, count, 10), SECCOMP_RET_ALLOW));
    cr_expect(eq(u32, verdict_of(filter, count, 11), 18));
    cr_expect(eq(u32, verdict_of(filter, 4, 10), SECCOMP_RET_KILL_PROCESS));
}

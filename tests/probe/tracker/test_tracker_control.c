// SPDX-License-Identifier: MIT

/*
 * The control page as a tool sees it: through the descriptor.
 */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probes/tracker/control.h"

static void read_page(int fd, struct hs_control *ret)
{
    cr_assert(eq(long, pread(fd, ret, sizeof(*ret), 0), (long)sizeof(*ret)));
}

Test(control, page_can_be_read_and_not_be_shrunk)
{
    cr_assert(hs_control_create());
    int fd = hs_control_fd();

    struct hs_control page;
    read_page(fd, &page);

    cr_expect(eq(u64, page.magic, HS_CONTROL_MAGIC));
    cr_expect(eq(u32, page.version, HS_ABI_VERSION));
    cr_expect(eq(int, page.pid, getpid()));
    cr_expect(eq(u32, page.epoch, 1));
    cr_expect(gt(u64, page.start_time, 0));
    cr_expect(eq(int, ftruncate(fd, 0), -1));
    cr_expect(eq(long, lseek(fd, 0, SEEK_END), HS_CONTROL_SIZE));
}

Test(control, descriptors_are_named_high_and_closed_by_exec)
{
    cr_assert(hs_control_create());
    const int fds[] = {hs_control_fd(), hs_control_identity_fd(0),
                       hs_control_identity_fd(1)};

    for (int i = 0; i < 3; i++) {
        char path[64], name[64] = "";
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[i]);
        cr_expect(gt(long, readlink(path, name, sizeof(name) - 1), 0));
        cr_expect(eq(str, name,
                     i == 0 ? "/memfd:heapsnap-control (deleted)"
                            : "/memfd:heapsnap-identity (deleted)"));
        cr_expect(ge(int, fds[i], 100));
        cr_expect(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
        cr_expect(hs_control_owns_fd(fds[i]));
    }
    cr_expect(not(hs_control_owns_fd(0)));
    cr_expect(not(hs_control_owns_fd(-1)));
}

/* A number above the limit costs the program none. */
Test(control, descriptors_lie_beyond_what_the_program_may_use)
{
    struct rlimit limit = {0, 0}, after = {0, 0};
    cr_assert(zero(int, getrlimit(RLIMIT_NOFILE, &limit)));
    cr_assert(gt(u64, limit.rlim_max, 200));
    limit.rlim_cur = 100;
    cr_assert(zero(int, setrlimit(RLIMIT_NOFILE, &limit)));

    cr_assert(hs_control_create());

    cr_expect(ge(int, hs_control_fd(), 100));
    cr_expect(ge(int, hs_control_identity_fd(0), 100));
    cr_expect(ge(int, hs_control_identity_fd(1), 100));
    cr_assert(zero(int, getrlimit(RLIMIT_NOFILE, &after)));
    cr_expect(eq(u64, after.rlim_cur, 100));
    cr_expect(eq(u64, after.rlim_max, limit.rlim_max));
}

Test(control, works_with_a_small_descriptor_table)
{
    struct rlimit limit = {20, 20};
    cr_assert(zero(int, setrlimit(RLIMIT_NOFILE, &limit)));

    bool created = hs_control_create();

    cr_expect(created);
    cr_expect(ge(int, hs_control_fd(), 3));
}

Test(control, without_any_descriptor_left_still_has_a_page)
{
    /* In a child: the test runner needs its descriptors. */
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = {0, 0};
        setrlimit(RLIMIT_NOFILE, &limit);
        bool created = hs_control_create();
        hs_control->live_bytes = 5;
        _exit(!created && hs_control_fd() == -1 && hs_control->live_bytes == 5 ? 0 : 1);
    }

    int status = -1;
    waitpid(child, &status, 0);

    cr_expect(zero(int, status));
}

Test(control, of_a_tracked_child_is_its_own)
{
    cr_assert(hs_control_create());
    hs_control->live_bytes = 4711;
    int parent_fd = hs_control_fd();

    pid_t child = fork();
    if (child == 0) {
        bool ok = hs_control_recreate() && hs_control->live_bytes == 4711
                  && hs_control->pid == getpid();
        hs_control->live_bytes = 1;
        _exit(ok ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);

    struct hs_control page;
    read_page(parent_fd, &page);
    cr_expect(zero(int, status));
    cr_expect(eq(i64, page.live_bytes, 4711));
    cr_expect(eq(int, page.pid, getpid()));
}

Test(control, of_an_untracked_child_is_gone)
{
    cr_assert(hs_control_create());
    int fd = hs_control_fd();

    hs_control_abandon();

    cr_expect(eq(int, hs_control_fd(), -1));
    cr_expect(eq(int, fcntl(fd, F_GETFD), -1));
    cr_expect(not(hs_control_owns_fd(fd)));
    hs_control->live_bytes++;
}

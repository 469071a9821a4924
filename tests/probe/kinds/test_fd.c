// SPDX-License-Identifier: MIT

/*
 * The hooks on descriptors, linked into this program, so that its own open and close are
 * the interposed ones.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "probes/tracker/control.h"
#include "probes/tracker/guard.h"
#include "probes/tracker/handles.h"
#include "probes/tracker/options.h"

static void begin_tracking(void)
{
    hs_options.track_fd = true;
    hs_tracked_pid = getpid();
    hs_tracking_is_on = true;
}

TestSuite(fd, .init = begin_tracking);

/* Which call opened `fd`; "" when nobody knows. */
static const char *opener(int fd)
{
    struct hs_handle handle;
    return hs_handle_find(HS_HANDLE_FD, fd, &handle) ? handle.call : "";
}

static void expect_opener(int fd, const char *call)
{
    cr_assert(ge(int, fd, 0), "%s: %s", call, strerror(errno));
    cr_expect(eq(str, (char *)opener(fd), (char *)call));
    close(fd);
    cr_expect(eq(str, (char *)opener(fd), ""), "%s is forgotten by close", call);
}

Test(fd, every_call_that_opens_is_remembered_until_close)
{
    char pattern[] = "/tmp/heapsnap-test-XXXXXX";
    sigset_t none;
    sigemptyset(&none);

    expect_opener(open("/dev/null", O_RDONLY), "open");
    expect_opener(openat(AT_FDCWD, "/dev/null", O_RDONLY), "openat");
    expect_opener(creat("/dev/null", 0600), "creat");
    expect_opener(mkstemp(pattern), "mkstemp");
    unlink(pattern);
    expect_opener(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    expect_opener(eventfd(0, 0), "eventfd");
    expect_opener(epoll_create(1), "epoll_create");
    expect_opener(epoll_create1(0), "epoll_create");
    expect_opener(timerfd_create(CLOCK_MONOTONIC, 0), "timerfd_create");
    expect_opener(signalfd(-1, &none, 0), "signalfd");
    expect_opener(inotify_init(), "inotify_init");
    expect_opener(inotify_init1(0), "inotify_init");
    expect_opener(memfd_create("test", 0), "memfd_create");
    expect_opener(dup(0), "dup");
    expect_opener(dup2(0, 100), "dup2");
    expect_opener(dup3(0, 100, 0), "dup3");
    expect_opener(fcntl(0, F_DUPFD, 50), "fcntl");
    expect_opener(fcntl(0, F_DUPFD_CLOEXEC, 50), "fcntl");
}

Test(fd, both_ends_of_a_pair_are_remembered)
{
    int pipes[2], more_pipes[2], sockets[2];

    cr_assert(eq(int, pipe(pipes), 0));
    cr_assert(eq(int, pipe2(more_pipes, O_CLOEXEC), 0));
    cr_assert(eq(int, socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0));

    for (int end = 0; end < 2; end++) {
        expect_opener(pipes[end], "pipe");
        expect_opener(more_pipes[end], "pipe");
        expect_opener(sockets[end], "socketpair");
    }
}

Test(fd, streams_and_directories_are_remembered_until_their_own_close)
{
    FILE *file = fopen("/dev/null", "r");
    FILE *temporary = tmpfile();
    FILE *command = popen("true", "r");
    DIR *directory = opendir("/");
    int fds[] = {fileno(file), fileno(temporary), fileno(command), dirfd(directory)};

    cr_expect(eq(str, (char *)opener(fds[0]), "fopen"));
    cr_expect(eq(str, (char *)opener(fds[1]), "tmpfile"));
    cr_expect(eq(str, (char *)opener(fds[2]), "popen"));
    cr_expect(eq(str, (char *)opener(fds[3]), "opendir"));

    fclose(file);
    fclose(temporary);
    pclose(command);
    closedir(directory);
    for (int i = 0; i < 4; i++)
        cr_expect(eq(str, (char *)opener(fds[i]), ""));
}

Test(fd, a_stream_made_of_a_descriptor_keeps_its_opener)
{
    int fd = open("/dev/null", O_RDONLY);

    FILE *file = fdopen(fd, "r");

    cr_expect(eq(str, (char *)opener(fd), "open"));
    fclose(file);
    cr_expect(eq(str, (char *)opener(fd), ""));
}

Test(fd, reopening_a_stream_replaces_the_record)
{
    FILE *file = fopen("/dev/null", "r");

    file = freopen("/dev/zero", "r", file);

    cr_expect(eq(str, (char *)opener(fileno(file)), "freopen"));
    fclose(file);
}

Test(fd, a_file_is_created_with_the_mode_that_was_asked_for)
{
    char path[] = "/tmp/heapsnap-test-XXXXXX";
    char name[80];
    cr_assert(ne(ptr, mkdtemp(path), NULL));
    snprintf(name, sizeof(name), "%s/file", path);
    umask(0);

    int fd = open(name, O_CREAT | O_WRONLY, 0640);
    struct stat status;
    cr_assert(eq(int, fstat(fd, &status), 0));

    cr_expect(eq(u32, status.st_mode & 0777, 0640));
    close(fd);
    unlink(name);
    rmdir(path);
}

Test(fd, a_failed_open_records_nothing_and_keeps_errno)
{
    int64_t before = hs_control->open_handles;

    int fd = open("/does/not/exist", O_RDONLY);

    cr_expect(eq(int, fd, -1));
    cr_expect(eq(int, errno, ENOENT));
    cr_expect(eq(i64, hs_control->open_handles, before));
}

Test(fd, a_successful_call_keeps_errno)
{
    errno = E2BIG;

    int fd = open("/dev/null", O_RDONLY);
    cr_expect(eq(int, errno, E2BIG));
    close(fd);

    cr_expect(eq(int, errno, E2BIG));
}

Test(fd, closing_what_is_not_open_fails_as_it_always_did)
{
    cr_expect(eq(int, close(987), -1));
    cr_expect(eq(int, errno, EBADF));
}

Test(fd, our_own_descriptors_do_not_exist_for_the_program)
{
    int own = (int)syscall(SYS_fcntl, 0, F_DUPFD, 500); /* beyond the test runner's */
    hs_control_own_fd(own);

    cr_expect(eq(int, close(own), -1));
    cr_expect(eq(int, errno, EBADF));
    cr_expect(eq(int, dup2(0, own), -1));
    cr_expect(eq(int, dup3(0, own, 0), -1));
    close_range((unsigned)own - 1, (unsigned)own + 3, 0);
    closefrom(own - 1);

    cr_expect(ge(long, syscall(SYS_fcntl, own, F_GETFD), 0), "it is still open");
}

Test(fd, a_range_is_closed_and_forgotten_around_our_own)
{
    int lowest = (int)syscall(SYS_fcntl, 0, F_DUPFD, 200);
    for (int fd = lowest; fd < lowest + 5; fd++)
        dup2(0, fd);
    hs_control_own_fd(lowest + 2);

    int result = close_range((unsigned)lowest, (unsigned)lowest + 3, 0);

    cr_expect(eq(int, result, 0));
    for (int i = 0; i < 5; i++)
        cr_expect(eq(int, fcntl(lowest + i, F_GETFD) >= 0, i == 2 || i == 4));
    cr_expect(eq(str, (char *)opener(lowest + 3), ""));
    cr_expect(eq(str, (char *)opener(lowest + 4), "dup2"));
}

Test(fd, a_range_that_is_only_marked_stays_open_and_known)
{
    int fd = open("/dev/null", O_RDONLY);

    int result = close_range((unsigned)fd, (unsigned)fd, CLOSE_RANGE_CLOEXEC);

    cr_expect(eq(int, result, 0));
    cr_expect(eq(int, fcntl(fd, F_GETFD), FD_CLOEXEC));
    cr_expect(eq(str, (char *)opener(fd), "open"));
}

Test(fd, an_impossible_range_is_refused)
{
    cr_expect(eq(int, close_range(9, 8, 0), -1));
    cr_expect(eq(int, errno, EINVAL));
}

Test(fd, a_child_that_shares_our_memory_leaves_the_records_alone)
{
    int fd = open("/dev/null", O_RDONLY);

    pid_t child = vfork();
    if (child == 0) {
        close(fd);
        _exit(0);
    }
    waitpid(child, NULL, 0);

    cr_expect(eq(str, (char *)opener(fd), "open"));
    cr_expect(ge(int, fcntl(fd, F_GETFD), 0));
}

static void send_descriptor(int socket, int fd)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr aligned;
    } control = {0};
    struct iovec text = {.iov_base = "x", .iov_len = 1};
    struct msghdr message = {.msg_iov = &text,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    struct cmsghdr *part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(part), &fd, sizeof(int));
    cr_assert(eq(long, sendmsg(socket, &message, 0), 1));
}

Test(fd, a_descriptor_that_arrives_in_a_message_is_remembered)
{
    int sockets[2], received = -1;
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr aligned;
    } control = {0};
    char letter;
    struct iovec text = {.iov_base = &letter, .iov_len = 1};
    struct msghdr message = {.msg_iov = &text,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    socketpair(AF_UNIX, SOCK_STREAM, 0, sockets);
    send_descriptor(sockets[0], 0);

    cr_assert(eq(long, recvmsg(sockets[1], &message, 0), 1));
    memcpy(&received, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));

    expect_opener(received, "recvmsg");
}

Test(fd, nothing_is_recorded_when_descriptors_are_not_tracked)
{
    hs_options.track_fd = false;

    int fd = open("/dev/null", O_RDONLY);

    cr_expect(eq(str, (char *)opener(fd), ""));
    close(fd);
}

// SPDX-License-Identifier: MIT

/* Talking to processes: the answer, and each way in which there is none. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "heapsnap/process.h"
#include "libheapsnap/image/connection.h"
#include "tests/unit/image/support.h"

/* Open and ask; the text of the error, or "" when all went well. */
static int ask(pid_t pid, int timeout_ms, struct hs_error *err)
{
    struct hs_process *process;
    struct hs_capture capture;
    int result = hs_process_open(pid, &process, err);
    if (result != 0)
        return result;
    result = hs_process_capture(process, timeout_ms, &capture, err);
    if (result == 0)
        hs_capture_close(&capture);
    hs_process_close(process);
    return result;
}

static void expect_text(const struct hs_error *err, const char *part)
{
    cr_expect(strstr(err->text, part) != NULL, "'%s' does not say '%s'", err->text, part);
    cr_expect(eq(ptr, strchr(err->text, '\n'), NULL));
}

Test(process, a_tracked_process_hands_over_its_capture)
{
    pid_t pid = fake_start(FAKE_ANSWERS);
    struct hs_process *process;
    struct hs_capture capture;
    struct hs_error err = {0};
    cr_assert(eq(int, hs_process_open(pid, &process, &err), 0), "%s", err.text);

    int result = hs_process_capture(process, 5000, &capture, &err);

    cr_assert(eq(int, result, 0), "%s", err.text);
    cr_expect(eq(sz, capture.n_blocks, 3));
    cr_expect(eq(u32, process->control->phase, HS_PHASE_IDLE));
    cr_expect(eq(i32, process->control->taker_pid, getpid()));
    hs_capture_close(&capture);
    hs_process_close(process);
    fake_stop(pid);
}

Test(process, totals_are_asked_for_as_totals)
{
    pid_t pid = fake_start(FAKE_ANSWERS);
    struct hs_process *process;
    struct hs_capture capture;
    cr_assert(eq(int, hs_process_open(pid, &process, NULL), 0));

    cr_assert(eq(int, hs_process_totals(process, 5000, &capture, NULL), 0));

    cr_expect(eq(u32, capture.header->kind, HS_REQUEST_TOTALS));
    hs_capture_close(&capture);
    hs_process_close(process);
    fake_stop(pid);
}

Test(process, the_list_shows_tracked_processes_and_only_them)
{
    pid_t pid = fake_start(FAKE_ANSWERS);
    struct hs_process_status *statuses = NULL;
    size_t count = 0;

    cr_assert(eq(int, hs_process_list(&statuses, &count, NULL), 0));

    bool is_there = false, am_i_there = false;
    for (size_t i = 0; i < count; i++) {
        am_i_there |= statuses[i].pid == getpid();
        if (statuses[i].pid == pid) {
            is_there = true;
            cr_expect(eq(i64, statuses[i].live_bytes, 64));
        }
    }
    cr_expect(is_there);
    cr_expect(not(am_i_there));
    free(statuses);
    fake_stop(pid);
}

Test(process, an_error_of_the_process_is_told_in_its_words_on_one_line)
{
    pid_t pid = fake_start(FAKE_REFUSES);
    struct hs_error err = {0};

    cr_expect(eq(int, ask(pid, 5000, &err), -ENOMEM));

    expect_text(&err, "no memory for the capture");
    fake_stop(pid);
}

Test(process, silence_ends_with_the_timeout_and_gives_the_page_back)
{
    pid_t pid = fake_start(FAKE_IGNORES);
    struct hs_process *process;
    struct hs_capture capture;
    struct hs_error err = {0};
    cr_assert(eq(int, hs_process_open(pid, &process, NULL), 0));

    cr_expect(eq(int, hs_process_capture(process, 50, &capture, &err), -ETIMEDOUT));

    expect_text(&err, "did not answer in time");
    cr_expect(eq(u32, process->control->phase, HS_PHASE_IDLE));
    hs_process_close(process);
    fake_stop(pid);
}

Test(process, a_stopped_process_is_named_with_the_way_to_continue_it)
{
    pid_t pid = fake_start(FAKE_ANSWERS);
    int status;
    kill(pid, SIGSTOP);
    waitpid(pid, &status, WUNTRACED);
    struct hs_error err = {0};

    cr_expect(eq(int, ask(pid, 5000, &err), -ETIMEDOUT));

    expect_text(&err, "kill -CONT");
    fake_stop(pid);
}

Test(process, the_end_of_the_process_ends_the_wait)
{
    pid_t pid = fake_start(FAKE_DIES);
    struct hs_error err = {0};

    cr_expect(eq(int, ask(pid, 60000, &err), -ESRCH));

    expect_text(&err, "ended before its snapshot was complete");
    waitpid(pid, NULL, 0);
}

Test(process, a_dead_image_ends_the_wait_and_the_page_is_reset)
{
    pid_t pid = fake_start(FAKE_LOSES_IMAGE);
    struct hs_process *process;
    struct hs_capture capture;
    struct hs_error err = {0};
    cr_assert(eq(int, hs_process_open(pid, &process, NULL), 0));

    cr_expect(eq(int, hs_process_capture(process, 60000, &capture, &err), -EIO));

    expect_text(&err, "frozen image");
    cr_expect(eq(u32, process->control->phase, HS_PHASE_IDLE));
    hs_process_close(process);
    fake_stop(pid);
}

Test(process, no_signal_is_sent_to_a_process_that_would_die_of_it)
{
    pid_t pid = fake_start(FAKE_UNHANDLED);
    struct hs_error err = {0};

    cr_expect(eq(int, ask(pid, 5000, &err), -ENODATA));

    expect_text(&err, "no longer answers signal");
    cr_expect(eq(int, waitpid(pid, NULL, WNOHANG), 0));
    fake_stop(pid);
}

/* Of a process that has ended and was waited for. */
static pid_t dead_pid(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    waitpid(pid, NULL, 0);
    return pid;
}

Test(process, a_page_left_by_a_dead_tool_is_taken_over)
{
    pid_t pid = fake_start(FAKE_ANSWERS);
    struct hs_process *process;
    struct hs_capture capture;
    struct hs_error err = {0};
    cr_assert(eq(int, hs_process_open(pid, &process, NULL), 0));
    process->control->owner_pid = dead_pid();
    process->control->phase = HS_PHASE_REQUESTED;

    int result = hs_process_capture(process, 10000, &capture, &err);

    cr_assert(eq(int, result, 0), "%s", err.text);
    hs_capture_close(&capture);
    hs_process_close(process);
    fake_stop(pid);
}

Test(process, a_page_just_claimed_is_not_taken_for_its_last_owners)
{
    pid_t pid = fake_start(FAKE_ANSWERS);
    struct hs_process *process;
    struct hs_capture capture;
    struct hs_error err = {0};
    cr_assert(eq(int, hs_process_open(pid, &process, NULL), 0));
    process->control->owner_pid = dead_pid();
    process->control->phase = HS_PHASE_CLAIMED;

    cr_expect(eq(int, hs_process_capture(process, 300, &capture, &err), -EBUSY));
    int result = hs_process_capture(process, 15000, &capture, NULL);

    cr_assert(eq(int, result, 0));
    hs_capture_close(&capture);
    hs_process_close(process);
    fake_stop(pid);
}

Test(process, a_page_in_use_is_busy)
{
    pid_t pid = fake_start(FAKE_ANSWERS);
    struct hs_process *process;
    struct hs_capture capture;
    struct hs_error err = {0};
    cr_assert(eq(int, hs_process_open(pid, &process, NULL), 0));
    process->control->owner_pid = getpid();
    process->control->phase = HS_PHASE_CLAIMED;

    cr_expect(eq(int, hs_process_capture(process, 150, &capture, &err), -EBUSY));

    expect_text(&err, "busy with another snapshot");
    cr_expect(eq(u32, process->control->phase, HS_PHASE_CLAIMED));
    hs_process_close(process);
    fake_stop(pid);
}

Test(process, who_is_not_there_or_not_tracked_is_told_so)
{
    struct hs_error gone = {0}, bare = {0}, none = {0};
    int executed[2];
    char byte;
    cr_assert(eq(int, pipe2(executed, O_CLOEXEC), 0));
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/sleep", "sleep", "1000", (char *)NULL);
        _exit(127);
    }
    close(executed[1]);
    cr_assert(
        eq(sz, read(executed[0], &byte, 1), 0)); /* the other end went by the exec */
    close(executed[0]);
    struct hs_process *process;

    cr_expect(eq(int, hs_process_open(pid, &process, &bare), -ENODATA));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);

    expect_text(&bare, "is not tracked; start it with: heapsnap run --");
    cr_expect(eq(int, hs_process_open(pid, &process, &gone), -ESRCH));
    expect_text(&gone, "there is no process");
    cr_expect(eq(int, hs_process_open(-1, &process, &none), -ESRCH));
}

Test(process, a_zombie_has_ended)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    siginfo_t info;
    waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
    struct hs_process *process;
    struct hs_error err = {0};

    cr_expect(eq(int, hs_process_open(pid, &process, &err), -ESRCH));

    expect_text(&err, "has ended already");
    waitpid(pid, NULL, 0);
}

Test(process, a_page_of_another_version_or_without_a_seal_is_refused)
{
    struct hs_process *process;
    struct hs_error old = {0}, unsealed = {0};
    pid_t pid = fake_start(FAKE_OLD_VERSION);
    cr_expect(eq(int, hs_process_open(pid, &process, &old), -EPROTO));
    expect_text(&old, "another version");
    fake_stop(pid);

    pid = fake_start(FAKE_UNSEALED);
    cr_expect(eq(int, hs_process_open(pid, &process, &unsealed), -EINVAL));
    expect_text(&unsealed, "not sealed");
    fake_stop(pid);
}

Test(process, a_page_inherited_from_a_parent_is_not_the_childs)
{
    int ready[2];
    cr_assert(eq(int, pipe(ready), 0));
    struct hs_control control = {.magic = HS_CONTROL_MAGIC,
                                 .version = HS_ABI_VERSION,
                                 .size = sizeof(control),
                                 .pid = getpid()};
    char bytes[HS_CONTROL_SIZE] = {0};
    memcpy(bytes, &control, sizeof(control));
    int fd = memfd_with(HS_CONTROL_NAME, bytes, sizeof(bytes), F_SEAL_SHRINK);
    pid_t pid = fork();
    if (pid == 0)
        for (;;)
            pause();
    struct hs_process *process;

    cr_expect(eq(int, hs_process_open(pid, &process, NULL), -ENODATA));
    cr_expect(eq(int, hs_process_open(getpid(), &process, NULL), 0));

    hs_process_close(process);
    fake_stop(pid);
    close(fd);
}

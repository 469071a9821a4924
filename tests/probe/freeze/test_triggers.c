// SPDX-License-Identifier: MIT

/* The ways to a snapshot that start inside the program, and a helper that writes it. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probes/abi.h"
#include "support.h"

static char folder[64];

static void make_folder(void)
{
    strcpy(folder, "/tmp/heapsnap-test.XXXXXX");
    cr_assert(ne(ptr, mkdtemp(folder), NULL));
}

static size_t count_snapshots(void)
{
    size_t count = 0;
    DIR *directory = opendir(folder);
    struct dirent *entry;
    while (directory && (entry = readdir(directory))) {
        const char *suffix = strstr(entry->d_name, ".heapsnapshot");
        count += suffix && strcmp(suffix, ".heapsnapshot") == 0;
    }
    if (directory)
        closedir(directory);
    return count;
}

static bool await_snapshots(size_t count)
{
    for (int i = 0; i < 1500 && count_snapshots() < count; i++)
        usleep(10000);
    return count_snapshots() >= count;
}

static void remove_folder(void)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    cr_expect(eq(int, system(command), 0));
}

static struct program start(const char *options)
{
    char text[512];
    make_folder();
    snprintf(text, sizeof(text), "dir=%s:helper=%s:%s", folder, TEST_HELPER, options);
    return program_start("chain", text, -1, 0);
}

/* The file is there a moment before the request is over. */
static void await_idle(pid_t pid)
{
    struct hs_control *control = program_control(pid);
    for (int i = 0; i < 1500; i++) {
        if (__atomic_load_n(&control->phase, __ATOMIC_ACQUIRE) == HS_PHASE_IDLE)
            return;
        usleep(10000);
    }
}

Test(triggers, the_option_signal_takes_a_snapshot_each_time)
{
    struct program program = start("signal=USR2");

    kill(program.pid, SIGUSR2);
    cr_expect(await_snapshots(1), "%s", program_errors(&program));
    await_idle(program.pid);
    kill(program.pid, SIGUSR2);
    cr_expect(await_snapshots(2), "%s", program_errors(&program));

    cr_expect(eq(int, program_end(&program), 7));
    remove_folder();
}

/* Orphans come to it; and a child that executes gets an exit signal it did not have. */
Test(triggers, a_subreaper_sees_no_child_when_a_helper_writes)
{
    char options[512], before[256];
    make_folder();
    snprintf(options, sizeof(options), "signal=USR2:dir=%s:helper=%s", folder,
             TEST_HELPER);
    struct program program = program_start("subreaper", options, -1, 0);
    strcpy(before, program_ask(&program, "look"));

    for (size_t i = 1; i <= 3; i++) {
        kill(program.pid, SIGUSR2);
        cr_expect(await_snapshots(i), "%s", program_errors(&program));
        await_idle(program.pid);
    }
    usleep(100000);

    cr_expect(eq(str, (char *)program_ask(&program, "look"), before));
    cr_expect(eq(int, program_end(&program), 7));
    remove_folder();
}

Test(triggers, a_handler_of_the_program_wins_and_that_is_said_once)
{
    struct program program = start("signal=USR2");
    char line[32];
    snprintf(line, sizeof(line), "number %d", SIGUSR2);

    cr_expect(eq(str, (char *)program_ask(&program, line), "was default"));
    snprintf(line, sizeof(line), "raise %d", SIGUSR2);
    program_ask(&program, line);

    cr_expect(ne(ptr, strstr(program_errors(&program), "option signal= is off"), NULL));
    cr_expect(eq(sz, count_snapshots(), 0));
    cr_expect(eq(int, program_end(&program), 7));
    remove_folder();
}

Test(triggers, the_exit_snapshot_is_complete_when_the_program_is_gone)
{
    struct program program = start("snapshot=exit");

    cr_expect(eq(int, program_end(&program), 7));

    cr_expect(eq(sz, count_snapshots(), 1));
    remove_folder();
}

Test(triggers, the_timer_takes_snapshots_again_and_again)
{
    struct program program = start("every=1");

    cr_expect(await_snapshots(2), "%s", program_errors(&program));

    cr_expect(eq(int, program_end(&program), 7));
    remove_folder();
}

Test(triggers, the_c_api_returns_when_the_file_is_there)
{
    struct program program = start("");
    char line[256], path[128];
    struct stat status;
    snprintf(path, sizeof(path), "%s/mine.heapsnapshot", folder);
    snprintf(line, sizeof(line), "take %s", path);

    cr_expect(eq(str, (char *)program_ask(&program, line), "took 0 errno 99"), "%s",
              program_errors(&program));

    cr_expect(eq(int, stat(path, &status), 0));
    cr_expect(eq(int, program_end(&program), 7));
    remove_folder();
}

Test(triggers, a_missing_helper_is_one_line_that_names_it)
{
    struct program program =
        program_start("chain", "signal=USR2:helper=/nowhere/heapsnap", -1, 0);

    kill(program.pid, SIGUSR2);

    cr_expect(program_awaits_error(&program, "/nowhere/heapsnap is missing"));
    cr_expect(ne(ptr, strstr(program_errors(&program), "helper="), NULL));
    cr_expect(eq(int, program_end(&program), 7));
}

Test(triggers, a_folder_that_cannot_be_written_is_reported_and_no_more)
{
    struct program program = start("");
    char answer[64];

    strcpy(answer, program_ask(&program, "take /nowhere/at/all.heapsnapshot"));

    char wanted[64];
    snprintf(wanted, sizeof(wanted), "took %d errno 99", -ENOENT);
    cr_expect(eq(str, answer, wanted));
    cr_expect(eq(int, program_end(&program), 7));
    remove_folder();
}

// SPDX-License-Identifier: MIT

/* The paths come from the build: TEST_SHIM, TEST_TARGET. */

#include "support.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "heapsnap/process.h"
#include "probes/abi.h"

static void become(const char *mode, const char *options, int limit, uint64_t value,
                   const char *errors)
{
    int fd = open(errors, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(fd, 2);
    closefrom(3);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (limit >= 0)
        setrlimit((__rlimit_resource_t)limit, &(struct rlimit){value, value});
    setenv("LD_PRELOAD", TEST_SHIM, 1);
    setenv("HEAPSNAP_OPTIONS", options, 1);
    execl(TEST_TARGET, TEST_TARGET, mode, NULL);
    _exit(126);
}

struct program program_start(const char *mode, const char *options, int limit,
                             uint64_t value)
{
    struct program program = {.errors = "/tmp/heapsnap-test.XXXXXX"};
    int to[2], from[2];
    char ready[64] = "";

    signal(SIGPIPE, SIG_IGN);
    close(mkstemp(program.errors));
    cr_assert(eq(int, pipe2(to, O_CLOEXEC), 0));
    cr_assert(eq(int, pipe2(from, O_CLOEXEC), 0));
    program.pid = fork();
    if (program.pid == 0) {
        dup2(to[0], 0);
        dup2(from[1], 1);
        become(mode, options, limit, value, program.errors);
    }
    close(to[0]);
    close(from[1]);
    program.input = fdopen(to[1], "w");
    program.output = fdopen(from[0], "r");
    if (!fgets(ready, sizeof(ready), program.output) || strcmp(ready, "ready\n") != 0)
        cr_fatal("the target did not start in mode %s: '%s' %s", mode, ready,
                 program_errors(&program));
    return program;
}

const char *program_ask(struct program *program, const char *line)
{
    static char answer[256];
    fprintf(program->input, "%s\n", line);
    fflush(program->input);
    if (!fgets(answer, sizeof(answer), program->output))
        cr_fatal("the target did not answer '%s': %s", line, program_errors(program));
    answer[strcspn(answer, "\n")] = '\0';
    return answer;
}

int program_end(struct program *program)
{
    int status = 0;
    fclose(program->input);
    waitpid(program->pid, &status, 0);
    fclose(program->output);
    unlink(program->errors);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

const char *program_errors(struct program *program)
{
    static char text[4096];
    int fd = open(program->errors, O_RDONLY);
    ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
    text[size > 0 ? size : 0] = '\0';
    if (fd >= 0)
        close(fd);
    return text;
}

int program_awaits_error(struct program *program, const char *text)
{
    for (int i = 0; i < 1000; i++) {
        if (strstr(program_errors(program), text))
            return 1;
        usleep(10000);
    }
    return 0;
}

struct hs_capture program_capture(pid_t pid)
{
    struct hs_process *process = NULL;
    struct hs_capture capture = {0};
    struct hs_error err = {0};
    /* A child that was just forked is tracked a moment later. */
    for (int i = 0; i < 500 && hs_process_open(pid, &process, NULL) == -ENODATA; i++)
        usleep(10000);
    if ((!process && hs_process_open(pid, &process, &err) != 0)
        || hs_process_capture(process, 20000, &capture, &err) != 0)
        cr_fatal("no capture of process %d: %s", (int)pid, err.text);
    hs_process_close(process);
    return capture;
}

size_t count_blocks(const struct hs_capture *capture, uint64_t size)
{
    size_t count = 0;
    for (size_t i = 0; i < capture->n_blocks; i++)
        count += capture->blocks[i].size == size;
    return count;
}

struct hs_control *program_control(pid_t pid)
{
    char path[300], link[300];
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    DIR *directory = opendir(path);
    struct dirent *entry;
    void *page = MAP_FAILED;
    while (directory && page == MAP_FAILED && (entry = readdir(directory))) {
        snprintf(path, sizeof(path), "/proc/%d/fd/%.20s", (int)pid, entry->d_name);
        ssize_t length = readlink(path, link, sizeof(link) - 1);
        link[length > 0 ? length : 0] = '\0';
        if (!strstr(link, HS_CONTROL_NAME))
            continue;
        int fd = open(path, O_RDWR | O_CLOEXEC);
        page = mmap(NULL, HS_CONTROL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
    }
    if (directory)
        closedir(directory);
    cr_assert(ne(ptr, page, MAP_FAILED), "process %d has no control page", (int)pid);
    return page;
}

int capture_result;

void *capture_in_thread(void *context)
{
    struct hs_process *process = context;
    struct hs_capture capture = {0};
    capture_result = hs_process_capture(process, 20000, &capture, NULL);
    if (capture_result == 0)
        hs_capture_close(&capture);
    return NULL;
}

// SPDX-License-Identifier: MIT

/*
 * `heapsnap write-snapshot`: the helper that a frozen image turns into, by exec, when
 * the snapshot was asked for inside the process. It inherits the capture and the control
 * page as descriptors, writes the file, and puts the page back.
 *
 * Whatever happens, the page must return to IDLE with this request's cookie, because the
 * program may be waiting in exit() for it.
 */

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "heapsnap/capture.h"
#include "probes/abi.h"
#include "tools/check.h"
#include "tools/save.h"
#include "tools/tool.h"

struct arguments {
    int capture_fd;
    int control_fd;
    bool verbose;
    bool checks, writes_file;
};

enum { KEY_CHECK = 256, KEY_ONLY_CHECK };

static const struct argp_option options[] = {
    {"capture", 'c', "FD", 0, "Descriptor of the capture", 0},
    {"control", 'p', "FD", 0, "Descriptor of the process's control page", 0},
    {"verbose", 'v', NULL, 0, "Say on stderr which file was written", 0},
    {"check", KEY_CHECK, NULL, 0, "Look for leaks, too", 0},
    {"only-check", KEY_ONLY_CHECK, NULL, 0, "Look for leaks and write no file", 0},
    {0},
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case 'c':
        if (!hs_tool_parse_int(argument, &arguments->capture_fd))
            argp_error(state, "'%s' is no descriptor", argument);
        return 0;
    case 'p':
        if (!hs_tool_parse_int(argument, &arguments->control_fd))
            argp_error(state, "'%s' is no descriptor", argument);
        return 0;
    case 'v':
        arguments->verbose = true;
        return 0;
    case KEY_ONLY_CHECK:
        arguments->writes_file = false;
        __attribute__((fallthrough));
    case KEY_CHECK:
        arguments->checks = true;
        return 0;
    case ARGP_KEY_END:
        if (arguments->capture_fd < 0)
            argp_error(state, "--capture is missing");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    options, parse_option, "",   "Write the capture of a frozen image; not for people.",
    NULL,    NULL,         NULL,
};

/* NULL when there is no page, or it is not one of ours: the file is written all the same. */
static struct hs_control *map_control(int fd)
{
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0 || status.st_size < (off_t)HS_CONTROL_SIZE)
        return NULL;
    struct hs_control *control =
        mmap(NULL, HS_CONTROL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (control == MAP_FAILED)
        return NULL;
    if (control->magic != HS_CONTROL_MAGIC || control->version != HS_ABI_VERSION) {
        munmap(control, HS_CONTROL_SIZE);
        return NULL;
    }
    return control;
}

static int write_file(const struct hs_capture *capture, char *path, size_t size,
                      struct hs_error *err)
{
    const struct hs_capture_header *header = capture->header;
    return hs_save_capture(capture, hs_capture_string(capture, header->strings_directory),
                           hs_capture_string(capture, header->strings_output), path, size,
                           err);
}

/* The check goes first: somebody waits for its answer, and the file may fail. */
static int serve(const struct arguments *arguments, struct hs_control *control,
                 char *path, size_t size, struct hs_error *err)
{
    struct hs_capture capture;
    int status = 0;
    int result = hs_capture_open(arguments->capture_fd, &capture, err);
    if (result != 0)
        return result;
    if (arguments->checks)
        result = hs_check_capture(&capture, &status, err);
    if (control && arguments->checks)
        __atomic_store_n(&control->check_status, (uint32_t)status, __ATOMIC_RELEASE);
    if (arguments->writes_file && result == 0)
        result = write_file(&capture, path, size, err);
    hs_capture_close(&capture);
    return result;
}

/* Reply and hand the page back; `finished` last but one, so that who waits for it sees
 * the rest. */
static void finish(struct hs_control *control, const char *path,
                   const struct hs_error *err)
{
    if (err->code == 0) {
        if (*path)
            snprintf(control->last_file, sizeof(control->last_file), "%.*s",
                     (int)sizeof(control->last_file) - 1, path);
        __atomic_store_n(&control->error, 0, __ATOMIC_RELEASE);
    } else {
        snprintf(control->error_text, sizeof(control->error_text), "%.*s",
                 (int)sizeof(control->error_text) - 1, err->text);
        __atomic_store_n(&control->error, err->code, __ATOMIC_RELEASE);
    }
    uint64_t cookie = __atomic_load_n(&control->cookie, __ATOMIC_ACQUIRE);
    __atomic_store_n(&control->finished, cookie, __ATOMIC_RELEASE);
    __atomic_store_n(&control->phase, HS_PHASE_IDLE, __ATOMIC_RELEASE);
}

int hs_verb_write(int argc, char **argv)
{
    struct arguments arguments = {
        .capture_fd = -1, .control_fd = -1, .writes_file = true};
    argp_parse(&parser, argc, argv, 0, NULL, &arguments);

    /* A closed terminal or pipe is no reason to leave the file unwritten. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);

    struct hs_control *control = map_control(arguments.control_fd);
    char path[PATH_MAX] = "";
    struct hs_error err = {0};
    int result = serve(&arguments, control, path, sizeof(path), &err);
    if (result != 0 && err.code == 0)
        hs_error_set(&err, -result, "cannot serve the capture: %s", strerror(-result));
    if (arguments.verbose && !err.code && *path)
        fprintf(stderr, "heapsnap: snapshot written: %s\n", path);
    if (control)
        finish(control, path, &err);
    return err.code ? hs_tool_fail(&err) : HS_EXIT_FINE;
}

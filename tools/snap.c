// SPDX-License-Identifier: MIT

/*
 * `heapsnap snap`: a snapshot of a process, now, or of a core file. A tracked process
 * makes the capture itself; of any other the heap is walked from here. The file is always
 * written here, with the rights of whoever asked.
 */

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "heapsnap/process.h"
#include "heapsnap/snapshot.h"
#include "libheapsnap/base/guard.h"
#include "probes/abi.h"
#include "tools/external.h"
#include "tools/save.h"
#include "tools/tool.h"

struct arguments {
    pid_t pid;
    const char *core;
    const char *executable;
    const char *output;
    const char *directory;
    int timeout_ms;
    bool json;
};

enum { KEY_TIMEOUT = 256, KEY_JSON, KEY_CORE };

static const struct argp_option options[] = {
    {"output", 'o', "FILE", 0, "Write exactly FILE", 0},
    {"dir", 'd', "DIR", 0, "Write heap.PID.TIME.N.heapsnapshot into DIR (default: here)",
     0},
    {"core", KEY_CORE, "CORE", 0,
     "Look at the core file CORE instead of a process; EXE is its program, if the core "
     "names another",
     0},
    {"timeout", KEY_TIMEOUT, "SEC", 0, "Give up after SEC seconds (default: 30)", 0},
    {"json", KEY_JSON, NULL, 0, "Print one JSON object instead of the path", 0},
    {0},
};

/* Options come before arguments, wherever they stand. */
static error_t core_argument(int key, char *argument, struct argp_state *state,
                             struct arguments *arguments)
{
    if (key != ARGP_KEY_ARG)
        return key == ARGP_KEY_NO_ARGS ? 0 : ARGP_ERR_UNKNOWN;
    if (state->arg_num > 0)
        argp_error(state, "one program for one core file");
    arguments->executable = argument;
    return 0;
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case 'o':
        arguments->output = argument;
        return 0;
    case 'd':
        arguments->directory = argument;
        return 0;
    case KEY_TIMEOUT:
        if (!hs_tool_parse_ms(argument, &arguments->timeout_ms))
            argp_error(state, "'%s' is no number of seconds", argument);
        return 0;
    case KEY_JSON:
        arguments->json = true;
        return 0;
    case KEY_CORE:
        arguments->core = argument;
        return 0;
    default:
        if (arguments->core)
            return core_argument(key, argument, state, arguments);
        return hs_tool_pid_argument(key, argument, state, &arguments->pid);
    }
}

static const struct argp parser = {
    options,
    parse_option,
    "PID\n--core CORE [EXE]",
    "Take a snapshot of the process PID now, or of the core file CORE, and print the "
    "snapshot's path."
    "\vThe process stops for some milliseconds. Open the file in the Memory panel of "
    "Chrome DevTools, or with 'heapsnap summary'.\n\n"
    "A process that does not run under 'heapsnap run' is looked at from outside, as a "
    "core file is: glibc's heap is walked. Then nobody knows which code allocated a "
    "block, and when.",
    NULL,
    NULL,
    NULL,
};

static const char *source_name(uint32_t source)
{
    static const char *const names[] = {
        [HS_SOURCE_SHIM] = "shim",
        [HS_SOURCE_PROCESS] = "process",
        [HS_SOURCE_CORE] = "core",
    };
    return source <= HS_SOURCE_CORE ? names[source] : "unknown";
}

static int print_json(const struct hs_capture *capture, const char *path)
{
    const struct hs_capture_header *header = capture->header;
    json_t *object = json_pack(
        "{s:s, s:s, s:i, s:I, s:I, s:I, s:I}", "path", path, "source",
        source_name(header->source), "pid", (int)header->pid, "blocks",
        (json_int_t)capture->n_blocks, "pause_ns", (json_int_t)header->pause_ns,
        "fork_ns", (json_int_t)header->fork_ns, "scan_ns", (json_int_t)header->scan_ns);
    if (!object || json_dumpf(object, stdout, JSON_COMPACT) != 0) {
        json_decref(object);
        return -1;
    }
    json_decref(object);
    return putchar('\n') == EOF ? -1 : 0;
}

/* No process is stopped for a file that cannot be written. */
static int check_target(const struct arguments *arguments, struct hs_error *err)
{
    char path[PATH_MAX];
    bool is_named = arguments->output && *arguments->output;
    bool is_here = !arguments->directory || !*arguments->directory;
    int length = is_named ? snprintf(path, sizeof(path), "%s", arguments->output)
                          : snprintf(path, sizeof(path), "%s/heap.heapsnapshot",
                                     is_here ? "." : arguments->directory);
    if (length < 0 || (size_t)length >= sizeof(path))
        return hs_error_set(err, ENAMETOOLONG, "the name of the snapshot is too long");
    return hs_snapshot_save_check(path, err);
}

/* Of a process that the shim is not in, `err` says why; it is asked for another way. */
static int take_tracked(const struct arguments *arguments, struct hs_capture *capture,
                        struct hs_error *err)
{
    struct hs_process *process;
    int result = hs_process_open(arguments->pid, &process, err);
    if (result != 0)
        return result;
    result = check_target(arguments, err);
    if (result == 0)
        result = hs_process_capture(process, arguments->timeout_ms, capture, err);
    hs_process_close(process);
    return result;
}

static int take_snapshot(const struct arguments *arguments, struct hs_capture *capture,
                         struct hs_error *err)
{
    int result = arguments->core ? -ENODATA : take_tracked(arguments, capture, err);
    if (result != -ENODATA)
        return result;
    *err = (struct hs_error){0};
    result = check_target(arguments, err);
    if (result != 0)
        return result;
    return arguments->core
               ? hs_external_core(arguments->core, arguments->executable, capture, err)
               : hs_external_process(arguments->pid, capture, err);
}

int hs_verb_snap(int argc, char **argv)
{
    struct arguments arguments = {.timeout_ms = 30000};
    argp_parse(&parser, argc, argv, 0, NULL, &arguments);

    struct hs_error err = {0};
    struct hs_capture capture;
    if (take_snapshot(&arguments, &capture, &err) != 0)
        return hs_tool_fail(&err);
    char path[PATH_MAX];
    int result = hs_save_capture(&capture, arguments.directory, arguments.output, path,
                                 sizeof(path), &err);
    if (result == 0 && (arguments.json ? print_json(&capture, path) : puts(path)) < 0)
        result = hs_error_set(&err, EIO, "cannot print the path of the snapshot");
    hs_capture_close(&capture);
    return result != 0 ? hs_tool_fail(&err) : HS_EXIT_FINE;
}

// SPDX-License-Identifier: MIT

/*
 * `heapsnap attach` and `heapsnap detach`: turn tracking on and off in a process that has
 * the preloaded library in it. The process does it itself, asked like for a snapshot.
 */

#include <argp.h>
#include <errno.h>
#include <stdio.h>

#include "heapsnap/process.h"
#include "libheapsnap/base/guard.h"
#include "tools/tool.h"

HS_DEFINE_GUARD(guard_process, struct hs_process *, hs_process_close)

struct arguments {
    pid_t pid;
    int timeout_ms;
};

enum { KEY_TIMEOUT = 256 };

static const struct argp_option options[] = {
    {"timeout", KEY_TIMEOUT, "SEC", 0, "Give up after SEC seconds (default: 10)", 0},
    {0},
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case KEY_TIMEOUT:
        if (!hs_tool_parse_ms(argument, &arguments->timeout_ms))
            argp_error(state, "'%s' is no number of seconds", argument);
        return 0;
    default:
        return hs_tool_pid_argument(key, argument, state, &arguments->pid);
    }
}

static const struct argp attach_parser = {
    options,
    parse_option,
    "PID",
    "Turn tracking on in the process PID, which was started with 'heapsnap run "
    "--dormant', "
    "or detached since."
    "\vBlocks that were allocated before are not known; a snapshot says since when "
    "tracking is on.",
    NULL,
    NULL,
    NULL,
};

static const struct argp detach_parser = {
    options,
    parse_option,
    "PID",
    "Turn tracking off in the process PID. What was recorded is forgotten and its memory "
    "given back; 'heapsnap attach' begins anew.",
    NULL,
    NULL,
    NULL,
};

static int throw_switch(const struct argp *parser, bool on, int argc, char **argv)
{
    struct arguments arguments = {.timeout_ms = 10000};
    argp_parse(parser, argc, argv, 0, NULL, &arguments);

    struct hs_error err = {0};
    hs_auto(guard_process) struct hs_process *process = NULL;
    struct hs_process_status status;
    if (hs_process_open(arguments.pid, &process, &err) != 0
        || hs_process_status(process, &status, &err) != 0
        || hs_process_switch(process, on, arguments.timeout_ms, &err) != 0)
        return hs_tool_fail(&err);
    if (printf("process %d: tracking %s %s\n", (int)arguments.pid,
               status.is_dormant == on ? "is now" : "was already", on ? "on" : "off")
            < 0
        || fflush(stdout) != 0) {
        hs_error_set(&err, EIO, "cannot print that tracking was switched");
        return hs_tool_fail(&err);
    }
    return HS_EXIT_FINE;
}

int hs_verb_attach(int argc, char **argv)
{
    return throw_switch(&attach_parser, true, argc, argv);
}

int hs_verb_detach(int argc, char **argv)
{
    return throw_switch(&detach_parser, false, argc, argv);
}

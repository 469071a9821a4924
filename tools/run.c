// SPDX-License-Identifier: MIT

/*
 * `heapsnap run`: become the program, preloaded.
 *
 * The command is executed in place of this process, not as a child: its pid, parent,
 * terminal, signals and exit status are then exactly those of the bare command, and
 * nothing of ours waits beside it. All that is left of `run` is the environment
 * (environment.c).
 */

#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "tools/run.h"
#include "tools/tool.h"

enum {
    KEY_EVERY = 256,
    KEY_OVER,
    KEY_SIGNAL,
    KEY_NO_EXIT,
    KEY_FOLLOW,
    KEY_TRACK,
    KEY_SAMPLE,
    KEY_DORMANT,
    KEY_SWITCH,
    KEY_TOTALS,
    KEY_MEMORY,
    KEY_STRINGS
};

static const struct argp_option options[] = {
    {"dir", 'd', "DIR", 0, "Write snapshots into DIR (default: the working directory)",
     0},
    {"output", 'o', "FILE", 0, "Write the snapshot at exit to exactly FILE", 0},
    {"every", KEY_EVERY, "SEC", 0, "Take a snapshot every SEC seconds", 0},
    {"over", KEY_OVER, "SIZE", 0,
     "Take one when live memory passes SIZE (512M), and each time it has grown by half "
     "as much again",
     0},
    {"signal", KEY_SIGNAL, "NAME", 0, "Take one on signal NAME (USR2)", 0},
    {"no-exit-snapshot", KEY_NO_EXIT, NULL, 0, "Take none at exit", 0},
    {"follow", KEY_FOLLOW, NULL, 0, "Track the children, too", 0},
    {"track", KEY_TRACK, "LIST", 0, "What to track: heap,mmap,fd (default: all)", 0},
    {"sample", KEY_SAMPLE, "SIZE", 0,
     "Record a block about once in SIZE bytes (512K) instead of every one: nearly free, "
     "and sizes become estimates",
     0},
    {"dormant", KEY_DORMANT, NULL, 0,
     "Begin switched off, which costs nothing; 'heapsnap attach' turns tracking on", 0},
    {"switch", KEY_SWITCH, "NAME", 0, "Turn tracking on and off by signal NAME", 0},
    {"totals", KEY_TOTALS, NULL, 0, "Also count what each stack has ever allocated", 0},
    {"memory", KEY_MEMORY, "SIZE", 0,
     "The most memory that tracking may use for itself; more is not recorded", 0},
    {"strings", KEY_STRINGS, NULL, 0,
     "Keep the beginnings of texts in the snapshot: be sure that nothing secret travels "
     "with it",
     0},
    {"verbose", 'v', NULL, 0, "A line on stderr for each snapshot", 0},
    {0},
};

static int parse_signal(const char *name, struct argp_state *state)
{
    const char *bare = strncmp(name, "SIG", 3) == 0 ? name + 3 : name;
    int number;
    if (hs_tool_parse_int(name, &number) && number > 0 && number < NSIG)
        return number;
    for (number = 1; number < NSIG; number++) {
        const char *known = sigabbrev_np(number);
        if (known && strcmp(known, bare) == 0)
            return number;
    }
    argp_error(state, "there is no signal '%s'", name);
    return 0;
}

static void check_track(const char *list, struct argp_state *state)
{
    static const char *const kinds[] = {"heap", "mmap", "fd"};
    for (const char *at = list; at; at = strchr(at, ',')) {
        at += *at == ',';
        size_t length = strcspn(at, ","), i = 0;
        while (i < 3
               && (strlen(kinds[i]) != length || strncmp(at, kinds[i], length) != 0))
            i++;
        if (i == 3)
            argp_error(state, "'%s' cannot be tracked; heap, mmap and fd can", at);
    }
}

/* How tracking works; the other options are about snapshots. */
static error_t parse_mode(int key, char *argument, struct argp_state *state)
{
    struct hs_run_arguments *arguments = state->input;
    switch (key) {
    case KEY_SAMPLE:
        if (!hs_tool_parse_size(argument, &arguments->sample_rate)
            || arguments->sample_rate == 0)
            argp_error(state, "'%s' is no size; 512K is", argument);
        return 0;
    case KEY_MEMORY:
        if (!hs_tool_parse_size(argument, &arguments->memory_limit)
            || arguments->memory_limit == 0)
            argp_error(state, "'%s' is no size; 64M is", argument);
        return 0;
    case KEY_SWITCH:
        arguments->switch_signal = parse_signal(argument, state);
        return 0;
    case KEY_DORMANT:
        arguments->is_dormant = true;
        return 0;
    case KEY_TOTALS:
        arguments->with_totals = true;
        return 0;
    case KEY_STRINGS:
        arguments->with_strings = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct hs_run_arguments *arguments = state->input;
    switch (key) {
    case 'd':
        arguments->directory = argument;
        return 0;
    case 'o':
        arguments->output = argument;
        return 0;
    case 'v':
        arguments->verbose = true;
        return 0;
    case KEY_EVERY:
        if (!hs_tool_parse_ms(argument, &arguments->every_ms))
            argp_error(state, "'%s' is no number of seconds", argument);
        return 0;
    case KEY_OVER:
        if (!hs_tool_parse_size(argument, &arguments->over_bytes))
            argp_error(state, "'%s' is no size; 512M or 2G is", argument);
        return 0;
    case KEY_SIGNAL:
        arguments->signal = parse_signal(argument, state);
        return 0;
    case KEY_NO_EXIT:
        arguments->no_exit_snapshot = true;
        return 0;
    case KEY_FOLLOW:
        arguments->follow = true;
        return 0;
    case KEY_TRACK:
        check_track(argument, state);
        arguments->track = argument;
        return 0;
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->check;
        return 0;
    case ARGP_KEY_ARG: /* the command begins; everything behind it is its own */
        arguments->command = &state->argv[state->next - 1];
        state->next = state->argc;
        return 0;
    case ARGP_KEY_END:
        if (!arguments->command)
            argp_error(state, "which command?");
        if (arguments->follow && arguments->output)
            argp_error(state, "--follow may write many files: name a directory with -d");
        if (arguments->check.is_wanted && arguments->sample_rate > 0)
            argp_error(state, "--check needs every block: leave out --sample");
        return 0;
    default:
        return parse_mode(key, argument, state);
    }
}

static const struct argp_child children[] = {{&hs_check_argp, 0, "Leaks:", 1}, {0}};

static const struct argp parser = {
    options,
    parse_option,
    "[--] COMMAND [ARGUMENT...]",
    "Run COMMAND with tracking, and take a snapshot of its heap when it ends."
    "\vThe command replaces heapsnap: pid, signals and exit status are its own. When it "
    "cannot be started the exit status is 127 (not found), 126 (not executable) or 1."
    "\n\nLSAN_OPTIONS is honoured: suppressions, exitcode, detect_leaks, "
    "leak_check_at_exit, print_suppressions, max_leaks and log_path. A program that ends "
    "by "
    "_exit() or by a signal is not checked. Children are checked with --follow, each "
    "with "
    "a report and a status of its own.",
    children,
    NULL,
    NULL,
};

int hs_verb_run(int argc, char **argv)
{
    struct hs_run_arguments arguments = {0};
    argp_parse(&parser, argc, argv, ARGP_IN_ORDER, NULL, &arguments);

    struct hs_error err = {0};
    char path[PATH_MAX];
    bool is_of_other_libc = false;
    int status = hs_command_find(arguments.command[0], path, sizeof(path),
                                 &is_of_other_libc, &err);
    if (status != 0) {
        hs_tool_fail(&err);
        return status;
    }
    if (hs_run_prepare(&arguments, is_of_other_libc, &err) != 0)
        return hs_tool_fail(&err);
    execvp(arguments.command[0], arguments.command);
    hs_error_set(&err, errno, "cannot run '%s': %s", arguments.command[0],
                 strerror(errno));
    hs_tool_fail(&err);
    return HS_EXIT_NOT_EXECUTABLE;
}

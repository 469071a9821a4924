// SPDX-License-Identifier: MIT

/*
 * `heapsnap watch`: leak events of a running process, as they happen.
 *
 * Each look asks the process for its live totals a stack, which neither freezes nor
 * forks it. What growth is and which site it belongs to is growth.c's business.
 */

#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "heapsnap/leak.h"
#include "heapsnap/process.h"
#include "libheapsnap/base/guard.h"
#include "tools/event.h"
#include "tools/growth.h"
#include "tools/tool.h"

/* The longest a process may take to answer one look. */
#define LOOK_TIMEOUT_MS 10000
/* Looks that may fail one after the other, for want of memory, say. */
#define FAILURES_MAX 5

HS_DEFINE_GUARD(guard_process, struct hs_process *, hs_process_close)
HS_DEFINE_GUARD(guard_growth, struct hs_site_growth *, hs_site_growth_destroy)

struct arguments {
    pid_t pid;
    struct hs_threshold threshold;
    bool has_threshold;
    int interval_ms;
    int for_ms;
    int count;
    struct hs_event_actions actions;
};

enum {
    KEY_THRESHOLD = 't',
    KEY_INTERVAL = 'i',
    KEY_FOR = 256,
    KEY_JSON,
    KEY_SNAPSHOT,
    KEY_EXEC,
    KEY_COUNT
};

static const struct argp_option options[] = {
    {"threshold", KEY_THRESHOLD, "SPEC", 0,
     "How much growth of one site is a leak: 1M, 10%, 100-objects, or several with "
     "commas",
     0},
    {"interval", KEY_INTERVAL, "SEC", 0, "Look every SEC seconds (default: 10)", 0},
    {"for", KEY_FOR, "SEC", 0, "End after SEC seconds", 0},
    {"count", KEY_COUNT, "N", 0, "End after N events", 0},
    {"snapshot", KEY_SNAPSHOT, NULL, 0, "Take a snapshot with each look that found one",
     0},
    {"dir", 'd', "DIR", 0, "Where these snapshots go (default: here)", 0},
    {"exec", KEY_EXEC, "CMD", 0,
     "Run the shell command CMD for each event; HEAPSNAP_EVENT holds it as JSON", 0},
    {"json", KEY_JSON, NULL, 0, "One JSON object a line", 0},
    {0},
};

static void parse_threshold(struct arguments *arguments, const char *text,
                            struct argp_state *state)
{
    struct hs_error err = {0};
    if (hs_threshold_parse(text, &arguments->threshold, &err) != 0)
        argp_error(state, "%s", err.text);
    arguments->has_threshold = true;
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case KEY_THRESHOLD:
        parse_threshold(arguments, argument, state);
        return 0;
    case KEY_INTERVAL:
        if (!hs_tool_parse_ms(argument, &arguments->interval_ms))
            argp_error(state, "'%s' is no number of seconds", argument);
        return 0;
    case KEY_FOR:
        if (!hs_tool_parse_ms(argument, &arguments->for_ms))
            argp_error(state, "'%s' is no number of seconds", argument);
        return 0;
    case KEY_COUNT:
        if (!hs_tool_parse_int(argument, &arguments->count) || arguments->count == 0)
            argp_error(state, "'%s' is no number of events", argument);
        return 0;
    case KEY_SNAPSHOT:
        arguments->actions.snapshot = true;
        return 0;
    case 'd':
        arguments->actions.directory = argument;
        return 0;
    case KEY_EXEC:
        arguments->actions.command = argument;
        return 0;
    case KEY_JSON:
        arguments->actions.json = true;
        return 0;
    case ARGP_KEY_END:
        if (!arguments->has_threshold)
            argp_error(state, "how much growth is a leak? --threshold 1M, for instance");
        return 0;
    default:
        return hs_tool_pid_argument(key, argument, state, &arguments->pid);
    }
}

static const struct argp parser = {
    options,
    parse_option,
    "PID",
    "Watch the tracked process PID and raise a leak event for each call site whose live "
    "memory grows by the threshold; again when it has grown by as much once more."
    "\vEnds with the process, after --for or --count, or on an interrupt. The exit "
    "status "
    "is 3 when there was an event, else 0; 1 when the process could not be watched.",
    NULL,
    NULL,
    NULL,
};

static volatile sig_atomic_t is_interrupted;

static void interrupt(int signal)
{
    (void)signal;
    is_interrupted = 1;
}

static void catch_interrupts(void)
{
    struct sigaction action = {.sa_handler = interrupt};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static int64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Sleep until the next look; false when it is time to end. */
static bool await_next(const struct arguments *arguments, int64_t started)
{
    int64_t wait = arguments->interval_ms;
    if (arguments->for_ms > 0) {
        int64_t left = started + arguments->for_ms - clock_ms();
        if (left <= 0)
            return false;
        wait = left < wait ? left : wait;
    }
    struct timespec pause = {wait / 1000, wait % 1000 * 1000000};
    return !is_interrupted && nanosleep(&pause, NULL) == 0 && !is_interrupted;
}

struct watch {
    const struct arguments *arguments;
    struct hs_process *process;
    int n_events;
    int n_failures;      /* since the last look that worked */
    char snapshot[4096]; /* taken with this look, "" none */
};

static bool raise_event(const struct hs_growth *growth, const char *reason, void *context)
{
    struct watch *watch = context;
    hs_event_raise(&watch->arguments->actions, watch->process, watch->arguments->pid,
                   growth, reason, watch->snapshot, sizeof(watch->snapshot));
    watch->n_events++;
    return watch->arguments->count == 0 || watch->n_events < watch->arguments->count;
}

/* One look. Positive: the process is gone; 0: go on; negative: cannot go on. */
static int look(struct watch *watch, struct hs_site_growth *growth, struct hs_error *err)
{
    struct hs_capture capture;
    struct hs_error problem = {0};
    int result = hs_process_totals(watch->process, LOOK_TIMEOUT_MS, &capture, &problem);
    if (result == -ESRCH)
        return 1;
    if (result == -EBUSY || result == -ETIMEDOUT || result == -ENOTCONN)
        return 0; /* somebody takes a snapshot, or it is stopped, or dormant: look later */
    if (result != 0 && ++watch->n_failures < FAILURES_MAX && result != -ENODATA)
        return 0; /* the helper in the process was killed, perhaps */
    if (result != 0)
        return hs_error_set(err, problem.code, "%s", problem.text);
    watch->n_failures = 0;
    watch->snapshot[0] = '\0';
    result = hs_site_growth_check(growth, &capture, &watch->arguments->threshold,
                                  raise_event, watch, err);
    hs_capture_close(&capture);
    return result;
}

/* What later looks are compared with. A helper killed in the process (-EIO) is no end. */
static int look_first(struct watch *watch, struct hs_capture *ret, struct hs_error *err)
{
    struct hs_error problem;
    int result, failures = 0;
    do {
        problem = (struct hs_error){0};
        result = hs_process_totals(watch->process, LOOK_TIMEOUT_MS, ret, &problem);
    } while (result == -EIO && ++failures < FAILURES_MAX);
    return result != 0 ? hs_error_set(err, problem.code, "%s", problem.text) : 0;
}

static int watch_process(struct watch *watch, struct hs_error *err)
{
    struct hs_capture capture;
    hs_auto(guard_growth) struct hs_site_growth *growth = NULL;
    int result = look_first(watch, &capture, err);
    if (result != 0)
        return result;
    result = hs_site_growth_create(&capture, &growth, err);
    hs_capture_close(&capture);

    int64_t started = clock_ms();
    int limit = watch->arguments->count;
    while (result == 0 && (limit == 0 || watch->n_events < limit)
           && await_next(watch->arguments, started))
        result = look(watch, growth, err);
    return result < 0 ? result : 0;
}

int hs_verb_watch(int argc, char **argv)
{
    struct arguments arguments = {.interval_ms = 10000};
    argp_parse(&parser, argc, argv, 0, NULL, &arguments);
    catch_interrupts();

    struct hs_error err = {0};
    hs_auto(guard_process) struct hs_process *process = NULL;
    if (hs_process_open(arguments.pid, &process, &err) != 0)
        return hs_tool_fail(&err);
    struct watch watch = {.arguments = &arguments, .process = process};
    if (watch_process(&watch, &err) != 0)
        return hs_tool_fail(&err);
    return watch.n_events > 0 ? HS_EXIT_LEAK_EVENT : HS_EXIT_FINE;
}

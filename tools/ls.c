// SPDX-License-Identifier: MIT

/* `heapsnap ls`: the tracked processes that this user may talk to. */

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "heapsnap/process.h"
#include "libheapsnap/base/guard.h"
#include "libheapsnap/base/size.h"
#include "tools/tool.h"

HS_DEFINE_GUARD(guard_json, json_t *, json_decref)

enum { KEY_JSON = 256 };

static const struct argp_option options[] = {
    {"json", KEY_JSON, NULL, 0, "Print one JSON document", 0},
    {0},
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    bool *json = state->input;
    switch (key) {
    case KEY_JSON:
        *json = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "'%s' is too much", argument);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    options,
    parse_option,
    "",
    "List the tracked processes: live memory (approximate), open handles, how long they "
    "have been tracked, and the snapshots taken. A process that waits for 'heapsnap "
    "attach' is dormant; '~' marks estimates from a sample.",
    NULL,
    NULL,
    NULL,
};

static double age_seconds(const struct hs_process_status *status)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    return ns > status->start_time ? (double)(ns - status->start_time) / 1e9 : 0;
}

static void format_age(double seconds, char *ret, size_t size)
{
    unsigned long total = (unsigned long)seconds;
    if (total < 60)
        snprintf(ret, size, "%lus", total);
    else if (total < 3600)
        snprintf(ret, size, "%lum%02lus", total / 60, total % 60);
    else if (total < 86400)
        snprintf(ret, size, "%luh%02lum", total / 3600, total / 60 % 60);
    else
        snprintf(ret, size, "%lud%02luh", total / 86400, total / 3600 % 24);
}

static int print_json(const struct hs_process_status *statuses, size_t count)
{
    hs_auto(guard_json) json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct hs_process_status *status = &statuses[i];
        json_t *object = json_pack(
            "{s:i, s:s%, s:I, s:I, s:I, s:I, s:f, s:i, s:b, s:I, s:s?}", "pid",
            (int)status->pid, "command", status->command, strlen(status->command),
            "live_bytes", (json_int_t)status->live_bytes, "live_blocks",
            (json_int_t)status->live_blocks, "open_handles",
            (json_int_t)status->open_handles, "tracker_bytes",
            (json_int_t)status->tracker_bytes, "age_seconds", age_seconds(status),
            "snapshots", (int)status->snapshots, "dormant", status->is_dormant,
            "sample_rate", (json_int_t)status->sample_rate, "no_snapshots",
            status->no_snapshots[0] ? status->no_snapshots : NULL);
        if (json_array_append_new(list, object) != 0)
            return -1;
    }
    if (!list || json_dumpf(list, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) != 0)
        return -1;
    return putchar('\n') == EOF ? -1 : 0;
}

/* Estimates from a sample are marked. */
static void fill_live(struct libscols_line *line, const struct hs_process_status *status)
{
    char text[64] = "~";
    size_t mark = status->sample_rate ? 1 : 0;
    if (status->live_bytes < 0)
        hs_size_change_text(status->live_bytes, text + mark);
    else
        hs_size_text((uint64_t)status->live_bytes, text + mark);
    scols_line_set_data(line, 1, text);
    snprintf(text + mark, sizeof(text) - mark, "%" PRId64, status->live_blocks);
    scols_line_set_data(line, 2, text);
    snprintf(text, sizeof(text), "%" PRId64, status->open_handles);
    scols_line_set_data(line, 3, text);
    format_age(age_seconds(status), text, sizeof(text));
    scols_line_set_data(line, 4, text);
}

static void fill_line(struct libscols_line *line, const struct hs_process_status *status)
{
    char text[64];
    snprintf(text, sizeof(text), "%d", (int)status->pid);
    scols_line_set_data(line, 0, text);
    if (status->is_dormant)
        scols_line_set_data(line, 4, "dormant");
    else
        fill_live(line, status);
    snprintf(text, sizeof(text), "%" PRIu32, status->snapshots);
    scols_line_set_data(line, 5, text);
    char command[sizeof(status->command) + sizeof(status->no_snapshots) + 32];
    snprintf(command, sizeof(command),
             status->no_snapshots[0] ? "%s (no snapshots: %s)" : "%s", status->command,
             status->no_snapshots);
    scols_line_set_data(line, 6, command);
}

static int print_table(const struct hs_process_status *statuses, size_t count)
{
    static const struct {
        const char *name;
        int flags;
    } columns[] = {
        {"PID", SCOLS_FL_RIGHT},     {"LIVE", SCOLS_FL_RIGHT},
        {"BLOCKS", SCOLS_FL_RIGHT},  {"HANDLES", SCOLS_FL_RIGHT},
        {"AGE", SCOLS_FL_RIGHT},     {"SNAPSHOTS", SCOLS_FL_RIGHT},
        {"COMMAND", SCOLS_FL_TRUNC},
    };
    scols_init_debug(0);
    struct libscols_table *table = scols_new_table();
    if (!table)
        return -1;
    int result = 0;
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]) && result == 0; i++)
        if (!scols_table_new_column(table, columns[i].name, 0, columns[i].flags))
            result = -1;
    for (size_t i = 0; i < count && result == 0; i++) {
        struct libscols_line *line = scols_table_new_line(table, NULL);
        if (line)
            fill_line(line, &statuses[i]);
        else
            result = -1;
    }
    if (result == 0)
        result = scols_print_table(table);
    scols_unref_table(table);
    return result;
}

int hs_verb_ls(int argc, char **argv)
{
    bool json = false;
    argp_parse(&parser, argc, argv, 0, NULL, &json);

    struct hs_error err = {0};
    hs_auto_free struct hs_process_status *statuses = NULL;
    size_t count = 0;
    if (hs_process_list(&statuses, &count, &err) != 0)
        return hs_tool_fail(&err);
    int result = json ? print_json(statuses, count) : 0;
    if (!json && count > 0)
        result = print_table(statuses, count);
    if (!json && count == 0)
        fputs("no tracked process; start one with: heapsnap run -- COMMAND\n", stderr);
    if (result != 0 || fflush(stdout) != 0) {
        hs_error_set(&err, EIO, "cannot print the list");
        return hs_tool_fail(&err);
    }
    return HS_EXIT_FINE;
}

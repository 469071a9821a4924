// SPDX-License-Identifier: MIT

/* One parser for the options that all listing verbs share. */

#include "tools/view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tool.h"

#define ROWS_FOR_PEOPLE 20

enum { KEY_JSON = 1000, KEY_CSV, KEY_TOP, KEY_MIN_BYTES, KEY_FILTER };

static const struct argp_option options[] = {
    {"json", KEY_JSON, NULL, 0, "Print one JSON document", 1},
    {"csv", KEY_CSV, NULL, 0, "Print comma-separated values", 1},
    {"top", KEY_TOP, "N", 0, "Show the first N rows; 0 shows all", 1},
    {"min-bytes", KEY_MIN_BYTES, "N", 0, "Leave out rows of fewer bytes (64K, 1M, …)", 1},
    {"filter", KEY_FILTER, "TEXT", 0, "Only rows whose name contains TEXT", 1},
    {0},
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct hs_view *view = state->input;
    int top;
    switch (key) {
    case KEY_JSON:
        view->json = true;
        return 0;
    case KEY_CSV:
        view->csv = true;
        return 0;
    case KEY_TOP:
        if (!hs_tool_parse_int(argument, &top))
            argp_error(state, "'%s' is no number of rows", argument);
        view->top = (size_t)top;
        view->has_top = true;
        return 0;
    case KEY_MIN_BYTES:
        if (!hs_tool_parse_size(argument, &view->min_bytes))
            argp_error(state, "'%s' is no size; say for example 4096, 64K or 1M",
                       argument);
        return 0;
    case KEY_FILTER:
        view->filter = argument;
        return 0;
    case ARGP_KEY_END:
        if (view->json && view->csv)
            argp_error(state, "--json and --csv exclude each other");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp hs_view_argp = {options, parse_option, NULL, NULL, NULL, NULL, NULL};

size_t hs_view_limit(const struct hs_view *view, size_t count)
{
    size_t limit = view->has_top             ? view->top
                   : view->json || view->csv ? 0
                                             : ROWS_FOR_PEOPLE;
    return limit == 0 || limit > count ? count : limit;
}

bool hs_view_matches(const struct hs_view *view, const char *name, uint64_t bytes)
{
    return bytes >= view->min_bytes && (!view->filter || strcasestr(name, view->filter));
}

// SPDX-License-Identifier: MIT

/* From the command line of a tree to its rows. How they are printed stands beside this. */

#include "tools/outline.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libheapsnap/base/guard.h"
#include "tools/tool.h"

#define CHILDREN_FOR_PEOPLE 5
/* People see opened what retains at least one such part of the whole. */
#define PART_OPENED 100

HS_DEFINE_GUARD(guard_outline, struct hs_outline *, hs_outline_destroy)

enum { KEY_DEPTH = 2000, KEY_WEAK };

static const struct argp_option options[] = {
    {"depth", KEY_DEPTH, "N", 0, "Open so many levels", 0},
    {"weak", KEY_WEAK, NULL, 0, "Show pointers that hold nothing, too", 0},
    {0},
};

static void add_argument(struct hs_outline_view *view, const char *argument,
                         struct argp_state *state)
{
    if (!view->file)
        view->file = argument;
    else if (view->node)
        argp_error(state, "one node at a time");
    else if (!hs_node_is_text(argument))
        argp_error(state, "'%s' is no node; say @ID or an address like 0x55d0c3a03348",
                   argument);
    else
        view->node = argument;
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct hs_outline_view *view = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &view->view;
        return 0;
    case KEY_DEPTH:
        if (!hs_tool_parse_int(argument, &view->depth) || view->depth < 1
            || view->depth > HS_OUTLINE_DEPTH)
            argp_error(state, "'%s' is no number of levels from 1 to %d", argument,
                       HS_OUTLINE_DEPTH);
        view->has_depth = true;
        return 0;
    case KEY_WEAK:
        view->has_weak = true;
        return 0;
    case ARGP_KEY_ARG:
        add_argument(view, argument, state);
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "which file?");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&hs_view_argp, 0, NULL, 0}, {0}};
const struct argp hs_outline_argp = {options,  parse_option, NULL, NULL,
                                     children, NULL,         NULL};

struct filter {
    const struct hs_analysis *analysis;
    const struct hs_view *view;
};

/* The name or class of the node contains the text, or that of the edge does. */
static bool matches(void *data, uint32_t node, uint32_t edge)
{
    const struct filter *filter = data;
    const struct hs_analysis *analysis = filter->analysis;
    const struct hs_snapshot *snapshot = analysis->snapshot;
    char text[HS_NODE_TEXT];
    hs_name_text(snapshot, analysis->classes[analysis->node_class[node]].name, text,
                 sizeof(text));
    return strcasestr(text, filter->view->filter)
           || strcasestr(hs_node_text(analysis, node, text), filter->view->filter)
           || strcasestr(hs_edge_text(snapshot, hs_edge_find_source(snapshot, edge), edge,
                                      text, sizeof(text)),
                         filter->view->filter);
}

static struct hs_outline_options choose(const struct hs_outline_view *view,
                                        struct filter *filter, uint64_t whole)
{
    const struct hs_view *rows = &view->view;
    bool for_people = !rows->json && !rows->csv;
    bool says_little = !view->has_depth && rows->min_bytes == 0 && !rows->filter;
    return (struct hs_outline_options){
        .kind = view->kind,
        .depth = (uint32_t)view->depth,
        .top = rows->has_top ? rows->top
               : for_people  ? CHILDREN_FOR_PEOPLE
                             : 0,
        .min_bytes = rows->min_bytes,
        .open_bytes = for_people && says_little ? whole / PART_OPENED + 1 : 0,
        .is_merged = for_people && !rows->filter,
        .is_complete = view->is_complete,
        .has_weak = view->has_weak,
        .matches = rows->filter ? matches : NULL,
        .data = filter,
    };
}

int hs_outline_run(const struct hs_outline_view *view)
{
    struct hs_error err = {0};
    hs_auto(hs_opened_deinit) struct hs_opened opened = {0};
    if (hs_opened_init(&opened, view->file, &err) < 0)
        return hs_tool_fail(&err);
    uint32_t node = opened.snapshot->root;
    if (view->node && hs_node_find(&opened, view->node, &node, &err) < 0)
        return hs_tool_fail(&err);
    struct filter filter = {opened.analysis, &view->view};
    struct hs_outline_options rows =
        choose(view, &filter, opened.analysis->retained[node]);
    hs_auto(guard_outline) struct hs_outline *outline = NULL;
    if (hs_outline_create(opened.analysis, node, &rows, &outline, &err) < 0)
        return hs_tool_fail(&err);
    bool is_fine = view->view.json  ? hs_outline_print_json(&opened, outline)
                   : view->view.csv ? hs_outline_print_csv(&opened, outline)
                                    : hs_outline_print(&opened, outline, view);
    if (!is_fine || fflush(stdout) != 0) {
        hs_error_set(&err, EIO, "cannot print the tree");
        return hs_tool_fail(&err);
    }
    return HS_EXIT_FINE;
}

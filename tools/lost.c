// SPDX-License-Identifier: MIT

/*
 * `heapsnap lost`: what nobody points to any more, by the stack that allocated it. In
 * snapshots of browsers the same question has another answer: detached nodes.
 */

#include "tools/lost.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/base/guard.h"
#include "tools/tool.h"

HS_DEFINE_GUARD(guard_lost, struct hs_lost *, hs_lost_destroy)

struct arguments {
    struct hs_view view;
    const char *file;
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->view;
        return 0;
    default:
        return hs_tool_file_argument(key, argument, state, "", &arguments->file);
    }
}

static const struct argp_child children[] = {{&hs_view_argp, 0, NULL, 0}, {0}};
static const struct argp parser = {
    NULL,
    parse_option,
    "FILE.heapsnapshot",
    "Show the blocks that nothing points to any more, by the stack that allocated them: "
    "how many, how many more are lost only through them, and their bytes."
    "\v'heapsnap tree FILE @ID' shows what one of them holds. In a snapshot of a browser "
    "the detached nodes are shown, by class. The exit status is 0 also when something is "
    "lost; 'heapsnap run --check' is for tests.",
    children,
    NULL,
    NULL,
};

const char *hs_lost_class_text(const struct hs_opened *opened,
                               const struct hs_lost_group *group,
                               char buffer[HS_NODE_TEXT])
{
    static const char detached[] = "Detached ";
    const char *name = group->class_name;
    bool is_ours = json_object_get(opened->snapshot->metadata, "heapsnap") != NULL;
    hs_name_text(opened->snapshot, name, buffer, HS_NODE_TEXT);
    if (is_ours && strncmp(buffer, detached, sizeof(detached) - 1) == 0)
        memmove(buffer, buffer + sizeof(detached) - 1,
                strlen(buffer) - sizeof(detached) + 2);
    return buffer;
}

const char *hs_lost_stack_text(const struct hs_opened *opened,
                               const struct hs_lost_group *group,
                               char buffer[HS_STACK_TEXT])
{
    buffer[0] = '\0';
    if (group->site != HS_ANALYSIS_NONE)
        hs_site_text(opened->snapshot, group->site, buffer, HS_STACK_TEXT);
    return buffer;
}

static bool is_wanted(const struct hs_opened *opened, const struct hs_lost_group *group,
                      const struct hs_view *view)
{
    char class[HS_NODE_TEXT], stack[HS_STACK_TEXT];
    if (group->retained < view->min_bytes || !view->filter)
        return group->retained >= view->min_bytes;
    return strcasestr(hs_lost_class_text(opened, group, class), view->filter)
           || strcasestr(hs_lost_stack_text(opened, group, stack), view->filter);
}

/* The groups that the view wants, in order; the array is the caller's. */
static const struct hs_lost_group **choose(const struct hs_opened *opened,
                                           const struct hs_lost *lost,
                                           const struct hs_view *view, size_t *ret_count)
{
    const struct hs_lost_group **rows =
        malloc(((size_t)lost->group_count + 1) * sizeof(const struct hs_lost_group *));
    size_t count = 0;
    for (uint32_t i = 0; rows && i < lost->group_count; i++)
        if (is_wanted(opened, &lost->groups[i], view))
            rows[count++] = &lost->groups[i];
    *ret_count = count;
    return rows;
}

int hs_verb_lost(int argc, char **argv)
{
    struct arguments arguments = {0};
    argp_parse(&parser, argc, argv, 0, NULL, &arguments);

    struct hs_error err = {0};
    hs_auto(hs_opened_deinit) struct hs_opened opened = {0};
    hs_auto(guard_lost) struct hs_lost *lost = NULL;
    if (hs_opened_init(&opened, arguments.file, &err) < 0
        || hs_lost_create(opened.analysis, &lost, &err) < 0)
        return hs_tool_fail(&err);
    struct hs_lost_rows rows = {.opened = &opened, .lost = lost};
    hs_auto_free const struct hs_lost_group **chosen =
        choose(&opened, lost, &arguments.view, &rows.count);
    rows.at = chosen;
    rows.shown = hs_view_limit(&arguments.view, rows.count);
    bool is_fine = chosen
                   && (arguments.view.json  ? hs_lost_print_json(&rows)
                       : arguments.view.csv ? hs_lost_print_csv(&rows)
                                            : hs_lost_print(&rows));
    if (!is_fine || fflush(stdout) != 0) {
        hs_error_set(&err, EIO, "cannot print what is lost");
        return hs_tool_fail(&err);
    }
    return HS_EXIT_FINE;
}

// SPDX-License-Identifier: MIT

/* `heapsnap retainers`: DevTools' Retainers in the terminal. */

#include <argp.h>

#include "tools/outline.h"
#include "tools/tool.h"

/* DevTools opens as many by itself. */
#define LEVELS 20

enum { KEY_ALL = 256 };

static const struct argp_option options[] = {
    {"all", KEY_ALL, NULL, 0, "Open all holders, not only the nearest to a root", 0},
    {0},
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct hs_outline_view *view = state->input;
    (void)argument;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = view;
        return 0;
    case KEY_ALL:
        view->is_complete = true;
        return 0;
    case ARGP_KEY_END:
        if (!view->node)
            argp_error(state, "which node? Say @ID or 0xADDRESS");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&hs_outline_argp, 0, NULL, 0}, {0}};
static const struct argp parser = {
    options,
    parse_option,
    "FILE.heapsnapshot @ID|0xADDRESS",
    "Show who holds a node, the nearest to a root first, and who holds those."
    "\vIds are those that 'heapsnap tree' and 'heapsnap lost' print, and DevTools, too. "
    "An address may be any inside the block.",
    children,
    NULL,
    NULL,
};

int hs_verb_retainers(int argc, char **argv)
{
    struct hs_outline_view view = {.kind = HS_OUTLINE_HOLDERS, .depth = LEVELS};
    argp_parse(&parser, argc, argv, 0, NULL, &view);
    return hs_outline_run(&view);
}

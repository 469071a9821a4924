// SPDX-License-Identifier: MIT

/* `heapsnap tree`: DevTools' Containment in the terminal. */

#include <argp.h>

#include "tools/outline.h"
#include "tools/tool.h"

#define LEVELS 4

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    (void)argument;
    if (key != ARGP_KEY_INIT)
        return ARGP_ERR_UNKNOWN;
    state->child_inputs[0] = state->input;
    return 0;
}

static const struct argp_child children[] = {{&hs_outline_argp, 0, NULL, 0}, {0}};
static const struct argp parser = {
    NULL,
    parse_option,
    "FILE.heapsnapshot [@ID|0xADDRESS]",
    "Show what a snapshot, or one node of it, holds: the largest first, with what would "
    "go with each."
    "\vA node that several hold is opened once, where it is nearest. Without --depth, "
    "--min-bytes or --filter only what retains one percent is opened. --top counts the "
    "rows below each node; with --filter, rows remain that match or lead to one that "
    "does.",
    children,
    NULL,
    NULL,
};

int hs_verb_tree(int argc, char **argv)
{
    struct hs_outline_view view = {.kind = HS_OUTLINE_CONTENTS, .depth = LEVELS};
    argp_parse(&parser, argc, argv, 0, NULL, &view);
    return hs_outline_run(&view);
}

// SPDX-License-Identifier: MIT

/*
 * `heapsnap verify`: is a file whole and sound, to its last byte? With --rewrite it is also
 * written anew, read again, and compared: so reader and writer test each other.
 */

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "heapsnap/snapshot.h"
#include "libheapsnap/base/guard.h"
#include "tools/tool.h"

HS_DEFINE_GUARD(guard_snapshot, struct hs_snapshot *, hs_snapshot_destroy)

struct arguments {
    const char *file;
    const char *rewritten; /* NULL: only check */
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case 'w':
        arguments->rewritten = argument;
        return 0;
    default:
        return hs_tool_file_argument(key, argument, state, "", &arguments->file);
    }
}

static const struct argp_option options[] = {
    {"rewrite", 'w', "OUT", 0,
     "Write what was read to OUT, in the layout of Node 20, and check that OUT says the "
     "same",
     0},
    {0},
};
static const struct argp parser = {
    options,
    parse_option,
    "FILE.heapsnapshot",
    "Read all of a snapshot and check it: counts, ranges, references, texts."
    "\vThe first thing that is wrong is told with the byte where it stands, and the "
    "status "
    "is 1. DevTools loads many damaged files and shows wrong numbers.",
    NULL,
    NULL,
    NULL,
};

static int rewrite(const struct hs_snapshot *snapshot, const char *path)
{
    struct hs_error err = {0}, difference = {0};
    hs_auto(guard_snapshot) struct hs_snapshot *again = NULL;
    if (hs_snapshot_save(snapshot, path, &err) < 0
        || hs_snapshot_load(path, &again, &err) < 0)
        return hs_tool_fail(&err);
    if (!hs_snapshot_equal(snapshot, again, &difference)) {
        hs_error_set(&err, difference.code, "%s does not say the same: %s", path,
                     difference.text);
        return hs_tool_fail(&err);
    }
    printf("%s: says the same\n", path);
    return HS_EXIT_FINE;
}

int hs_verb_verify(int argc, char **argv)
{
    struct arguments arguments = {0};
    argp_parse(&parser, argc, argv, 0, NULL, &arguments);

    struct hs_error err = {0};
    hs_auto(guard_snapshot) struct hs_snapshot *snapshot = NULL;
    if (hs_snapshot_load(arguments.file, &snapshot, &err) < 0)
        return hs_tool_fail(&err);
    printf("%s: sound: %" PRIu32 " nodes, %" PRIu32 " edges, %" PRIu32
           " strings, %" PRIu32 " locations, %" PRIu32 " trace nodes\n",
           arguments.file, snapshot->node_count, snapshot->edge_count,
           snapshot->string_count, snapshot->location_count, snapshot->trace_node_count);
    int status = HS_EXIT_FINE;
    if (arguments.rewritten)
        status = rewrite(snapshot, arguments.rewritten);
    if (fflush(stdout) != 0) {
        hs_error_set(&err, EIO, "cannot print what was found");
        return hs_tool_fail(&err);
    }
    return status;
}

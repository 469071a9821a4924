// SPDX-License-Identifier: MIT

/* `heapsnap diff`: DevTools' Comparison in the terminal, with leak events. */

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "tools/compare.h"
#include "tools/tool.h"

enum { KEY_BY = 256, KEY_THRESHOLD };

#define MOST_FILES 64

struct arguments {
    struct hs_compare_options options;
    const char *files[MOST_FILES];
};

static const struct argp_option options[] = {
    {"by", KEY_BY, "WHAT", 0,
     "Put together by class (as DevTools does), site (the line that allocated) or module "
     "(whose data holds it)",
     0},
    {"threshold", KEY_THRESHOLD, "SPEC", 0,
     "Raise a leak event for growth of 1M bytes, 10%, 100-objects, or any of several "
     "with "
     "commas; then the exit status is 3",
     0},
    {0},
};

static enum hs_comparison_by parse_by(const char *text, struct argp_state *state)
{
    if (strcmp(text, "site") == 0)
        return HS_BY_SITE;
    if (strcmp(text, "module") == 0)
        return HS_BY_MODULE;
    if (strcmp(text, "class") != 0)
        argp_error(state, "'%s' is none of class, site, module", text);
    return HS_BY_CLASS;
}

static void add_file(struct arguments *arguments, const char *file,
                     struct argp_state *state)
{
    if (arguments->options.file_count == MOST_FILES)
        argp_error(state, "more than %d files", MOST_FILES);
    arguments->files[arguments->options.file_count++] = file;
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    struct hs_error err = {0};
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->options.view;
        return 0;
    case KEY_BY:
        arguments->options.by = parse_by(argument, state);
        return 0;
    case KEY_THRESHOLD:
        if (hs_threshold_parse(argument, &arguments->options.threshold, &err) < 0)
            argp_error(state, "%s", err.text);
        arguments->options.has_threshold = true;
        return 0;
    case ARGP_KEY_ARG:
        add_file(arguments, argument, state);
        return 0;
    case ARGP_KEY_END:
        if (arguments->options.file_count < 2)
            argp_error(state, "two snapshots are needed: before and after");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&hs_view_argp, 0, NULL, 0}, {0}};
static const struct argp parser = {
    options,
    parse_option,
    "BEFORE.heapsnapshot [BETWEEN…] AFTER.heapsnapshot",
    "Show what was added and removed between two snapshots of one process, largest "
    "growth "
    "first, with the line that allocated it and who still holds it."
    "\vThe numbers are those of DevTools' Comparison of AFTER with BEFORE. Snapshots "
    "between "
    "them show the growth step by step.",
    children,
    NULL,
    NULL,
};

/* Ids mean nothing between processes: everything would look new. */
static void warn_of_strangers(const struct hs_compare *compare,
                              const struct hs_compare_options *arguments)
{
    static const char *const keys[] = {"pid", "start_time"};
    json_t *before = json_object_get(compare->before->metadata, "heapsnap");
    json_t *after = json_object_get(compare->after->metadata, "heapsnap");
    bool is_same = !before == !after;
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys) && before && after; i++) {
        json_t *left = json_object_get(before, keys[i]);
        json_t *right = json_object_get(after, keys[i]);
        is_same = is_same && (!left || !right || json_equal(left, right));
    }
    if (!is_same)
        fprintf(
            stderr,
            "heapsnap: %s and %s are of different processes; blocks cannot be matched, "
            "so all of them look new or deleted\n",
            arguments->files[0], arguments->files[arguments->file_count - 1]);
}

int hs_verb_diff(int argc, char **argv)
{
    struct arguments arguments = {0};
    arguments.options.files = arguments.files;
    argp_parse(&parser, argc, argv, 0, NULL, &arguments);

    struct hs_error err = {0};
    struct hs_compare compare;
    if (hs_compare_init(&compare, &arguments.options, &err) < 0)
        return hs_tool_fail(&err);
    warn_of_strangers(&compare, &arguments.options);
    bool is_fine = arguments.options.view.json
                       ? hs_compare_print_json(&compare, &arguments.options)
                       : hs_compare_print(&compare, &arguments.options);
    bool is_leaking = compare.event_count > 0;
    hs_compare_deinit(&compare);
    if (!is_fine || fflush(stdout) != 0) {
        hs_error_set(&err, EIO, "cannot print the comparison");
        return hs_tool_fail(&err);
    }
    return is_leaking ? HS_EXIT_LEAK_EVENT : HS_EXIT_FINE;
}

// SPDX-License-Identifier: MIT

/*
 * `heapsnap info`: what a file says about itself, at once whatever its size. It trusts the
 * head of the file; 'heapsnap verify' reads all of it.
 */

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "heapsnap/analysis.h"
#include "heapsnap/peek.h"
#include "libheapsnap/base/guard.h"
#include "libheapsnap/base/size.h"
#include "tools/tool.h"

#define TEXT_SIZE 1024
#define LABEL_WIDTH 28

HS_DEFINE_GUARD(guard_peek, struct hs_peek *, hs_peek_destroy)
HS_DEFINE_GUARD(guard_json, json_t *, json_decref)

struct arguments {
    bool json;
    const char *file;
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case 'j':
        arguments->json = true;
        return 0;
    default:
        return hs_tool_file_argument(key, argument, state, "", &arguments->file);
    }
}

static const struct argp_option options[] = {
    {"json", 'j', NULL, 0, "Print one JSON document", 0},
    {0},
};
static const struct argp parser = {
    options,
    parse_option,
    "FILE.heapsnapshot",
    "Show at once what a snapshot says about itself: who made it, how many nodes and "
    "edges "
    "it has, which fields, and its metadata."
    "\vOnly the head and the end of the file are looked at. A file that was cut off is "
    "told "
    "so, with status 1; 'heapsnap verify' finds all other damage.",
    NULL,
    NULL,
    NULL,
};

static const char *maker_name(enum hs_maker maker)
{
    static const char *const names[] = {
        [HS_MAKER_HEAPSNAP] = "heapsnap",
        [HS_MAKER_NODE] = "node",
        [HS_MAKER_CHROME] = "chrome",
        [HS_MAKER_V8] = "v8",
    };
    return names[maker];
}

/* Ours always have traces; V8 writes them only where it recorded allocations. */
static bool is_timeline(const struct hs_peek *peek, const char *file)
{
    static const char ending[] = ".heaptimeline";
    size_t length = strlen(file);
    return (peek->maker != HS_MAKER_HEAPSNAP && peek->trace_function_count > 0)
           || (length >= strlen(ending)
               && strcmp(file + length - strlen(ending), ending) == 0);
}

static bool print_json(const struct hs_peek *peek, const char *file)
{
    hs_auto(guard_json) json_t *document = json_pack(
        "{s:s, s:s, s:b, s:b, s:I, s:I, s:I, s:I, s:O, s:O?}", "file", file, "made_by",
        maker_name(peek->maker), "timeline", is_timeline(peek, file), "complete",
        !peek->is_cut, "bytes", (json_int_t)peek->file_size, "nodes",
        (json_int_t)peek->node_count, "edges", (json_int_t)peek->edge_count,
        "trace_functions", (json_int_t)peek->trace_function_count, "meta",
        json_object_get(peek->snapshot, "meta"), "metadata",
        json_object_get(peek->snapshot, "heapsnap"));
    return document && json_dumpf(document, stdout, JSON_INDENT(1)) == 0
           && putchar('\n') != EOF;
}

/* Texts of a file, without what could command a terminal. */
static void print_text(const struct hs_peek *peek, const char *text)
{
    struct hs_snapshot of_metadata = {.metadata = peek->snapshot};
    char plain[TEXT_SIZE] = "";
    if (*text)
        hs_name_text(&of_metadata, text, plain, sizeof(plain));
    fputs(plain, stdout);
}

static void print_label(const struct hs_peek *peek, const char *label)
{
    fputs("  ", stdout);
    print_text(peek, label);
    printf("%*s", (int)(strlen(label) < LABEL_WIDTH ? LABEL_WIDTH - strlen(label) : 1),
           "");
}

static void print_value(const struct hs_peek *peek, json_t *value)
{
    hs_auto_free char *text =
        json_is_string(value) ? NULL : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    print_text(peek, json_is_string(value) ? json_string_value(value) : text ? text : "");
    putchar('\n');
}

/* "type name id": the members of meta that are lists of fields. */
static void print_fields(const struct hs_peek *peek)
{
    static const char ending[] = "_fields";
    const char *key;
    json_t *fields;
    json_object_foreach(json_object_get(peek->snapshot, "meta"), key, fields)
    {
        size_t length = strlen(key);
        if (length < strlen(ending) || !json_is_array(fields)
            || strcmp(key + length - strlen(ending), ending) != 0)
            continue;
        print_label(peek, key);
        for (size_t i = 0; i < json_array_size(fields); i++) {
            const char *name = json_string_value(json_array_get(fields, i));
            if (i > 0)
                putchar(' ');
            print_text(peek, name ? name : "?");
        }
        putchar('\n');
    }
}

static void print_head(const struct hs_peek *peek, const char *file)
{
    static const char *const makers[] = {
        [HS_MAKER_HEAPSNAP] = "heapsnap",
        [HS_MAKER_NODE] = "Node.js",
        [HS_MAKER_CHROME] = "Chrome or another browser with V8",
        [HS_MAKER_V8] = "V8",
    };
    char size[HS_SIZE_TEXT];
    printf("%s: %s by %s, %s\n", file,
           is_timeline(peek, file) ? "allocation timeline" : "heap snapshot",
           makers[peek->maker], hs_size_text(peek->file_size, size));
    printf("  %-*s%" PRIu64 "\n", LABEL_WIDTH, "nodes", peek->node_count);
    printf("  %-*s%" PRIu64 "\n", LABEL_WIDTH, "edges", peek->edge_count);
    printf("  %-*s%" PRIu64 "\n", LABEL_WIDTH, "trace functions",
           peek->trace_function_count);
}

static bool print_people(const struct hs_peek *peek, const char *file)
{
    print_head(peek, file);
    print_fields(peek);
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(peek->snapshot, "heapsnap"), key, value)
    {
        print_label(peek, key);
        print_value(peek, value);
    }
    return !ferror(stdout);
}

int hs_verb_info(int argc, char **argv)
{
    struct arguments arguments = {0};
    argp_parse(&parser, argc, argv, 0, NULL, &arguments);

    struct hs_error err = {0};
    hs_auto(guard_peek) struct hs_peek *peek = NULL;
    if (hs_peek_create(arguments.file, &peek, &err) < 0)
        return hs_tool_fail(&err);
    bool is_fine = arguments.json ? print_json(peek, arguments.file)
                                  : print_people(peek, arguments.file);
    if (!is_fine || fflush(stdout) != 0) {
        hs_error_set(&err, EIO, "cannot print what is in the file");
        return hs_tool_fail(&err);
    }
    if (peek->is_cut) {
        hs_error_set(&err, EINVAL,
                     "%s: byte %" PRIu64
                     ": the file ends here, without the '}' that ends a snapshot; it was "
                     "not written or copied completely",
                     arguments.file, peek->file_size);
        return hs_tool_fail(&err);
    }
    return HS_EXIT_FINE;
}

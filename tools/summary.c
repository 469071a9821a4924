// SPDX-License-Identifier: MIT

/* `heapsnap summary`: DevTools' Summary in the terminal. */

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heapsnap/analysis.h"
#include "libheapsnap/base/guard.h"
#include "libheapsnap/base/size.h"
#include "tools/table.h"
#include "tools/tool.h"
#include "tools/view.h"

#define NAME_SIZE 1024

HS_DEFINE_GUARD(guard_json, json_t *, json_decref)
HS_DEFINE_GUARD(guard_snapshot, struct hs_snapshot *, hs_snapshot_destroy)
HS_DEFINE_GUARD(guard_analysis, struct hs_analysis *, hs_analysis_destroy)
HS_DEFINE_GUARD(guard_table, struct hs_table *, hs_table_destroy)

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
        return hs_tool_file_argument(key, argument, state, "; 'heapsnap diff' compares",
                                     &arguments->file);
    }
}

static const struct argp_child children[] = {{&hs_view_argp, 0, NULL, 0}, {0}};
static const struct argp parser = {
    NULL,
    parse_option,
    "FILE.heapsnapshot",
    "Show what is in a snapshot, by class: how many, how near to a root, their own "
    "bytes, "
    "and the bytes that would go with them."
    "\vThe numbers are those of the Memory panel of Chrome DevTools. Any V8 heap "
    "snapshot "
    "will do, also Node's and Chrome's.",
    children,
    NULL,
    NULL,
};

static int by_retained(const void *left, const void *right)
{
    const struct hs_class *a = *(const struct hs_class *const *)left;
    const struct hs_class *b = *(const struct hs_class *const *)right;
    if (a->retained != b->retained)
        return a->retained < b->retained ? 1 : -1;
    if (a->shallow != b->shallow)
        return a->shallow < b->shallow ? 1 : -1;
    return strcmp(a->name, b->name);
}

/* The classes to show, largest first; the array is the caller's. */
static const struct hs_class **choose(const struct hs_analysis *analysis,
                                      const struct hs_view *view, size_t *ret_count)
{
    const struct hs_class **rows =
        malloc(((size_t)analysis->class_count + 1) * sizeof(const struct hs_class *));
    if (!rows)
        return NULL;
    size_t count = 0;
    for (uint32_t i = 0; i < analysis->class_count; i++) {
        const struct hs_class *class = &analysis->classes[i];
        char name[NAME_SIZE];
        hs_name_text(analysis->snapshot, class->name, name, sizeof(name));
        if (class->count > 0 && hs_view_matches(view, name, class->retained))
            rows[count++] = class;
    }
    qsort(rows, count, sizeof(*rows), by_retained);
    *ret_count = count;
    return rows;
}

static bool print_json(const struct hs_analysis *analysis, const struct hs_class **rows,
                       size_t count, const char *file)
{
    hs_auto(guard_json) json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        char name[NAME_SIZE];
        hs_name_text(analysis->snapshot, rows[i]->name, name, sizeof(name));
        json_t *row =
            json_pack("{s:s, s:s, s:I, s:i, s:I, s:I}", "class", name, "devtools_class",
                      rows[i]->name, "count", (json_int_t)rows[i]->count, "distance",
                      rows[i]->distance, "shallow", (json_int_t)rows[i]->shallow,
                      "retained", (json_int_t)rows[i]->retained);
        if (json_array_append_new(list, row) != 0)
            return false;
    }
    json_t *ours = json_object_get(analysis->snapshot->metadata, "heapsnap");
    hs_auto(guard_json) json_t *document = json_pack(
        "{s:s, s:I, s:I, s:I, s:O, s:O?}", "file", file, "total_bytes",
        (json_int_t)analysis->total, "nodes", (json_int_t)analysis->snapshot->node_count,
        "edges", (json_int_t)analysis->snapshot->edge_count, "rows", list, "metadata",
        ours);
    return document && json_dumpf(document, stdout, JSON_INDENT(1)) == 0
           && putchar('\n') != EOF;
}

static void print_head(const struct hs_analysis *analysis, const char *file)
{
    char total[HS_SIZE_TEXT];
    json_t *ours = json_object_get(analysis->snapshot->metadata, "heapsnap");
    const char *command = json_string_value(json_object_get(ours, "command"));
    const char *time = json_string_value(json_object_get(ours, "time"));
    char text[NAME_SIZE] = "";
    if (command)
        hs_name_text(analysis->snapshot, command, text, sizeof(text));
    printf("%s: %s in %" PRIu32 " nodes", file, hs_size_text(analysis->total, total),
           analysis->snapshot->node_count);
    if (command)
        printf(", pid %" JSON_INTEGER_FORMAT " (%.80s)",
               json_integer_value(json_object_get(ours, "pid")), text);
    printf("%s%s\n", time ? ", " : "", time ? time : "");
}

/* What the file itself says is estimated or missing. */
static void print_notes(const struct hs_analysis *analysis)
{
    json_t *ours = json_object_get(analysis->snapshot->metadata, "heapsnap");
    json_int_t rate = json_integer_value(json_object_get(ours, "sample_rate"));
    json_int_t ever = json_integer_value(json_object_get(ours, "allocated_blocks"));
    char live[HS_SIZE_TEXT];
    if (rate > 0)
        printf(
            "sampled, one in about %" JSON_INTEGER_FORMAT
            " bytes: some %" JSON_INTEGER_FORMAT
            " blocks live with %s; below are the sampled ones, and only pointers "
            "between them\n",
            rate, json_integer_value(json_object_get(ours, "live_blocks")),
            hs_size_text(
                (uint64_t)json_integer_value(json_object_get(ours, "live_bytes")), live));
    if (ever > 0)
        printf("allocated in all: %" JSON_INTEGER_FORMAT " blocks, %s\n", ever,
               hs_size_text(
                   (uint64_t)json_integer_value(json_object_get(ours, "allocated_bytes")),
                   live));
    json_t *limits = json_object_get(ours, "limits");
    for (size_t i = 0; i < json_array_size(limits); i++) {
        const char *text = json_string_value(json_array_get(limits, i));
        char plain[NAME_SIZE] = "";
        if (text)
            hs_name_text(analysis->snapshot, text, plain, sizeof(plain));
        printf("incomplete: %s\n", plain);
    }
}

static void share_text(uint64_t part, uint64_t whole, char *text, size_t size)
{
    snprintf(text, size, "%u %%",
             whole ? (unsigned)((double)part * 100 / (double)whole + 0.5) : 0);
}

static bool add_row(struct hs_table *table, const struct hs_analysis *analysis,
                    const struct hs_class *class, bool csv)
{
    char count[32], distance[32], shallow[HS_SIZE_TEXT], shallow_share[32];
    char retained[HS_SIZE_TEXT], retained_share[32], name[NAME_SIZE];
    bool is_far = class->distance < 0 || class->distance >= HS_DISTANCE_SYSTEM;
    snprintf(count, sizeof(count), "%" PRIu32, class->count);
    snprintf(distance, sizeof(distance), "%d", class->distance);
    hs_name_text(analysis->snapshot, class->name, name, sizeof(name));
    if (csv) {
        snprintf(shallow, sizeof(shallow), "%" PRIu64, class->shallow);
        snprintf(retained, sizeof(retained), "%" PRIu64, class->retained);
        return hs_table_add(
            table, (const char *[]){count, distance, shallow, retained, name}, NULL);
    }
    share_text(class->shallow, analysis->total, shallow_share, sizeof(shallow_share));
    share_text(class->retained, analysis->total, retained_share, sizeof(retained_share));
    return hs_table_add(
        table,
        (const char *[]){count, is_far ? "−" : distance,
                         hs_size_text(class->shallow, shallow), shallow_share,
                         hs_size_text(class->retained, retained), retained_share, name},
        strncmp(name, "Detached ", 9) == 0 ? "red" : NULL);
}

static bool print_table(const struct hs_analysis *analysis, const struct hs_class **rows,
                        size_t count, const struct arguments *arguments)
{
    static const struct hs_column people[] = {
        {"COUNT", HS_ALIGN_RIGHT},    {"DISTANCE", HS_ALIGN_RIGHT},
        {"SHALLOW", HS_ALIGN_RIGHT},  {"", HS_ALIGN_RIGHT},
        {"RETAINED", HS_ALIGN_RIGHT}, {"", HS_ALIGN_RIGHT},
        {"CLASS", HS_ALIGN_LEFT_CUT},
    };
    static const struct hs_column programs[] = {
        {"count", HS_ALIGN_RIGHT},    {"distance", HS_ALIGN_RIGHT},
        {"shallow", HS_ALIGN_RIGHT},  {"retained", HS_ALIGN_RIGHT},
        {"class", HS_ALIGN_LEFT_CUT},
    };
    bool csv = arguments->view.csv;
    if (!csv) {
        print_head(analysis, arguments->file);
        print_notes(analysis);
    }
    hs_auto(guard_table) struct hs_table *table =
        csv ? hs_table_create(programs, sizeof(programs) / sizeof(*programs), true)
            : hs_table_create(people, sizeof(people) / sizeof(*people), false);
    size_t shown = hs_view_limit(&arguments->view, count);
    for (size_t i = 0; i < shown; i++)
        if (!table || !add_row(table, analysis, rows[i], csv))
            return false;
    if (!table || !hs_table_print(table))
        return false;
    if (shown < count && !csv)
        printf("… and %zu more classes; --top 0 shows all\n", count - shown);
    return true;
}

int hs_verb_summary(int argc, char **argv)
{
    struct arguments arguments = {0};
    argp_parse(&parser, argc, argv, 0, NULL, &arguments);

    struct hs_error err = {0};
    hs_auto(guard_snapshot) struct hs_snapshot *snapshot = NULL;
    hs_auto(guard_analysis) struct hs_analysis *analysis = NULL;
    struct hs_analysis_options options = {.with_retained = true};
    if (hs_snapshot_load(arguments.file, &snapshot, &err) < 0
        || hs_analysis_create(snapshot, &options, &analysis, &err) < 0)
        return hs_tool_fail(&err);
    size_t count = 0;
    hs_auto_free const struct hs_class **rows = choose(analysis, &arguments.view, &count);
    bool is_fine =
        rows
        && (arguments.view.json ? print_json(
                analysis, rows, hs_view_limit(&arguments.view, count), arguments.file)
                                : print_table(analysis, rows, count, &arguments));
    if (!is_fine || fflush(stdout) != 0) {
        hs_error_set(&err, EIO, "cannot print the summary");
        return hs_tool_fail(&err);
    }
    return HS_EXIT_FINE;
}

// SPDX-License-Identifier: MIT

/*
 * A comparison on paper: the table first, then for the rows that grew most who allocated
 * and who holds, because those texts are too long for a column.
 */

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/base/guard.h"
#include "libheapsnap/base/size.h"
#include "tools/compare.h"
#include "tools/table.h"

#define ROWS_EXPLAINED 5
#define LINE_SIZE 8192

HS_DEFINE_GUARD(guard_json, json_t *, json_decref)
HS_DEFINE_GUARD(guard_table, struct hs_table *, hs_table_destroy)

static int64_t growth_of(const struct hs_compare_row *row)
{
    return (int64_t)(row->row->added_bytes - row->row->removed_bytes);
}

static int64_t delta_of(const struct hs_compare_row *row)
{
    return (int64_t)row->row->added - (int64_t)row->row->removed;
}

/* "+1.2 kB +1.1 kB", for three files and more. */
static void steps_text(const struct hs_compare_row *row, size_t count, char *text,
                       size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < count && used < size; i++) {
        char step[HS_SIZE_TEXT];
        int added = snprintf(text + used, size - used, "%s%s", i > 0 ? " " : "",
                             hs_size_change_text(row->steps[i], step));
        used += added > 0 ? (size_t)added : 0;
    }
}

static bool add_row(struct hs_table *table, const struct hs_compare_row *row,
                    const struct hs_compare_options *options)
{
    const struct hs_comparison_row *numbers = row->row;
    char added[32], removed[32], delta[32], steps[512] = "";
    char alloc[HS_SIZE_TEXT], freed[HS_SIZE_TEXT], growth[HS_SIZE_TEXT];
    snprintf(added, sizeof(added), "%" PRIu32, numbers->added);
    snprintf(removed, sizeof(removed), "%" PRIu32, numbers->removed);
    bool csv = options->view.csv;
    snprintf(delta, sizeof(delta), csv ? "%" PRId64 : "%+" PRId64, delta_of(row));
    if (csv) {
        snprintf(alloc, sizeof(alloc), "%" PRIu64, numbers->added_bytes);
        snprintf(freed, sizeof(freed), "%" PRIu64, numbers->removed_bytes);
        snprintf(growth, sizeof(growth), "%" PRId64, growth_of(row));
        return hs_table_add(table,
                            (const char *[]){added, removed, delta, alloc, freed, growth,
                                             row->name, row->stack ? row->stack : "",
                                             row->held_by ? row->held_by : ""},
                            NULL);
    }
    hs_size_text(numbers->added_bytes, alloc);
    hs_size_text(numbers->removed_bytes, freed);
    hs_size_change_text(growth_of(row), growth);
    const char *colour = growth_of(row) > 0 && row->is_lost ? "red" : NULL;
    if (options->file_count == 2)
        return hs_table_add(
            table,
            (const char *[]){added, removed, delta, alloc, freed, growth, row->name},
            colour);
    steps_text(row, options->file_count - 1, steps, sizeof(steps));
    return hs_table_add(
        table,
        (const char *[]){added, removed, delta, alloc, freed, growth, steps, row->name},
        colour);
}

static struct hs_table *create_table(const struct hs_compare_options *options)
{
    static const char *const by[] = {"CLASS", "SITE", "MODULE"};
    struct hs_column columns[8] = {
        {"# NEW", HS_ALIGN_RIGHT},      {"# DELETED", HS_ALIGN_RIGHT},
        {"# DELTA", HS_ALIGN_RIGHT},    {"ALLOC. SIZE", HS_ALIGN_RIGHT},
        {"FREED SIZE", HS_ALIGN_RIGHT}, {"SIZE DELTA", HS_ALIGN_RIGHT},
    };
    static const struct hs_column programs[] = {
        {"added", HS_ALIGN_RIGHT},         {"removed", HS_ALIGN_RIGHT},
        {"delta", HS_ALIGN_RIGHT},         {"added_bytes", HS_ALIGN_RIGHT},
        {"removed_bytes", HS_ALIGN_RIGHT}, {"delta_bytes", HS_ALIGN_RIGHT},
        {"class", HS_ALIGN_LEFT_CUT},      {"stack", HS_ALIGN_LEFT_CUT},
        {"held_by", HS_ALIGN_LEFT_CUT},
    };
    if (options->view.csv)
        return hs_table_create(programs, sizeof(programs) / sizeof(*programs), true);
    size_t count = 6;
    if (options->file_count > 2)
        columns[count++] = (struct hs_column){"STEP BY STEP", HS_ALIGN_RIGHT};
    columns[count++] = (struct hs_column){by[options->by], HS_ALIGN_LEFT_CUT};
    return hs_table_create(columns, count, false);
}

static void print_explanation(const struct hs_compare_row *row)
{
    char growth[HS_SIZE_TEXT];
    bool is_coloured = hs_is_coloured();
    printf("\n%s%s%s  %s in %" PRIu32 " new\n", is_coloured ? "\033[1m" : "", row->name,
           is_coloured ? "\033[0m" : "", hs_size_change_text(growth_of(row), growth),
           row->row->added);
    if (row->stack)
        printf("    allocated by  %s\n", row->stack);
    if (row->held_by)
        printf("    held by       %s\n", row->held_by);
    else if (row->is_lost)
        printf("    lost: nothing points to it\n");
}

static void print_events(const struct hs_compare *compare)
{
    if (compare->event_count > 0)
        putchar('\n');
    for (size_t i = 0; i < compare->row_count; i++) {
        const struct hs_compare_row *row = &compare->rows[i];
        if (!row->reason)
            continue;
        char line[LINE_SIZE];
        struct hs_growth growth = hs_compare_growth(row);
        hs_leak_event_text(&growth, row->reason, line, sizeof(line));
        puts(line);
    }
}

bool hs_compare_print(const struct hs_compare *compare,
                      const struct hs_compare_options *options)
{
    hs_auto(guard_table) struct hs_table *table = create_table(options);
    size_t shown = hs_view_limit(&options->view, compare->row_count);
    for (size_t i = 0; i < shown; i++)
        if (!table || !add_row(table, &compare->rows[i], options))
            return false;
    if (!table || !hs_table_print(table))
        return false;
    if (options->view.csv)
        return true;
    if (compare->row_count == 0)
        puts("nothing was added and nothing removed");
    if (shown < compare->row_count)
        printf("… and %zu more rows; --top 0 shows all\n", compare->row_count - shown);
    for (size_t i = 0; i < shown && i < ROWS_EXPLAINED; i++)
        if (growth_of(&compare->rows[i]) > 0)
            print_explanation(&compare->rows[i]);
    print_events(compare);
    return true;
}

static json_t *row_json(const struct hs_compare_row *row, size_t steps)
{
    const struct hs_comparison_row *numbers = row->row;
    json_t *list = json_array();
    for (size_t i = 0; i < steps; i++)
        json_array_append_new(list, json_integer(row->steps[i]));
    return json_pack(
        "{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:s?, s:s?, "
        "s:b}",
        "class", row->name, "devtools_class", numbers->name, "added",
        (json_int_t)numbers->added, "removed", (json_int_t)numbers->removed, "delta",
        (json_int_t)delta_of(row), "added_bytes", (json_int_t)numbers->added_bytes,
        "removed_bytes", (json_int_t)numbers->removed_bytes, "delta_bytes",
        (json_int_t)growth_of(row), "count_before", (json_int_t)numbers->count_before,
        "count_after", (json_int_t)numbers->count_after, "bytes_before",
        (json_int_t)numbers->bytes_before, "bytes_after",
        (json_int_t)numbers->bytes_after, "steps", list, "stack", row->stack, "held_by",
        row->held_by, "lost", row->is_lost);
}

bool hs_compare_print_json(const struct hs_compare *compare,
                           const struct hs_compare_options *options)
{
    hs_auto(guard_json) json_t *document =
        json_pack("{s:[], s:[], s:[]}", "files", "rows", "events");
    json_t *files = json_object_get(document, "files");
    json_t *rows = json_object_get(document, "rows");
    json_t *events = json_object_get(document, "events");
    for (size_t i = 0; i < options->file_count; i++)
        if (json_array_append_new(files, json_string(options->files[i])) != 0)
            return false;
    size_t shown = hs_view_limit(&options->view, compare->row_count);
    for (size_t i = 0; i < compare->row_count; i++) {
        const struct hs_compare_row *row = &compare->rows[i];
        if (i < shown
            && json_array_append_new(rows, row_json(row, options->file_count - 1)) != 0)
            return false;
        struct hs_growth growth = hs_compare_growth(row);
        if (row->reason
            && json_array_append_new(events, hs_leak_event_json(&growth, row->reason))
                   != 0)
            return false;
    }
    return json_dumpf(document, stdout, JSON_INDENT(1)) == 0 && putchar('\n') != EOF;
}

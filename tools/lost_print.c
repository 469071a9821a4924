// SPDX-License-Identifier: MIT

/*
 * What is lost, on paper: the table first, then for the largest rows the whole stack and
 * the ids to go on with, which are too long for a column.
 */

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/base/guard.h"
#include "libheapsnap/base/size.h"
#include "tools/lost.h"
#include "tools/table.h"

#define ROWS_EXPLAINED 5
#define IDS_SHOWN 8

HS_DEFINE_GUARD(guard_json, json_t *, json_decref)
HS_DEFINE_GUARD(guard_table, struct hs_table *, hs_table_destroy)

static uint32_t leader_id(const struct hs_lost_rows *rows,
                          const struct hs_lost_group *group, uint32_t number)
{
    uint32_t node = rows->lost->leaders[group->first_leader + number];
    return rows->opened->snapshot->node_id[node];
}

static json_t *metadata(const struct hs_lost_rows *rows)
{
    return json_object_get(rows->opened->snapshot->metadata, "heapsnap");
}

static const char *plural(uint32_t count)
{
    return count == 1 ? "" : "s";
}

/* ---- for people ---- */

static void print_head(const struct hs_lost_rows *rows)
{
    const struct hs_lost *lost = rows->lost;
    char bytes[HS_SIZE_TEXT];
    hs_size_text(lost->bytes, bytes);
    if (!metadata(rows)) {
        printf("%s: %" PRIu32 " detached node%s and %" PRIu32 " below them, %s\n",
               rows->opened->path, lost->leader_count, plural(lost->leader_count),
               lost->count - lost->leader_count, bytes);
        return;
    }
    printf("%s: %" PRIu32 " lost block%s of %s; nothing points to %" PRIu32
           " of them, the others are below those\n",
           rows->opened->path, lost->count, plural(lost->count), bytes,
           lost->leader_count);
}

static bool print_nothing(const struct hs_lost_rows *rows)
{
    json_t *ours = metadata(rows);
    bool is_sample = json_integer_value(json_object_get(ours, "sample_rate")) > 0;
    const char *text = !ours ? "no lost blocks and no detached nodes are in this file"
                       : is_sample ? "a sample of the blocks; it cannot tell what is lost"
                                   : "nothing is lost";
    return printf("%s: %s\n", rows->opened->path, text) > 0;
}

/* "struct node ← node_new (tree.c:23)": the class alone does not tell rows apart. */
static void row_text(const struct hs_lost_rows *rows, const struct hs_lost_group *group,
                     char *text, size_t size)
{
    static const char untyped[] = "malloc ← ";
    const struct hs_snapshot *snapshot = rows->opened->snapshot;
    char class[HS_NODE_TEXT];
    hs_lost_class_text(rows->opened, group, class);
    bool is_typed = strncmp(class, untyped, sizeof(untyped) - 1) != 0;
    if (group->site == HS_ANALYSIS_NONE || !is_typed) {
        snprintf(text, size, "%s", class);
        return;
    }
    const char *frame = snapshot->strings[snapshot->node_name[group->site]];
    snprintf(text, size, "%s ← %.*s", class, (int)hs_site_name_size(frame), frame);
}

static bool print_table(const struct hs_lost_rows *rows)
{
    const struct hs_column columns[] = {
        {"RETAINED", HS_ALIGN_RIGHT},
        {"OWN", HS_ALIGN_RIGHT},
        {metadata(rows) ? "BLOCKS" : "NODES", HS_ALIGN_RIGHT},
        {"BELOW", HS_ALIGN_RIGHT},
        {"FIRST", HS_ALIGN_RIGHT},
        {"CLASS", HS_ALIGN_LEFT_CUT},
    };
    hs_auto(guard_table) struct hs_table *table =
        hs_table_create(columns, sizeof(columns) / sizeof(*columns), false);
    for (size_t i = 0; table && i < rows->shown; i++) {
        const struct hs_lost_group *group = rows->at[i];
        char retained[HS_SIZE_TEXT], own[HS_SIZE_TEXT], count[16], below[16], first[16];
        char text[HS_NODE_TEXT * 2];
        snprintf(count, sizeof(count), "%" PRIu32, group->leader_count);
        snprintf(below, sizeof(below), "%" PRIu32, group->below_count);
        snprintf(first, sizeof(first), "@%" PRIu32, leader_id(rows, group, 0));
        row_text(rows, group, text, sizeof(text));
        hs_size_text(group->retained, retained);
        hs_size_text(group->own, own);
        if (!hs_table_add(
                table, (const char *[]){retained, own, count, below, first, text}, NULL))
            return false;
    }
    return table && hs_table_print(table);
}

static void print_stack(const struct hs_lost_rows *rows,
                        const struct hs_lost_group *group)
{
    char stack[HS_STACK_TEXT];
    hs_lost_stack_text(rows->opened, group, stack);
    if (!*stack)
        return;
    printf("    allocated by  %s\n", stack);
    if (group->other_sites > 0)
        printf("                  and %" PRIu32 " stack%s that differ%s further up\n",
               group->other_sites, plural(group->other_sites),
               group->other_sites == 1 ? "s" : "");
}

static void explain(const struct hs_lost_rows *rows, const struct hs_lost_group *group)
{
    bool is_coloured = hs_is_coloured();
    char class[HS_NODE_TEXT], retained[HS_SIZE_TEXT];
    printf("\n%s%s%s  %s in %" PRIu32 " and %" PRIu32 " below\n",
           is_coloured ? "\033[1m" : "", hs_lost_class_text(rows->opened, group, class),
           is_coloured ? "\033[0m" : "", hs_size_text(group->retained, retained),
           group->leader_count, group->below_count);
    if (group->other_classes > 0)
        printf("    and of        %" PRIu32 " other class%s\n", group->other_classes,
               group->other_classes == 1 ? "" : "es");
    print_stack(rows, group);
    printf("    ids          ");
    for (uint32_t i = 0; i < group->leader_count && i < IDS_SHOWN; i++)
        printf(" @%" PRIu32, leader_id(rows, group, i));
    if (group->leader_count > IDS_SHOWN)
        printf(" … %" PRIu32 " more", group->leader_count - IDS_SHOWN);
    putchar('\n');
}

static void print_shared(const struct hs_lost *lost)
{
    char bytes[HS_SIZE_TEXT];
    if (lost->shared_count > 0)
        printf("and %s in %" PRIu32 " that several of them hold together\n",
               hs_size_text(lost->shared_bytes, bytes), lost->shared_count);
}

bool hs_lost_print(const struct hs_lost_rows *rows)
{
    if (rows->lost->count == 0)
        return print_nothing(rows);
    print_head(rows);
    if (rows->count == 0 && rows->lost->group_count > 0)
        return puts("none of it is what --filter and --min-bytes ask for") != EOF;
    if (!print_table(rows))
        return false;
    if (rows->shown < rows->count)
        printf("… and %zu more stacks; --top 0 shows all\n", rows->count - rows->shown);
    print_shared(rows->lost);
    for (size_t i = 0; i < rows->shown && i < ROWS_EXPLAINED; i++)
        explain(rows, rows->at[i]);
    return true;
}

/* ---- for programs ---- */

bool hs_lost_print_csv(const struct hs_lost_rows *rows)
{
    static const struct hs_column columns[] = {
        {"retained", HS_ALIGN_RIGHT}, {"own", HS_ALIGN_RIGHT},
        {"blocks", HS_ALIGN_RIGHT},   {"below", HS_ALIGN_RIGHT},
        {"first", HS_ALIGN_RIGHT},    {"class", HS_ALIGN_LEFT_CUT},
        {"stack", HS_ALIGN_LEFT_CUT},
    };
    hs_auto(guard_table) struct hs_table *table =
        hs_table_create(columns, sizeof(columns) / sizeof(*columns), true);
    for (size_t i = 0; table && i < rows->shown; i++) {
        const struct hs_lost_group *group = rows->at[i];
        char retained[32], own[32], count[16], below[16], first[16];
        char class[HS_NODE_TEXT], stack[HS_STACK_TEXT];
        snprintf(retained, sizeof(retained), "%" PRIu64, group->retained);
        snprintf(own, sizeof(own), "%" PRIu64, group->own);
        snprintf(count, sizeof(count), "%" PRIu32, group->leader_count);
        snprintf(below, sizeof(below), "%" PRIu32, group->below_count);
        snprintf(first, sizeof(first), "%" PRIu32, leader_id(rows, group, 0));
        hs_lost_class_text(rows->opened, group, class);
        hs_lost_stack_text(rows->opened, group, stack);
        if (!hs_table_add(
                table, (const char *[]){retained, own, count, below, first, class, stack},
                NULL))
            return false;
    }
    return table != NULL;
}

/* Frames as texts, the one that allocated first. */
static json_t *stack_json(const struct hs_lost_rows *rows,
                          const struct hs_lost_group *group)
{
    static const char arrow[] = " ← ";
    char stack[HS_STACK_TEXT];
    json_t *frames = json_array();
    char *at = stack;
    hs_lost_stack_text(rows->opened, group, stack);
    while (*at) {
        char *end = strstr(at, arrow);
        size_t size = end ? (size_t)(end - at) : strlen(at);
        json_array_append_new(frames, json_stringn(at, size));
        at += size + (end ? sizeof(arrow) - 1 : 0);
    }
    return frames;
}

static json_t *group_json(const struct hs_lost_rows *rows,
                          const struct hs_lost_group *group)
{
    char class[HS_NODE_TEXT];
    json_t *ids = json_array();
    for (uint32_t i = 0; i < group->leader_count; i++)
        json_array_append_new(ids, json_integer(leader_id(rows, group, i)));
    return json_pack(
        "{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "class",
        hs_lost_class_text(rows->opened, group, class), "devtools_class",
        group->class_name, "other_classes", (json_int_t)group->other_classes, "blocks",
        (json_int_t)group->leader_count, "below", (json_int_t)group->below_count, "own",
        (json_int_t)group->own, "retained", (json_int_t)group->retained, "other_stacks",
        (json_int_t)group->other_sites, "stack", stack_json(rows, group), "ids", ids);
}

bool hs_lost_print_json(const struct hs_lost_rows *rows)
{
    const struct hs_lost *lost = rows->lost;
    hs_auto(guard_json) json_t *document = json_pack(
        "{s:s, s:I, s:I, s:I, s:I, s:I, s:[]}", "file", rows->opened->path, "lost_count",
        (json_int_t)lost->count, "lost_bytes", (json_int_t)lost->bytes, "leaders",
        (json_int_t)lost->leader_count, "shared_count", (json_int_t)lost->shared_count,
        "shared_bytes", (json_int_t)lost->shared_bytes, "rows");
    json_t *list = json_object_get(document, "rows");
    for (size_t i = 0; i < rows->shown; i++)
        if (json_array_append_new(list, group_json(rows, rows->at[i])) != 0)
            return false;
    return document && json_dumpf(document, stdout, JSON_INDENT(1)) == 0
           && putchar('\n') != EOF;
}

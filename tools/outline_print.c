// SPDX-License-Identifier: MIT

/*
 * A tree on paper. Numbers stand in columns before it, so that the names may be cut.
 *
 * An only child is drawn below its parent only once: a chain of them, which lists make,
 * stays in one column with an arrow each, and does not walk out of the terminal.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/base/array.h"
#include "libheapsnap/base/guard.h"
#include "libheapsnap/base/size.h"
#include "tools/outline.h"
#include "tools/table.h"

HS_DEFINE_GUARD(guard_table, struct hs_table *, hs_table_destroy)

/* Deeper than this a line is not indented further. */
#define LEVELS_DRAWN 40
#define LINE_SIZE (HS_NODE_TEXT * 2 + LEVELS_DRAWN * 4 + 64)

struct line {
    uint32_t row;    /* of the outline */
    uint32_t level;  /* how far in it is drawn */
    bool is_rest;    /* says how many are left out below `row` */
    bool is_chained; /* an only child of an only child */
    bool is_last;    /* of those below one row */
    bool is_only;
};

struct drawing {
    const struct hs_opened *opened;
    const struct hs_outline *outline;
    const struct hs_outline_view *view;
    struct line *at; /* lines, from the top */
    size_t count, room;
    uint32_t seen_marks; /* bits of enum hs_outline_mark */
    bool has_open[LEVELS_DRAWN + 1];
};

static void release(struct drawing *drawing)
{
    free(drawing->at);
}

const char *hs_outline_mark_name(enum hs_outline_mark mark)
{
    static const char *const names[] = {
        [HS_OUTLINE_WHOLE] = "whole",
        [HS_OUTLINE_CYCLE] = "cycle",
        [HS_OUTLINE_ELSEWHERE] = "elsewhere",
        [HS_OUTLINE_FOLDED] = "folded",
    };
    return names[mark];
}

/* ---- layout ---- */

static size_t end_of(const struct hs_outline *outline, size_t row)
{
    size_t end = row + 1;
    while (end < outline->count && outline->rows[end].depth > outline->rows[row].depth)
        end++;
    return end;
}

/* Lay out what hangs from `row`, which is drawn as line `above`. Rows above each other are
 * few: HS_OUTLINE_DEPTH. */
static bool lay_out(struct drawing *drawing, size_t row, size_t above)
{
    const struct hs_outline *outline = drawing->outline;
    const struct hs_outline_row *rows = outline->rows;
    size_t end = end_of(outline, row);
    bool has_rest = rows[row].left_out > 0;
    struct line line = {.level = drawing->at[above].level + 1};
    line.is_only = row + 1 < end && !has_rest && end_of(outline, row + 1) == end;
    line.is_chained = line.is_only && drawing->at[above].is_only;
    line.level -= line.is_chained;
    if (line.level > LEVELS_DRAWN)
        line.level = LEVELS_DRAWN;
    for (size_t child = row + 1; child < end;) {
        size_t next = end_of(outline, child), place = drawing->count;
        line.row = (uint32_t)child;
        line.is_last = next == end && !has_rest;
        if (!hs_array_push(drawing, line) || !lay_out(drawing, child, place))
            return false;
        child = next;
    }
    line.row = (uint32_t)row;
    line.is_rest = line.is_last = true;
    return !has_rest || hs_array_push(drawing, line);
}

/* ---- words ---- */

static void append(char *text, size_t *used, const char *more)
{
    int added = snprintf(text + *used, LINE_SIZE - *used, "%s", more);
    if (added > 0)
        *used += (size_t)added;
    if (*used >= LINE_SIZE)
        *used = LINE_SIZE - 1;
}

static void append_branch(struct drawing *drawing, const struct line *line, char *text,
                          size_t *used)
{
    bool is_up = drawing->view->kind == HS_OUTLINE_HOLDERS;
    for (uint32_t level = 1; level < line->level; level++)
        append(text, used, drawing->has_open[level] ? "│ " : "  ");
    if (line->level > 0)
        append(text, used,
               line->is_chained ? (is_up ? "↑ " : "↓ ")
               : line->is_last  ? "└╴"
                                : "├╴");
    drawing->has_open[line->level] = !line->is_last;
}

static void append_row(struct drawing *drawing, const struct hs_outline_row *row,
                       char *text, size_t *used)
{
    static const char *const marks[] = {
        [HS_OUTLINE_WHOLE] = "",
        [HS_OUTLINE_CYCLE] = "↻ ",
        [HS_OUTLINE_ELSEWHERE] = "↗ ",
        [HS_OUTLINE_FOLDED] = "▸ ",
    };
    const struct hs_snapshot *snapshot = drawing->opened->snapshot;
    char name[HS_NODE_TEXT], edge[HS_NODE_TEXT];
    drawing->seen_marks |= 1u << row->mark;
    append(text, used, marks[row->mark]);
    if (row->edge != HS_ANALYSIS_NONE) {
        bool is_weak = snapshot->edge_type[row->edge] == HS_EDGE_WEAK;
        append(text, used, is_weak ? "(weak) " : "");
        append(text, used,
               hs_edge_text(snapshot, hs_edge_find_source(snapshot, row->edge), row->edge,
                            edge, sizeof(edge)));
        char repeated[24] = "";
        if (row->repeated > 0)
            snprintf(repeated, sizeof(repeated), " (+%" PRIu32 ")", row->repeated);
        append(text, used, repeated);
        append(text, used, drawing->view->kind == HS_OUTLINE_HOLDERS ? " in " : ": ");
    }
    append(text, used, hs_node_text(drawing->opened->analysis, row->node, name));
}

static void append_rest(const struct hs_outline_row *row, char *text, size_t *used)
{
    char rest[96], bytes[HS_SIZE_TEXT];
    if (row->left_out_bytes > 0)
        snprintf(rest, sizeof(rest), "… %" PRIu32 " more, %s", row->left_out,
                 hs_size_text(row->left_out_bytes, bytes));
    else
        snprintf(rest, sizeof(rest), "… %" PRIu32 " more", row->left_out);
    append(text, used, rest);
}

static bool add_line(struct hs_table *table, struct drawing *drawing,
                     const struct line *line)
{
    const struct hs_analysis *analysis = drawing->opened->analysis;
    const struct hs_outline_row *row = &drawing->outline->rows[line->row];
    char text[LINE_SIZE] = "", distance[16], id[16], share[16];
    char shallow[HS_SIZE_TEXT], retained[HS_SIZE_TEXT];
    size_t used = 0;
    append_branch(drawing, line, text, &used);
    if (line->is_rest) {
        append_rest(row, text, &used);
        return hs_table_add(table, (const char *[]){"", "", "", "", text}, NULL);
    }
    append_row(drawing, row, text, &used);
    snprintf(id, sizeof(id), "@%" PRIu32, analysis->snapshot->node_id[row->node]);
    hs_size_text(analysis->node_size[row->node], shallow);
    hs_size_text(analysis->retained[row->node], retained);
    uint64_t whole = analysis->retained[drawing->outline->rows[0].node];
    if (row->is_shared)
        strcpy(share, "shared");
    else
        snprintf(share, sizeof(share), "%.0f %%",
                 whole > 0 ? (double)analysis->retained[row->node] * 100 / (double)whole
                           : 0);
    hs_distance_text(analysis->distance[row->node], distance);
    const char *colour = analysis->node_is_renamed[row->node] ? "red" : NULL;
    if (drawing->view->kind == HS_OUTLINE_HOLDERS)
        return hs_table_add(
            table, (const char *[]){distance, shallow, retained, id, text}, colour);
    return hs_table_add(table, (const char *[]){retained, share, shallow, id, text},
                        colour);
}

static void print_legend(const struct drawing *drawing)
{
    static const char *const texts[] = {
        [HS_OUTLINE_CYCLE] = "↻ one of those above it",
        [HS_OUTLINE_ELSEWHERE] = "↗ opened at another place",
        [HS_OUTLINE_FOLDED] = "▸ not opened; --depth opens more",
    };
    bool is_first = true;
    for (int mark = HS_OUTLINE_CYCLE; mark <= HS_OUTLINE_FOLDED; mark++) {
        if (!(drawing->seen_marks >> mark & 1))
            continue;
        bool is_side = mark == HS_OUTLINE_FOLDED
                       && drawing->view->kind == HS_OUTLINE_HOLDERS
                       && !drawing->view->is_complete;
        printf("%s%s", is_first ? "" : "   ",
               is_side ? "▸ not opened; --all opens all" : texts[mark]);
        is_first = false;
    }
    if (!is_first)
        putchar('\n');
}

static bool print_rows(struct drawing *drawing)
{
    static const struct hs_column columns[][5] = {
        [HS_OUTLINE_CONTENTS] = {{"RETAINED", HS_ALIGN_RIGHT},
                                 {"", HS_ALIGN_RIGHT},
                                 {"SHALLOW", HS_ALIGN_RIGHT},
                                 {"ID", HS_ALIGN_RIGHT},
                                 {"CONTENTS", HS_ALIGN_LEFT_CUT}},
        [HS_OUTLINE_HOLDERS] = {{"DISTANCE", HS_ALIGN_RIGHT},
                                {"SHALLOW", HS_ALIGN_RIGHT},
                                {"RETAINED", HS_ALIGN_RIGHT},
                                {"ID", HS_ALIGN_RIGHT},
                                {"HELD BY", HS_ALIGN_LEFT_CUT}},
    };
    hs_auto(guard_table) struct hs_table *table =
        hs_table_create(columns[drawing->view->kind], 5, false);
    for (size_t i = 0; table && i < drawing->count; i++)
        if (!add_line(table, drawing, &drawing->at[i]))
            return false;
    return table && hs_table_print(table);
}

static const char *nothing_text(const struct hs_opened *opened,
                                const struct hs_outline_view *view, uint32_t node)
{
    if (view->view.filter)
        return "nothing matches the filter";
    if (view->kind == HS_OUTLINE_CONTENTS)
        return "it holds nothing";
    if (node == opened->snapshot->root)
        return "it is the root";
    if (opened->analysis->reached_from[node] == opened->snapshot->root)
        return "only the root holds it";
    return view->has_weak ? "nothing points to it"
                          : "nothing that holds points to it; --weak shows what does not";
}

bool hs_outline_print(const struct hs_opened *opened, const struct hs_outline *outline,
                      const struct hs_outline_view *view)
{
    hs_auto(release) struct drawing drawing = {
        .opened = opened, .outline = outline, .view = view};
    struct line top = {.level = 0};
    const struct hs_outline_row *first = &outline->rows[0];
    hs_node_print(opened, first->node);
    if (outline->count == 1 && first->left_out == 0)
        return puts(nothing_text(opened, view, first->node)) != EOF;
    if (!hs_array_push(&drawing, top) || !lay_out(&drawing, 0, 0)
        || !print_rows(&drawing))
        return false;
    print_legend(&drawing);
    return true;
}

// SPDX-License-Identifier: MIT

/*
 * Why a node is still there, in one line. Long lists make long ways, so equal steps are
 * counted and the middle is left out.
 */

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/analysis/parts.h"
#include "libheapsnap/base/array.h"
#include "libheapsnap/base/guard.h"
#include "libheapsnap/snapshot/utf8.h"

#define STEPS_SHOWN 7
#define STEPS_OF_PATH 50

struct steps {
    uint32_t *at; /* edges, the nearest to the root last */
    size_t count, room;
};

struct line {
    char *buffer;
    size_t size, used;
};

const char *hs_name_text(const struct hs_snapshot *snapshot, const char *name,
                         char *buffer, size_t size)
{
    static const char detached[] = "Detached ";
    bool is_ours = json_object_get(snapshot->metadata, "heapsnap") != NULL;
    size_t known =
        strncmp(name, detached, sizeof(detached) - 1) == 0 ? sizeof(detached) - 1 : 0;
    size_t length = strlen(name), used = 0;
    bool is_bracketed = is_ours && name[known] == '<' && name[length - 1] == '>';
    for (size_t at = 0; at < length && used + 1 < size; at++) {
        if (is_bracketed && (at == known || at == length - 1))
            continue;
        /* U+00A0 and the control characters around it start with 0xc2. */
        unsigned char next =
            (unsigned char)name[at] == 0xc2 ? (unsigned char)name[at + 1] : 0;
        bool is_control = (unsigned char)name[at] < 0x20 || name[at] == 0x7f
                          || (next >= 0x80 && next < 0xa0);
        buffer[used++] = next == 0xa0 ? ' ' : is_control ? '?' : name[at];
        at += next >= 0x80 && next <= 0xa0;
    }
    /* Never end in half a character. */
    size_t last = used;
    while (last > 0 && used + 1 == size && (buffer[last - 1] & 0xc0) == 0x80)
        last--;
    if (last > 0 && used + 1 == size && (buffer[last - 1] & 0x80)
        && hs_utf8_length(buffer + last - 1, used - last + 1) == 0)
        used = last - 1;
    buffer[used] = '\0';
    return buffer;
}

static void append(struct line *line, const char *text)
{
    int added = snprintf(line->buffer + line->used, line->size - line->used, "%s", text);
    if (added > 0)
        line->used += (size_t)added;
    if (line->used >= line->size)
        line->used = line->size - 1;
}

static bool is_group(const struct hs_snapshot *snapshot, uint32_t node)
{
    return snapshot->node_type[node] == HS_NODE_SYNTHETIC;
}

/* A variable is no field of its module or thread, nor a node one of its group. */
static bool has_fields(const struct hs_snapshot *snapshot, uint32_t node)
{
    const char *name = snapshot->strings[snapshot->node_name[node]];
    return !is_group(snapshot, node) && !strstr(name, HS_MODULE_SUFFIX)
           && strncmp(name, "<thread", strlen("<thread")) != 0;
}

/* The rest is an offset ("+0x18"), a sentence, or has its dot. */
static bool is_identifier(const char *name)
{
    unsigned char first = (unsigned char)*name;
    bool is_letter = (first | 0x20) >= 'a' && (first | 0x20) <= 'z';
    return (is_letter || first == '_' || first == '$' || first >= 0x80)
           && !strpbrk(name, " :+");
}

const char *hs_edge_text(const struct hs_snapshot *snapshot, uint32_t from, uint32_t edge,
                         char *text, size_t size)
{
    uint32_t name = snapshot->edge_name[edge];
    uint8_t type = snapshot->edge_type[edge];
    if (type == HS_EDGE_ELEMENT || type == HS_EDGE_HIDDEN) {
        snprintf(text, size, "[%u]", name);
        return text;
    }
    const char *string = snapshot->strings[name];
    bool has_dot = size > 1 && (type == HS_EDGE_PROPERTY || type == HS_EDGE_OTHER)
                   && is_identifier(string) && has_fields(snapshot, from);
    if (has_dot)
        text[0] = '.';
    hs_name_text(snapshot, string, text + has_dot, size - has_dot);
    return text;
}

/* "g_sessions (server)" for a global, else the holder's name and the step from it. */
static void append_start(struct line *line, const struct hs_analysis *analysis,
                         uint32_t edge, uint32_t from)
{
    const struct hs_snapshot *snapshot = analysis->snapshot;
    char text[512], holder[512];
    hs_edge_text(snapshot, from, edge, text, sizeof(text));
    hs_name_text(snapshot, snapshot->strings[snapshot->node_name[from]], holder,
                 sizeof(holder));
    char *suffix = strstr(holder, HS_MODULE_SUFFIX);
    if (suffix) {
        *suffix = '\0';
        append(line, text);
        append(line, " (");
        append(line, holder);
        append(line, ")");
        return;
    }
    append(line, holder);
    append(line, " → ");
    append(line, text);
}

/* Steps [from, to) towards the node; the array runs the other way. */
static void append_steps(struct line *line, const struct hs_snapshot *snapshot,
                         const struct steps *steps, size_t most)
{
    size_t left = steps->count, shown = 0;
    while (left > 0) {
        uint32_t edge = steps->at[left - 1];
        size_t run = 1;
        while (run < left
               && snapshot->edge_name[steps->at[left - 1 - run]]
                      == snapshot->edge_name[edge]
               && snapshot->edge_type[steps->at[left - 1 - run]]
                      == snapshot->edge_type[edge])
            run++;
        if (shown++ == most && left > run) {
            char text[64];
            snprintf(text, sizeof(text), " → … %zu more", left);
            append(line, text);
            return;
        }
        char text[512], times[32] = "";
        hs_edge_text(snapshot, hs_edge_find_source(snapshot, edge), edge, text,
                     sizeof(text));
        if (run > 1)
            snprintf(times, sizeof(times), " ×%zu", run);
        append(line, " → ");
        append(line, text);
        append(line, times);
        left -= run;
    }
}

static bool is_lost_group(const struct hs_snapshot *snapshot, uint32_t node)
{
    return is_group(snapshot, node)
           && strcmp(snapshot->strings[snapshot->node_name[node]], HS_GROUP_LOST) == 0;
}

/* Walk from `node` up; `ret_group` is the lowest group on the way. */
static enum hs_holding find_steps(const struct hs_analysis *analysis, uint32_t node,
                                  struct steps *steps, uint32_t *ret_group)
{
    const struct hs_snapshot *snapshot = analysis->snapshot;
    *ret_group = HS_ANALYSIS_NONE;
    if (analysis->distance[node] == HS_DISTANCE_UNREACHED || node == snapshot->root)
        return HS_HELD_BY_NOTHING;
    for (uint32_t at = node; at != snapshot->root;) {
        uint32_t from = analysis->reached_from[at];
        if (from == HS_ANALYSIS_NONE)
            return HS_HELD_BY_NOTHING;
        if (is_lost_group(snapshot, from))
            return HS_HELD_BY_THE_LOST;
        if (!is_group(snapshot, from) && *ret_group == HS_ANALYSIS_NONE) {
            if (!hs_array_push(steps, analysis->reached_by[at]))
                return HS_HELD_BY_NOTHING;
        } else if (*ret_group == HS_ANALYSIS_NONE) {
            *ret_group = from;
        }
        at = from;
    }
    return HS_HELD;
}

static void append_path(struct line *line, const struct hs_analysis *analysis,
                        struct steps *steps, uint32_t group, size_t most)
{
    const struct hs_snapshot *snapshot = analysis->snapshot;
    if (steps->count == 0) {
        const char *name = snapshot->strings[snapshot->node_name[group]];
        append(line, *name ? name : "(root)");
        return;
    }
    uint32_t start = steps->at[--steps->count];
    uint32_t to = snapshot->edge_to[start];
    append_start(line, analysis, start, analysis->reached_from[to]);
    append_steps(line, snapshot, steps, most);
}

bool hs_holder_text(const struct hs_analysis *analysis, uint32_t node, char *buffer,
                    size_t size)
{
    struct line line = {.buffer = buffer, .size = size};
    struct steps steps = {0};
    uint32_t group;
    buffer[0] = '\0';
    bool is_held = find_steps(analysis, node, &steps, &group) == HS_HELD;
    if (is_held)
        append_path(&line, analysis, &steps, group, STEPS_SHOWN);
    free(steps.at);
    return is_held;
}

enum hs_holding hs_path_text(const struct hs_analysis *analysis, uint32_t node,
                             char *buffer, size_t size)
{
    const struct hs_snapshot *snapshot = analysis->snapshot;
    struct line line = {.buffer = buffer, .size = size};
    struct steps steps = {0};
    uint32_t group;
    buffer[0] = '\0';
    enum hs_holding holding = find_steps(analysis, node, &steps, &group);
    if (holding == HS_HELD) {
        append_path(&line, analysis, &steps, group, STEPS_OF_PATH);
    } else if (holding == HS_HELD_BY_THE_LOST) {
        char leader[16];
        uint32_t first =
            steps.count == 0
                ? node
                : analysis->reached_from[snapshot->edge_to[steps.at[steps.count - 1]]];
        snprintf(leader, sizeof(leader), "@%u", snapshot->node_id[first]);
        append(&line, leader);
        append_steps(&line, snapshot, &steps, STEPS_OF_PATH);
    }
    free(steps.at);
    return holding;
}

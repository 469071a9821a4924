// SPDX-License-Identifier: MIT

/* One node in words. Texts that a program had in its memory are cut: a row has to fit. */

#include "tools/node.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/base/size.h"
#include "tools/table.h"

#define STRING_SHOWN 60
#define STACK_SIZE 4096

int hs_opened_init(struct hs_opened *ret, const char *path, struct hs_error *err)
{
    struct hs_opened opened = {.path = path};
    struct hs_analysis_options options = {.with_retained = true};
    int result = hs_snapshot_load(path, &opened.snapshot, err);
    if (result == 0)
        result = hs_analysis_create(opened.snapshot, &options, &opened.analysis, err);
    if (result < 0) {
        hs_opened_deinit(&opened);
        return result;
    }
    *ret = opened;
    return 0;
}

void hs_opened_deinit(struct hs_opened *opened)
{
    hs_analysis_destroy(opened->analysis);
    hs_snapshot_destroy(opened->snapshot);
}

/* ---- which node ---- */

static bool parse_number(const char *text, int base, uint64_t *ret)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, base);
    bool has_digit = (*text >= '0' && *text <= '9') || (base == 16 && *text > '9');
    if (errno || !has_digit || end == text || *end)
        return false;
    *ret = value;
    return true;
}

static bool is_address(const char *text)
{
    return text[0] == '0' && (text[1] | 0x20) == 'x';
}

static bool parse_node(const char *text, uint64_t *ret)
{
    if (is_address(text))
        return parse_number(text + 2, 16, ret);
    return parse_number(text + (*text == '@'), 10, ret);
}

bool hs_node_is_text(const char *text)
{
    uint64_t value;
    return parse_node(text, &value);
}

int hs_node_find(const struct hs_opened *opened, const char *text, uint32_t *ret,
                 struct hs_error *err)
{
    uint64_t value;
    uint32_t node = HS_ANALYSIS_NONE;
    bool is_number = parse_node(text, &value);
    if (is_number && is_address(text))
        node = hs_node_find_address(opened->snapshot, value);
    else if (is_number && value <= UINT32_MAX)
        node = hs_node_find_id(opened->snapshot, (uint32_t)value);
    if (node == HS_ANALYSIS_NONE && is_address(text))
        return hs_error_set(err, ENOENT,
                            "%s: no block with a name of its own holds %s; try @ID",
                            opened->path, text);
    if (node == HS_ANALYSIS_NONE)
        return hs_error_set(
            err, ENOENT, "%s: no node has the id %s; 'heapsnap tree' and 'lost' show ids",
            opened->path, text);
    *ret = node;
    return 0;
}

/* ---- in words ---- */

/* Drop what does not fit between characters. */
static void cut(char *text, size_t size)
{
    if (strlen(text) <= size)
        return;
    while (size > 0 && (text[size] & 0xc0) == 0x80)
        size--;
    memcpy(text + size, "…", sizeof("…"));
}

/* Does the name hold what the text says? Ours often say only where it is. */
static bool is_quotation(const struct hs_snapshot *snapshot, uint32_t node)
{
    uint8_t type = snapshot->node_type[node];
    const char *name = snapshot->strings[snapshot->node_name[node]];
    bool is_ours = json_object_get(snapshot->metadata, "heapsnap") != NULL;
    bool is_place = is_ours
                    && (strncmp(name, "text 0x", strlen("text 0x")) == 0
                        || strncmp(name, "text ← ", strlen("text ← ")) == 0);
    return !is_place
           && (type == HS_NODE_STRING || type == HS_NODE_CONCATENATED_STRING
               || type == HS_NODE_SLICED_STRING);
}

const char *hs_node_text(const struct hs_analysis *analysis, uint32_t node,
                         char buffer[HS_NODE_TEXT])
{
    const struct hs_snapshot *snapshot = analysis->snapshot;
    const char *name = snapshot->strings[snapshot->node_name[node]];
    if (node == snapshot->root)
        return strcpy(buffer, "(root)");
    if (!*name && !is_quotation(snapshot, node))
        name = analysis->classes[analysis->node_class[node]].name;
    if (is_quotation(snapshot, node)) {
        buffer[0] = '"';
        hs_name_text(snapshot, name, buffer + 1, HS_NODE_TEXT - 8);
        cut(buffer, STRING_SHOWN);
        return strcat(buffer, "\"");
    }
    size_t used = 0;
    if (analysis->node_is_renamed[node])
        used = (size_t)snprintf(buffer, HS_NODE_TEXT, "Detached ");
    hs_name_text(snapshot, name, buffer + used, HS_NODE_TEXT - used);
    return buffer;
}

const char *hs_distance_text(int32_t distance, char buffer[16])
{
    if (distance < 0 || distance >= HS_DISTANCE_SYSTEM)
        return strcpy(buffer, "−");
    snprintf(buffer, 16, "%" PRId32, distance);
    return buffer;
}

void hs_node_print(const struct hs_opened *opened, uint32_t node)
{
    static const char *const heads[] = {
        [HS_HELD] = "    held by       ",
        [HS_HELD_BY_THE_LOST] = "    lost          ",
        [HS_HELD_BY_NOTHING] = "    nothing holds it",
    };
    const struct hs_analysis *analysis = opened->analysis;
    char name[HS_NODE_TEXT], path[STACK_SIZE], stack[STACK_SIZE];
    char shallow[HS_SIZE_TEXT], retained[HS_SIZE_TEXT], distance[16];
    bool is_coloured = hs_is_coloured();
    printf("@%" PRIu32 " %s%s%s  %s, retains %s, distance %s\n",
           opened->snapshot->node_id[node], is_coloured ? "\033[1m" : "",
           hs_node_text(analysis, node, name), is_coloured ? "\033[0m" : "",
           hs_size_text(analysis->node_size[node], shallow),
           hs_size_text(analysis->retained[node], retained),
           hs_distance_text(analysis->distance[node], distance));
    if (node == opened->snapshot->root)
        return;
    enum hs_holding holding = hs_path_text(analysis, node, path, sizeof(path));
    printf("%s%s\n", heads[holding], path);
    uint32_t site = hs_site_find(opened->snapshot, node);
    if (site == HS_ANALYSIS_NONE)
        return;
    hs_site_text(opened->snapshot, site, stack, sizeof(stack));
    printf("    allocated by  %s\n", stack);
}

/* ---- as JSON ---- */

json_t *hs_node_json(const struct hs_analysis *analysis, uint32_t node)
{
    const struct hs_snapshot *snapshot = analysis->snapshot;
    const struct hs_class *class = &analysis->classes[analysis->node_class[node]];
    char name[HS_NODE_TEXT], class_name[HS_NODE_TEXT];
    hs_name_text(snapshot, class->name, class_name, sizeof(class_name));
    return json_pack(
        "{s:I, s:s, s:s, s:s, s:i, s:I, s:I}", "id", (json_int_t)snapshot->node_id[node],
        "class", class_name, "devtools_class", class->name, "name",
        hs_node_text(analysis, node, name), "distance", analysis->distance[node],
        "shallow", (json_int_t)analysis->node_size[node], "retained",
        (json_int_t)analysis->retained[node]);
}

bool hs_node_add_json(const struct hs_opened *opened, uint32_t node, json_t *object)
{
    static const char *const states[] = {[HS_HELD] = "held",
                                         [HS_HELD_BY_THE_LOST] = "lost",
                                         [HS_HELD_BY_NOTHING] = "none"};
    char path[STACK_SIZE], stack[STACK_SIZE] = "";
    enum hs_holding holding = hs_path_text(opened->analysis, node, path, sizeof(path));
    uint32_t site = hs_site_find(opened->snapshot, node);
    if (site != HS_ANALYSIS_NONE)
        hs_site_text(opened->snapshot, site, stack, sizeof(stack));
    return json_object_set_new(object, "node", hs_node_json(opened->analysis, node)) == 0
           && json_object_set_new(object, "holding", json_string(states[holding])) == 0
           && json_object_set_new(object, "path", *path ? json_string(path) : json_null())
                  == 0
           && json_object_set_new(object, "stack",
                                  *stack ? json_string(stack) : json_null())
                  == 0;
}

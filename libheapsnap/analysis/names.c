// SPDX-License-Identifier: MIT

/*
 * The class of every node, named as DevTools names it: "<div id=a>" is a "<div>", hidden
 * nodes are "(system)", strings "(string)", and so on.
 *
 * A key has a comma before the name, or for JavaScript objects with a known constructor
 * its place: "script,line,column,name". So a class is one thing in all snapshots.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/analysis/interfaces.h"
#include "libheapsnap/analysis/parts.h"
#include "libheapsnap/base/guard.h"
#include "libheapsnap/snapshot/layout.h"

struct naming {
    struct hs_analysis *analysis;
    struct hs_text_table *keys;
    uint32_t *of_string; /* class of nodes named by this string, or HS_TEXT_NONE */
    uint32_t of_type[256];
    char *text; /* scratch */
    size_t room;
};

static bool reserve(struct naming *naming, size_t size)
{
    if (size <= naming->room)
        return true;
    char *bigger = realloc(naming->text, size * 2);
    if (!bigger)
        return false;
    naming->text = bigger;
    naming->room = size * 2;
    return true;
}

/* The class "<prefix><name><suffix>" with `size` bytes of `name`. */
static uint32_t add_class(struct naming *naming, const char *prefix, const char *name,
                          size_t size, const char *suffix)
{
    if (!reserve(naming, strlen(prefix) + size + strlen(suffix) + 2))
        return HS_TEXT_NONE;
    int length = snprintf(naming->text, naming->room, ",%s%.*s%s", prefix, (int)size,
                          name, suffix);
    return hs_text_table_add(naming->keys, naming->text, (size_t)length);
}

/* Objects and native nodes are their own class, but "<…" ends at the first space. */
static uint32_t class_of_name(struct naming *naming, const char *name, bool is_renamed)
{
    static const char detached[] = "Detached ";
    const char *prefix = is_renamed ? detached : "";
    size_t known = 0;
    if (!is_renamed && strncmp(name, detached, sizeof(detached) - 1) == 0)
        known = sizeof(detached) - 1;
    const char *space = name[known] == '<' ? strchr(name + known + 1, ' ') : NULL;
    if (space)
        return add_class(naming, prefix, name, (size_t)(space - name), ">");
    return add_class(naming, prefix, name, strlen(name), "");
}

static const char *type_name(const struct hs_snapshot *snapshot, uint8_t type)
{
    return type < HS_NODE_OTHER ? hs_node_type_names[type]
                                : snapshot->other_types[type - HS_NODE_OTHER];
}

static uint32_t class_of_type(struct naming *naming, uint8_t type)
{
    static const char *const fixed[] = {[HS_NODE_HIDDEN] = "(system)",
                                        [HS_NODE_CODE] = "(compiled code)",
                                        [HS_NODE_CLOSURE] = "Function",
                                        [HS_NODE_REGEXP] = "RegExp"};
    if (type <= HS_NODE_REGEXP && fixed[type])
        return add_class(naming, "", fixed[type], strlen(fixed[type]), "");
    const char *name = type_name(naming->analysis->snapshot, type);
    return add_class(naming, "(", name, strlen(name), ")");
}

static bool name_nodes(struct naming *naming)
{
    struct hs_analysis *analysis = naming->analysis;
    const struct hs_snapshot *snapshot = analysis->snapshot;
    for (uint32_t node = 0; node < snapshot->node_count; node++) {
        uint8_t type = snapshot->node_type[node];
        uint32_t name = snapshot->node_name[node];
        bool is_named = type == HS_NODE_OBJECT || type == HS_NODE_NATIVE;
        uint32_t once = HS_TEXT_NONE;
        uint32_t *class = !is_named                         ? &naming->of_type[type]
                          : analysis->node_is_renamed[node] ? &once
                                                            : &naming->of_string[name];
        if (*class == HS_TEXT_NONE)
            *class = is_named ? class_of_name(naming, snapshot->strings[name],
                                              analysis->node_is_renamed[node])
                              : class_of_type(naming, type);
        if (*class == HS_TEXT_NONE)
            return false;
        analysis->node_class[node] = *class;
    }
    return true;
}

static bool add_locations(struct naming *naming)
{
    struct hs_analysis *analysis = naming->analysis;
    const struct hs_snapshot *snapshot = analysis->snapshot;
    for (uint32_t i = 0; i < snapshot->location_count; i++) {
        const struct hs_location *location = &snapshot->locations[i];
        if (snapshot->node_type[location->node] != HS_NODE_OBJECT)
            continue;
        const char *name = naming->keys->at[analysis->node_class[location->node]] + 1;
        if (!reserve(naming, strlen(name) + 48))
            return false;
        int length =
            snprintf(naming->text, naming->room, "%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%s",
                     location->script_id, location->line, location->column, name);
        uint32_t class = hs_text_table_add(naming->keys, naming->text, (size_t)length);
        if (class == HS_TEXT_NONE)
            return false;
        analysis->node_class[location->node] = class;
    }
    return true;
}

const char *hs_class_key_name(const char *key)
{
    int commas = *key == ',' ? 1 : 3;
    for (; commas > 0; key++)
        commas -= *key == ',';
    return key;
}

bool hs_name_classes(struct hs_analysis *analysis, const struct hs_analysis *like)
{
    const struct hs_snapshot *snapshot = analysis->snapshot;
    struct hs_analysis_storage *storage = analysis->storage;
    size_t strings = (size_t)snapshot->string_count + 1;
    hs_auto_free uint32_t *of_string = malloc(strings * sizeof(*of_string));
    analysis->node_class = malloc(snapshot->node_count * sizeof(*analysis->node_class));
    if (!of_string || !analysis->node_class)
        return false;
    struct naming naming = {
        .analysis = analysis, .keys = &storage->keys, .of_string = of_string};
    memset(of_string, 0xff, strings * sizeof(*of_string));
    memset(naming.of_type, 0xff, sizeof(naming.of_type));
    bool is_fine = name_nodes(&naming) && hs_interfaces_apply(analysis, like)
                   && add_locations(&naming);
    free(naming.text);
    if (!is_fine)
        return false;
    analysis->class_count = storage->keys.count;
    analysis->classes =
        calloc((size_t)storage->keys.count + 1, sizeof(*analysis->classes));
    if (!analysis->classes)
        return false;
    for (uint32_t i = 0; i < storage->keys.count; i++) {
        analysis->classes[i].key = storage->keys.at[i];
        analysis->classes[i].name = hs_class_key_name(storage->keys.at[i]);
    }
    return true;
}

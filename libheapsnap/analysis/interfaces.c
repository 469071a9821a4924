// SPDX-License-Identifier: MIT

/*
 * Properties are compared by numbers in a table of their texts, so that the interfaces of
 * one snapshot can be looked for in another. The interfaces form a tree in which every
 * path is a sorted list of properties: walking it with an object's sorted properties finds
 * all interfaces that are contained in the object.
 */

#include "libheapsnap/analysis/interfaces.h"

#include <stdlib.h>
#include <string.h>

#include "libheapsnap/analysis/parts.h"
#include "libheapsnap/base/array.h"
#include "libheapsnap/base/guard.h"
#include "libheapsnap/snapshot/utf8.h"

/* Names longer than this, in UTF-16 units, are cut after a property. */
#define NAME_LIMIT 120
#define LEAST_OBJECTS 2
/* An interface needs one in so many literal objects. */
#define LEAST_SHARE 1000

struct interface {
    uint32_t name; /* in hs_interfaces.names */
    uint32_t count;
    uint32_t first, size; /* in hs_interfaces.properties */
};

/* A node of the tree; 0 is the root, children are a list. */
struct step {
    uint32_t property;
    uint32_t child, sibling; /* 0 = none */
    uint32_t interface;      /* index, or UINT32_MAX */
};

struct numbers {
    uint32_t *at;
    size_t count, room;
};

struct characters {
    char *at;
    size_t count, room;
};

struct hs_interfaces {
    struct hs_text_table names, texts;
    struct numbers properties;
    HS_ARRAY(struct interface) list; /* most frequent first */
    HS_ARRAY(struct step) steps;
    uint32_t *first_step; /* the root's child for a property, 0 = none: it has many */
};

void hs_interfaces_destroy(struct hs_interfaces *interfaces)
{
    if (!interfaces)
        return;
    hs_text_table_deinit(&interfaces->names);
    hs_text_table_deinit(&interfaces->texts);
    free(interfaces->properties.at);
    free(interfaces->list.at);
    free(interfaces->steps.at);
    free(interfaces->first_step);
    free(interfaces);
}

HS_DEFINE_GUARD(guard_interfaces, struct hs_interfaces *, hs_interfaces_destroy)

static uint32_t find_string(const struct hs_snapshot *snapshot, const char *text)
{
    for (uint32_t i = 0; i < snapshot->string_count; i++)
        if (strcmp(snapshot->strings[i], text) == 0)
            return i;
    return HS_TEXT_NONE;
}

static size_t utf16_length(const char *text)
{
    size_t length = 0;
    for (; *text; text++)
        length += ((*text & 0xc0) != 0x80) + ((*text & 0xf8) == 0xf0);
    return length;
}

static bool append(struct characters *out, const char *text, size_t size)
{
    if (!hs_array_reserve(out, out->count + size + 1))
        return false;
    memcpy(out->at + out->count, text, size);
    out->count += size;
    out->at[out->count] = '\0';
    return true;
}

/* A property as DevTools writes it: quoted as JSON when it could be misread. */
static bool append_property(struct characters *out, const char *name)
{
    if (!strpbrk(name, ",'\"{}"))
        return append(out, name, strlen(name));
    bool is_fine = append(out, "\"", 1);
    for (; *name && is_fine; name++) {
        static const char special[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
        const char *found = strchr(special, *name);
        char escape[8] = {'\\', found ? letters[found - special] : 'u', '\0'};
        if (found)
            is_fine = append(out, escape, 2);
        else if ((unsigned char)*name < 0x20)
            is_fine = append(out, escape,
                             (size_t)snprintf(escape, sizeof(escape), "\\u%04x",
                                              (unsigned char)*name));
        else
            is_fine = append(out, name, 1);
    }
    return is_fine && append(out, "\"", 1);
}

/* The name "{x, y}" of a literal object in `text`, and how many of its property edges,
 * skipping __proto__, it mentions. */
static bool describe(const struct hs_snapshot *snapshot, uint32_t node,
                     struct characters *text, struct characters *scratch,
                     uint32_t *ret_count)
{
    size_t length = 1;
    text->count = 0;
    *ret_count = 0;
    if (!append(text, "{", 1))
        return false;
    for (uint32_t e = snapshot->first_edge[node]; e < snapshot->first_edge[node + 1];
         e++) {
        if (snapshot->edge_type[e] != HS_EDGE_PROPERTY)
            continue;
        const char *name = snapshot->strings[snapshot->edge_name[e]];
        if (strcmp(name, "__proto__") == 0)
            continue;
        scratch->count = 0;
        if (!append(scratch, "", 0) || !append_property(scratch, name))
            return false;
        size_t more = utf16_length(scratch->at);
        if (length > 1 && length + more > NAME_LIMIT)
            break;
        if (length != 1) {
            length += 2;
            if (!append(text, ", ", 2))
                return false;
        }
        length += more;
        if (!append(text, scratch->at, scratch->count))
            return false;
        ++*ret_count;
    }
    return append(text, "}", 1);
}

static bool add_candidate(struct hs_interfaces *interfaces,
                          const struct hs_snapshot *snapshot, uint32_t node,
                          const struct characters *text, uint32_t properties)
{
    uint32_t known = interfaces->names.count;
    uint32_t name = hs_text_table_add(&interfaces->names, text->at, text->count);
    if (name == HS_TEXT_NONE)
        return false;
    if (name < known) {
        interfaces->list.at[name].count++;
        return true;
    }
    struct interface interface = {.name = name,
                                  .count = 1,
                                  .size = properties,
                                  .first = (uint32_t)interfaces->properties.count};
    for (uint32_t e = snapshot->first_edge[node]; properties > 0; e++) {
        const char *property = snapshot->strings[snapshot->edge_name[e]];
        if (snapshot->edge_type[e] != HS_EDGE_PROPERTY
            || strcmp(property, "__proto__") == 0)
            continue;
        uint32_t number =
            hs_text_table_add(&interfaces->texts, property, strlen(property));
        if (number == HS_TEXT_NONE || !hs_array_push(&interfaces->properties, number))
            return false;
        properties--;
    }
    return hs_array_push(&interfaces->list, interface);
}

/* More objects first; the sort must be stable, and names ascend by first appearance. */
static int by_count(const void *left, const void *right)
{
    const struct interface *a = left, *b = right;
    if (a->count != b->count)
        return a->count < b->count ? 1 : -1;
    return a->name < b->name ? -1 : a->name > b->name;
}

static int by_number(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

static bool add_steps(struct hs_interfaces *interfaces, uint32_t index)
{
    struct interface *interface = &interfaces->list.at[index];
    uint32_t *properties = interfaces->properties.at + interface->first, at = 0;
    qsort(properties, interface->size, sizeof(*properties), by_number);
    for (uint32_t i = 0; i < interface->size; i++) {
        uint32_t child = interfaces->steps.at[at].child;
        while (child && interfaces->steps.at[child].property != properties[i])
            child = interfaces->steps.at[child].sibling;
        if (!child) {
            child = (uint32_t)interfaces->steps.count;
            struct step step = {.property = properties[i],
                                .interface = UINT32_MAX,
                                .sibling = interfaces->steps.at[at].child};
            if (!hs_array_push(&interfaces->steps, step))
                return false;
            interfaces->steps.at[at].child = child;
        }
        at = child;
    }
    if (interfaces->steps.at[at].interface == UINT32_MAX)
        interfaces->steps.at[at].interface = index;
    return true;
}

static bool infer(struct hs_interfaces *interfaces, const struct hs_snapshot *snapshot,
                  uint32_t object)
{
    struct characters text = {0}, scratch = {0};
    uint32_t objects = 0, properties;
    bool is_fine = true;
    for (uint32_t node = 0; is_fine && node < snapshot->node_count; node++) {
        if (snapshot->node_type[node] != HS_NODE_OBJECT
            || snapshot->node_name[node] != object)
            continue;
        objects++;
        is_fine = describe(snapshot, node, &text, &scratch, &properties);
        if (is_fine && properties > 0)
            is_fine = add_candidate(interfaces, snapshot, node, &text, properties);
    }
    free(text.at);
    free(scratch.at);
    if (interfaces->list.count > 0)
        qsort(interfaces->list.at, interfaces->list.count, sizeof(*interfaces->list.at),
              by_count);
    size_t kept = 0;
    while (kept < interfaces->list.count
           && interfaces->list.at[kept].count >= LEAST_OBJECTS
           && (uint64_t)interfaces->list.at[kept].count * LEAST_SHARE >= objects)
        kept++;
    interfaces->list.count = kept;
    struct step root = {.interface = UINT32_MAX};
    is_fine = is_fine && hs_array_push(&interfaces->steps, root);
    for (uint32_t i = 0; is_fine && i < kept; i++)
        is_fine = add_steps(interfaces, i);
    interfaces->first_step =
        calloc((size_t)interfaces->texts.count + 1, sizeof(uint32_t));
    if (!is_fine || !interfaces->first_step)
        return false;
    for (uint32_t at = interfaces->steps.at[0].child; at;
         at = interfaces->steps.at[at].sibling)
        interfaces->first_step[interfaces->steps.at[at].property] = at;
    return true;
}

/* The best interface for sorted properties, or UINT32_MAX. `states` is scratch. */
static bool match(const struct hs_interfaces *interfaces,
                  const struct numbers *properties, struct numbers *states, uint32_t *ret)
{
    const struct step *steps = interfaces->steps.at;
    *ret = UINT32_MAX;
    states->count = 0;
    if (!hs_array_push(states, 0))
        return false;
    for (size_t i = 0; i < properties->count; i++) {
        for (size_t s = states->count; s-- > 0;) {
            uint32_t child = s == 0 ? interfaces->first_step[properties->at[i]]
                                    : steps[states->at[s]].child;
            while (child && steps[child].property != properties->at[i])
                child = steps[child].sibling;
            if (!child)
                continue;
            bool is_known = false;
            for (size_t t = s; t < states->count && !is_known; t++)
                is_known = states->at[t] == child;
            if (!is_known && !hs_array_push(states, child))
                return false;
            uint32_t found = steps[child].interface;
            if (found == UINT32_MAX)
                continue;
            uint32_t size = interfaces->list.at[found].size;
            if (*ret == UINT32_MAX || size > interfaces->list.at[*ret].size
                || (size == interfaces->list.at[*ret].size && found < *ret))
                *ret = found;
        }
    }
    return true;
}

static bool collect(const struct hs_interfaces *interfaces,
                    const struct hs_snapshot *snapshot, uint32_t node,
                    struct numbers *out)
{
    out->count = 0;
    for (uint32_t e = snapshot->first_edge[node]; e < snapshot->first_edge[node + 1];
         e++) {
        if (snapshot->edge_type[e] != HS_EDGE_PROPERTY)
            continue;
        const char *name = snapshot->strings[snapshot->edge_name[e]];
        uint32_t number = hs_text_table_find(&interfaces->texts, name, strlen(name));
        if (number != HS_TEXT_NONE && !hs_array_push(out, number))
            return false;
    }
    if (out->count > 0)
        qsort(out->at, out->count, sizeof(*out->at), by_number);
    return true;
}

/* The class of each interface, made when the first object has it. */
static uint32_t class_of(struct hs_analysis *analysis,
                         const struct hs_interfaces *interfaces, uint32_t found)
{
    struct hs_analysis_storage *storage = analysis->storage;
    const char *name = interfaces->names.at[interfaces->list.at[found].name];
    size_t size = strlen(name);
    hs_auto_free char *key = malloc(size + 2);
    if (!key)
        return HS_TEXT_NONE;
    key[0] = ',';
    memcpy(key + 1, name, size + 1);
    return hs_text_table_add(&storage->keys, key, size + 1);
}

static bool apply(struct hs_analysis *analysis, const struct hs_interfaces *interfaces,
                  uint32_t object)
{
    const struct hs_snapshot *snapshot = analysis->snapshot;
    struct numbers properties = {0}, states = {0};
    bool is_fine = true;
    for (uint32_t node = 0; is_fine && node < snapshot->node_count; node++) {
        if (snapshot->node_type[node] != HS_NODE_OBJECT
            || snapshot->node_name[node] != object)
            continue;
        uint32_t found;
        is_fine = collect(interfaces, snapshot, node, &properties)
                  && match(interfaces, &properties, &states, &found);
        if (!is_fine || found == UINT32_MAX)
            continue;
        uint32_t class = class_of(analysis, interfaces, found);
        is_fine = class != HS_TEXT_NONE;
        analysis->node_class[node] = class;
    }
    free(properties.at);
    free(states.at);
    return is_fine;
}

bool hs_interfaces_apply(struct hs_analysis *analysis, const struct hs_analysis *like)
{
    uint32_t object = find_string(analysis->snapshot, "Object");
    if (like)
        return object == HS_TEXT_NONE || !like->interfaces
               || apply(analysis, like->interfaces, object);
    if (object == HS_TEXT_NONE)
        return true;
    hs_auto(guard_interfaces) struct hs_interfaces *interfaces =
        calloc(1, sizeof(*interfaces));
    if (!interfaces || !infer(interfaces, analysis->snapshot, object)
        || !apply(analysis, interfaces, object))
        return false;
    analysis->interfaces = hs_take(interfaces);
    return true;
}

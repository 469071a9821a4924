// SPDX-License-Identifier: MIT

/*
 * Finding the container that a pointer belongs to: the first type on the way down the
 * pointer's path that is one.
 */

#include "libheapsnap/types/container.h"

#include <stdio.h>
#include <string.h>

#define PATH_MAX_LENGTH 1000

static const struct hs_container_rule *const libraries[] = {
    hs_container_libstdcxx, hs_container_libcxx, hs_container_rust};

/* Does `name`, inline namespaces aside, begin with `container` and then end or "<"? */
static bool is_called(const char *name, const char *container)
{
    static const char *const inline_namespaces[] = {"__cxx11::", "__1::", "__debug::"};
    static const char space[] = "std::";
    if (strncmp(name, space, 5) == 0 && strncmp(container, space, 5) == 0) {
        name += 5;
        container += 5;
        for (size_t i = 0; i < sizeof(inline_namespaces) / sizeof(char *); i++) {
            size_t length = strlen(inline_namespaces[i]);
            if (strncmp(name, inline_namespaces[i], length) == 0)
                name += length;
        }
    }
    size_t length = strlen(container);
    return strncmp(name, container, length) == 0
           && (name[length] == '<' || name[length] == '\0');
}

bool hs_container_is_known(const char *name)
{
    for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++)
        for (const struct hs_container_rule *rule = libraries[i]; rule->container; rule++)
            if (is_called(name, rule->container))
                return true;
    return false;
}

/* `type` or one of its bases, when that is a container. */
static uint32_t as_container(struct hs_shapes *shapes, uint32_t type, int depth)
{
    const struct hs_type *info = hs_layouts_type(shapes->layouts, type);
    if (!info || info->kind != HS_TYPE_STRUCT || depth > 8)
        return HS_TYPE_NONE;
    if (info->name && hs_container_is_known(info->name))
        return type;
    for (uint32_t i = 0; i < info->n_bases; i++) {
        uint32_t found = as_container(shapes, info->bases[i].type, depth + 1);
        if (found != HS_TYPE_NONE)
            return found;
    }
    return HS_TYPE_NONE;
}

/* The type of the member at the first `length` bytes of `path`. */
static uint32_t member_type(struct hs_shapes *shapes, uint32_t type, const char *path,
                            size_t length)
{
    char part[PATH_MAX_LENGTH];
    struct hs_type_field field;
    if (length == 0)
        return type;
    if (length >= sizeof(part))
        return HS_TYPE_NONE;
    memcpy(part, path, length);
    part[length] = '\0';
    return hs_layouts_field(shapes->layouts, type, part + (part[0] == '.'), &field)
               ? field.type
               : HS_TYPE_NONE;
}

/* Where in `path` the first container ends; its type, or HS_TYPE_NONE. */
static uint32_t find_container(struct hs_shapes *shapes, uint32_t type, const char *path,
                               size_t *ret_length)
{
    size_t length = 0;
    for (;;) {
        uint32_t member = member_type(shapes, type, path, length);
        uint32_t found =
            member == HS_TYPE_NONE ? HS_TYPE_NONE : as_container(shapes, member, 0);
        *ret_length = length;
        if (found != HS_TYPE_NONE || !path[length])
            return found;
        length++;
        length += strcspn(path + length, ".[");
        if (!path[length])
            return HS_TYPE_NONE;
    }
}

/* ---- rules ---- */

static const struct hs_container_rule *find_rule(const char *name, const char *path)
{
    const char *dot = strrchr(path, '.');
    const char *member = dot ? dot + 1 : path;
    for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++)
        for (const struct hs_container_rule *rule = libraries[i]; rule->container; rule++)
            if (is_called(name, rule->container)
                && (!rule->member || strcmp(rule->member, member) == 0))
                return rule;
    return NULL;
}

static uint32_t value_type(struct hs_shapes *shapes, uint32_t container,
                           const struct hs_container_rule *rule)
{
    uint32_t number = 0, type = container;
    if (rule->value) {
        char member[32];
        struct hs_type_field field;
        if (sscanf(rule->value, "%31[^:]:%u", member, &number) != 2
            || !hs_layouts_field(shapes->layouts, container, member, &field))
            return HS_TYPE_NONE;
        type = field.type;
    }
    const struct hs_type *info = hs_layouts_type(shapes->layouts, type);
    return info && number < info->n_arguments ? info->arguments[number] : HS_TYPE_NONE;
}

static uint32_t shape_of(struct hs_shapes *shapes, enum hs_container_target target,
                         uint32_t value)
{
    static const enum hs_shape_kind kinds[] = {
        [HS_CONTAINER_ROW] = HS_SHAPE_ROW,
        [HS_CONTAINER_TEXT] = HS_SHAPE_TEXT,
        [HS_CONTAINER_LIST_NODE] = HS_SHAPE_LIST_NODE,
        [HS_CONTAINER_FORWARD_NODE] = HS_SHAPE_FORWARD_NODE,
        [HS_CONTAINER_TREE_NODE] = HS_SHAPE_TREE_NODE,
        [HS_CONTAINER_HASH_NODE] = HS_SHAPE_HASH_NODE,
        [HS_CONTAINER_HASH_BUCKETS] = HS_SHAPE_HASH_BUCKETS,
        [HS_CONTAINER_DEQUE_MAP] = HS_SHAPE_DEQUE_MAP,
    };
    return hs_shapes_of(shapes, kinds[target], value);
}

bool hs_container_node(struct hs_shapes *shapes, const struct hs_type *type,
                       uint32_t *ret_shape)
{
    static const struct hs_container_node *const lists[] = {hs_container_libstdcxx_nodes,
                                                            hs_container_libcxx_nodes};
    if (type->kind != HS_TYPE_STRUCT || !type->name || strncmp(type->name, "std::", 5))
        return false;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        for (const struct hs_container_node *node = lists[i]; node->name; node++) {
            if (!is_called(type->name, node->name))
                continue;
            bool is_known = node->target != HS_CONTAINER_NOTHING && type->n_arguments > 0;
            *ret_shape = is_known ? shape_of(shapes, node->target, type->arguments[0])
                                  : HS_SHAPE_NONE;
            return true;
        }
    return false;
}

static uint32_t rule_target(struct hs_shapes *shapes, uint32_t container,
                            const struct hs_container_rule *rule, uint32_t declared)
{
    switch (rule->target) {
    case HS_CONTAINER_NOTHING:
    case HS_CONTAINER_BORROWED:
        return HS_SHAPE_NONE;
    case HS_CONTAINER_AS_DECLARED:
        return hs_shapes_target(shapes, declared);
    case HS_CONTAINER_TEXT:
        return shape_of(shapes, HS_CONTAINER_TEXT, declared);
    case HS_CONTAINER_VALUE:
        return hs_shapes_target(shapes, value_type(shapes, container, rule));
    default:
        return shape_of(shapes, rule->target, value_type(shapes, container, rule));
    }
}

/* A slot's path in one piece, its row's index as "[0]". */
static bool whole_path(const struct hs_type_slot *from, char path[PATH_MAX_LENGTH],
                       size_t *ret_head)
{
    int length = snprintf(path, PATH_MAX_LENGTH, "%s%s%s", from->path,
                          from->count == 1 ? "" : "[0]", from->tail ? from->tail : "");
    *ret_head = strlen(from->path);
    return length >= 0 && length < PATH_MAX_LENGTH;
}

bool hs_container_apply(struct hs_shapes *shapes, uint32_t type,
                        const struct hs_type_slot *from, struct hs_shape_slot *slot)
{
    char path[PATH_MAX_LENGTH];
    size_t head, length;
    if (!whole_path(from, path, &head))
        return false;
    uint32_t container = find_container(shapes, type, path, &length);
    if (container == HS_TYPE_NONE)
        return false;
    const char *name = hs_layouts_type(shapes->layouts, container)->name;
    const struct hs_container_rule *rule = find_rule(name, path + length);
    if (!rule)
        return false;
    slot->target = rule_target(shapes, container, rule, from->target);
    slot->is_borrowed = rule->target == HS_CONTAINER_BORROWED;
    bool is_behind_index = from->count != 1 && length >= head + 3;
    size_t start = is_behind_index ? head + 3 : 0;
    const char *text = hs_text_format(&shapes->text, "%.*s%s", (int)(length - start),
                                      path + start, rule->label);
    if (text && is_behind_index)
        slot->tail = text;
    else if (text)
        slot->path = text;
    return true;
}

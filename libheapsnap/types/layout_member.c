// SPDX-License-Identifier: MIT

/*
 * Ways through nested members: by offset, by name, by type.
 */

#include <stdio.h>
#include <string.h>

#include "libheapsnap/types/layout_internal.h"

/* Types inside types; honest ones are never so deep. */
#define DEPTH_MAX 48
#define STEPS_MAX 10000

struct members {
    const struct hs_layout_table *table;
    const struct hs_layout_member *at;
    uint32_t count, module;
};

/* None for what has no members. */
static struct members members_of(const struct hs_layouts *layouts,
                                 const struct hs_layout_entry *entry)
{
    struct members members = {0};
    const struct hs_layout_table *table;
    const struct hs_layout_type *record = hs_layouts_record(layouts, entry, &table);
    if (!record)
        return members;
    members.table = table;
    members.at = table->members + record->members;
    members.count = record->n_members;
    members.module = entry->module;
    return members;
}

static uint32_t type_of(struct hs_layouts *layouts, const struct members *members,
                        uint32_t index)
{
    return hs_layouts_number(layouts, members->module, members->at[index].type);
}

/* Array elements end somewhere, but for those of a flexible array. */
static bool is_inside(const struct hs_type *type, bool is_open, uint64_t offset)
{
    return offset < type->size || (is_open && type->kind == HS_TYPE_ARRAY);
}

/* The member that covers `offset`, UINT32_MAX: none. */
static uint32_t find_at(struct hs_layouts *layouts, const struct members *members,
                        uint64_t offset)
{
    for (uint32_t i = 0; i < members->count; i++) {
        const struct hs_layout_entry *entry =
            hs_layouts_entry(layouts, type_of(layouts, members, i));
        uint64_t start = members->at[i].offset;
        if (entry && offset >= start
            && is_inside(&entry->type, entry->derived_flags & HS_LAYOUT_OPEN,
                         offset - start))
            return i;
    }
    return UINT32_MAX;
}

struct text {
    char *buffer;
    size_t size, length;
};

static void add_text(struct text *text, const char *format, const char *name,
                     uint64_t number)
{
    bool fits = text->length < text->size;
    int written = name ? snprintf(fits ? text->buffer + text->length : NULL,
                                  fits ? text->size - text->length : 0, format, name)
                       : snprintf(fits ? text->buffer + text->length : NULL,
                                  fits ? text->size - text->length : 0, "[%llu]",
                                  (unsigned long long)number);
    if (written > 0)
        text->length += (size_t)written;
}

int hs_layouts_member(struct hs_layouts *layouts, uint32_t type, uint64_t offset,
                      char *buffer, size_t size)
{
    struct text text = {buffer, size, 0};
    if (size > 0)
        buffer[0] = '\0';
    for (int depth = 0; depth < DEPTH_MAX; depth++) {
        struct hs_layout_entry *entry = hs_layouts_entry(layouts, type);
        if (!entry)
            break;
        if (entry->type.kind == HS_TYPE_ARRAY) {
            type = entry->type.element;
            const struct hs_layout_entry *element = hs_layouts_entry(layouts, type);
            if (!element || element->type.size == 0)
                break;
            add_text(&text, NULL, NULL, offset / element->type.size);
            offset %= element->type.size;
            continue;
        }
        struct members members = members_of(layouts, entry);
        uint32_t found = find_at(layouts, &members, offset);
        if (found == UINT32_MAX)
            break;
        const char *name = members.table->strings + members.at[found].name;
        if (name[0])
            add_text(&text, ".%s", name, 0);
        offset -= members.at[found].offset;
        type = type_of(layouts, &members, found);
    }
    return text.length > INT32_MAX ? INT32_MAX : (int)text.length;
}

/* ---- by name ---- */

/* Members of bases and of members without a name count as its own. */
struct search {
    struct hs_layouts *layouts;
    const char *name;
    size_t length;
    int steps; /* left: malformed types may hold each other many times */
};

static bool find_name(struct search *search, uint32_t type, int depth,
                      struct hs_type_field *field)
{
    struct hs_layouts *layouts = search->layouts;
    const struct hs_layout_entry *entry = hs_layouts_entry(layouts, type);
    if (!entry || depth > DEPTH_MAX || --search->steps < 0)
        return false;
    struct members members = members_of(layouts, entry);
    uint32_t flags = entry->type.kind == HS_TYPE_UNION ? HS_SLOT_UNION : 0;
    for (uint32_t i = 0; i < members.count; i++) {
        const char *own = members.table->strings + members.at[i].name;
        uint32_t of = type_of(layouts, &members, i);
        bool is_it = strncmp(own, search->name, search->length) == 0
                     && own[search->length] == '\0';
        struct hs_type_field inner = {.type = of};
        if (!is_it && (own[0] || !find_name(search, of, depth + 1, &inner)))
            continue;
        field->offset += members.at[i].offset + inner.offset;
        field->type = inner.type;
        field->flags |= flags | inner.flags
                        | (members.at[i].flags & HS_MEMBER_VARIANT ? HS_SLOT_VARIANT : 0);
        return true;
    }
    return false;
}

bool hs_layouts_field(struct hs_layouts *layouts, uint32_t type, const char *path,
                      struct hs_type_field *ret)
{
    struct hs_type_field field = {.type = type};
    while (*path) {
        path += *path == '.';
        size_t length = strcspn(path, ".");
        struct search search = {layouts, path, length, STEPS_MAX};
        if (length == 0 || !find_name(&search, field.type, 0, &field))
            return false;
        path += length;
    }
    const struct hs_layout_entry *entry = hs_layouts_entry(layouts, field.type);
    if (!entry)
        return false;
    field.size = entry->type.size;
    *ret = field;
    return true;
}

/* ---- by type ---- */

static bool holds(struct hs_layouts *layouts, uint32_t type, uint64_t offset,
                  uint32_t wanted, int depth, int *steps)
{
    const struct hs_layout_entry *entry = hs_layouts_entry(layouts, type);
    if (type == wanted && offset == 0)
        return true;
    if (!entry || depth > DEPTH_MAX || --*steps < 0)
        return false;
    if (entry->type.kind == HS_TYPE_ARRAY) {
        const struct hs_layout_entry *element =
            hs_layouts_entry(layouts, entry->type.element);
        return element && element->type.size > 0
               && holds(layouts, entry->type.element, offset % element->type.size, wanted,
                        depth + 1, steps);
    }
    struct members members = members_of(layouts, entry);
    for (uint32_t i = 0; i < members.count; i++) {
        uint32_t of = type_of(layouts, &members, i);
        const struct hs_layout_entry *member = hs_layouts_entry(layouts, of);
        uint64_t start = members.at[i].offset;
        if (member && offset >= start
            && is_inside(&member->type, member->derived_flags & HS_LAYOUT_OPEN,
                         offset - start)
            && holds(layouts, of, offset - start, wanted, depth + 1, steps))
            return true;
    }
    return false;
}

bool hs_layouts_holds(struct hs_layouts *layouts, uint32_t type, uint64_t offset,
                      uint32_t wanted)
{
    int steps = STEPS_MAX;
    return holds(layouts, type, offset, wanted, 0, &steps);
}

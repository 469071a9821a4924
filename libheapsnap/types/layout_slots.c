// SPDX-License-Identifier: MIT

/*
 * From nested members to one flat list of pointers.
 *
 * Lists are put together from the lists of what is inside, each made once. Arrays are
 * listed element by element while that is short; longer ones become a row, which is one
 * entry. A row of rows that is no plain table is cut.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/types/layout_internal.h"
#include "libheapsnap/types/layout_rust.h"

#define LISTED_MAX 64 /* pointers of one array */
#define SLOTS_MAX 4096
#define DEPTH_MAX 48
#define PATH_MAX_BYTES 2000

struct listing {
    struct hs_layouts *layouts;
    struct hs_type *type;
    HS_ARRAY(struct hs_type_slot) slots;
};

static const char *join(struct listing *listing, const char *left, const char *right)
{
    if (!right[0])
        return left;
    if (!left[0])
        return right;
    if (strlen(left) + strlen(right) > PATH_MAX_BYTES)
        return NULL;
    return hs_text_format(&listing->layouts->text, "%s%s", left, right);
}

/* `slot` is already in place but for `offset`. */
static void add_slot(struct listing *listing, struct hs_type_slot slot, uint64_t offset)
{
    if (!slot.path || !slot.tail || offset + slot.offset > UINT32_MAX
        || listing->slots.count >= SLOTS_MAX) {
        listing->type->flags |= HS_TYPE_CUT;
        return;
    }
    slot.offset += (uint32_t)offset;
    if (!hs_array_push(&listing->slots, slot))
        listing->type->flags |= HS_TYPE_CUT;
}

/* What goes on to the end of a block ends with its type when that is inside another. */
static bool close_row(struct hs_type_slot *slot, const struct hs_type *inner)
{
    if (slot->count != 0)
        return true;
    if (inner->size <= slot->offset)
        return false;
    slot->count =
        (uint32_t)((inner->size - slot->offset + slot->stride - 1) / slot->stride);
    return slot->count > 1;
}

/* The pointers of `inner`, which lies at `offset`, under the name of `prefix`. */
static void add_all(struct listing *listing, const struct hs_type *inner, uint64_t offset,
                    const char *prefix, uint32_t flags, bool is_last)
{
    listing->type->flags |= inner->flags & HS_TYPE_CUT;
    for (uint32_t i = 0; i < inner->n_slots && prefix; i++) {
        struct hs_type_slot slot = inner->slots[i];
        if (!is_last && !close_row(&slot, inner)) {
            if (slot.count == 0)
                continue;
            slot.path =
                hs_text_format(&listing->layouts->text, "%s[0]%s", slot.path, slot.tail);
            slot.tail = "";
            slot.stride = 0;
            if (!slot.path)
                continue;
        }
        slot.path = join(listing, prefix, slot.path);
        slot.flags |= flags;
        add_slot(listing, slot, offset);
    }
}

/* One row for each pointer of the element; false when it has rows itself. */
static bool add_rows(struct listing *listing, const struct hs_type *element,
                     uint64_t offset, uint64_t count, const char *prefix, uint32_t flags)
{
    for (uint32_t i = 0; i < element->n_slots; i++) {
        struct hs_type_slot slot = element->slots[i];
        bool is_table = slot.count > 1 && !slot.tail[0] && !slot.path[0]
                        && (uint64_t)slot.stride * slot.count == element->size;
        uint64_t rows = is_table ? count * slot.count : count;
        if ((slot.count != 1 && !is_table) || rows > UINT32_MAX
            || element->size > UINT32_MAX)
            return false;
        slot.stride = is_table ? slot.stride : (uint32_t)element->size;
        slot.tail = slot.path;
        slot.path = prefix;
        slot.count = (uint32_t)rows;
        slot.flags |= flags;
        add_slot(listing, slot, offset);
    }
    return true;
}

/* `count` elements; 0: as many as the block has. */
static void add_array(struct listing *listing, const struct hs_type *element,
                      uint64_t offset, uint64_t count, const char *prefix, uint32_t flags)
{
    listing->type->flags |= element->flags & HS_TYPE_CUT;
    if (element->n_slots == 0 || element->size == 0 || count >= UINT32_MAX)
        return;
    bool is_short =
        count > 0 && count <= LISTED_MAX && element->n_slots * count <= LISTED_MAX;
    size_t before = listing->slots.count;
    if (!is_short && add_rows(listing, element, offset, count, prefix, flags))
        return;
    listing->slots.count = before;
    if (count == 0 || count > LISTED_MAX) {
        listing->type->flags |= HS_TYPE_CUT;
        return;
    }
    for (uint64_t i = 0; i < count && prefix; i++) {
        const char *path =
            hs_text_format(&listing->layouts->text, "%s[%u]", prefix, (unsigned)i);
        add_all(listing, element, offset + i * element->size, path, flags, false);
    }
}

static struct hs_layout_entry *listed(struct listing *listing, uint32_t type)
{
    struct hs_layout_entry *entry = hs_layouts_entry(listing->layouts, type);
    if (entry)
        hs_layouts_list_slots(listing->layouts, entry);
    return entry;
}

/* ---- kinds ---- */

static void list_pointer(struct listing *listing, const struct hs_layout_entry *entry)
{
    const struct hs_layout_entry *target =
        hs_layouts_entry(listing->layouts, entry->type.element);
    bool is_function = target && target->type.kind == HS_TYPE_FUNCTION;
    struct hs_type_slot slot = {
        .target = entry->type.element,
        .count = 1,
        .flags = (entry->derived_flags & HS_LAYOUT_REFERENCE ? HS_SLOT_REFERENCE : 0)
                 | (is_function ? HS_SLOT_FUNCTION : 0),
        .path = "",
        .tail = "",
    };
    add_slot(listing, slot, 0);
}

static void list_array(struct listing *listing, const struct hs_layout_entry *entry)
{
    const struct hs_layout_entry *element = listed(listing, entry->type.element);
    if (element && entry->type.count > 0)
        add_array(listing, &element->type, 0, entry->type.count, "", 0);
}

/* A last array that goes on behind the type: "[]", and in C also "[0]" and "[1]". */
static bool goes_on(const struct hs_layout_entry *member, bool is_last, bool is_class)
{
    if (!is_last || member->type.kind != HS_TYPE_ARRAY)
        return false;
    return (member->derived_flags & HS_LAYOUT_OPEN) || member->type.count == 0
           || (!is_class && member->type.count == 1);
}

static void list_flexible(struct listing *listing, const struct hs_layout_entry *array,
                          uint32_t offset, const char *path)
{
    const struct hs_layout_entry *element = listed(listing, array->type.element);
    if (!element || element->type.size == 0 || element->type.size > UINT32_MAX)
        return;
    listing->type->flexible_offset = offset;
    listing->type->flexible_stride = (uint32_t)element->type.size;
    add_array(listing, &element->type, offset, 0, path, 0);
}

static void list_member(struct listing *listing, const struct hs_layout_table *table,
                        uint32_t module, const struct hs_layout_member *member,
                        bool is_last)
{
    struct hs_layouts *layouts = listing->layouts;
    struct hs_layout_entry *of =
        listed(listing, hs_layouts_number(layouts, module, member->type));
    const char *name = table->strings + member->name;
    if (!of)
        return;
    bool is_union = listing->type->kind == HS_TYPE_UNION;
    uint32_t flags = (is_union ? HS_SLOT_UNION : 0)
                     | (member->flags & HS_MEMBER_VARIANT ? HS_SLOT_VARIANT : 0)
                     | (member->flags & HS_MEMBER_VTABLE ? HS_SLOT_VTABLE : 0);
    const char *path = "";
    bool has_slots = of->type.n_slots > 0 || of->type.kind == HS_TYPE_ARRAY;
    if (name[0] && has_slots)
        path = hs_text_format(&layouts->text, ".%.500s", name);
    if (goes_on(of, is_last && !is_union, listing->type->flags & HS_TYPE_CLASS)) {
        list_flexible(listing, of, member->offset, path ? path : "");
        return;
    }
    add_all(listing, &of->type, member->offset, path, flags, is_last && !is_union);
    if (is_last && !is_union && of->type.flexible_stride > 0) {
        listing->type->flexible_offset = member->offset + of->type.flexible_offset;
        listing->type->flexible_stride = of->type.flexible_stride;
    }
}

static void list_bases(struct listing *listing, uint32_t module,
                       const struct hs_layout_member *members, uint32_t count)
{
    struct hs_layouts *layouts = listing->layouts;
    struct hs_type_base *bases =
        hs_text_allocate(&layouts->text, count * sizeof(*bases) + 1);
    uint32_t n_bases = 0;
    for (uint32_t i = 0; bases && i < count; i++)
        if (members[i].flags & HS_MEMBER_BASE)
            bases[n_bases++] = (struct hs_type_base){
                hs_layouts_number(layouts, module, members[i].type), members[i].offset};
    listing->type->bases = bases;
    listing->type->n_bases = n_bases;
}

static void list_arguments(struct listing *listing, uint32_t module,
                           const uint32_t *arguments, uint32_t count)
{
    struct hs_layouts *layouts = listing->layouts;
    uint32_t *numbers = hs_text_allocate(&layouts->text, count * sizeof(*numbers) + 1);
    for (uint32_t i = 0; numbers && i < count; i++)
        numbers[i] = hs_layouts_number(layouts, module, arguments[i]);
    listing->type->arguments = numbers;
    listing->type->n_arguments = numbers ? count : 0;
}

/* Pointers to bytes that are more. */
static void retarget(struct listing *listing, const char *name)
{
    struct hs_layouts *layouts = listing->layouts;
    uint32_t target = hs_layouts_rust_target(layouts, name, listing->type->arguments,
                                             listing->type->n_arguments);
    for (size_t i = 0; target != HS_TYPE_NONE && i < listing->slots.count; i++)
        if (hs_layouts_is_bytes(layouts, listing->slots.at[i].target))
            listing->slots.at[i].target = target;
}

static void list_aggregate(struct listing *listing, const struct hs_layout_entry *entry)
{
    const struct hs_layout_table *table;
    const struct hs_layout_type *record =
        hs_layouts_record(listing->layouts, entry, &table);
    const struct hs_layout_member *members = table->members + record->members;
    uint32_t last = 0;
    for (uint32_t i = 0; i < record->n_members; i++)
        if (members[i].offset >= members[last].offset)
            last = i;
    for (uint32_t i = 0; i < record->n_members; i++)
        list_member(listing, table, entry->module, &members[i], i == last);
    list_bases(listing, entry->module, members, record->n_members);
    list_arguments(listing, entry->module, table->arguments + record->arguments,
                   record->n_arguments);
    if (listing->type->flags & HS_TYPE_CLASS)
        retarget(listing, table->strings + record->name);
}

/* ---- the list ---- */

static int by_offset(const void *left, const void *right)
{
    const struct hs_type_slot *a = left, *b = right;
    bool is_row_a = a->count != 1, is_row_b = b->count != 1;
    if (is_row_a != is_row_b)
        return is_row_a ? 1 : -1;
    if (a->offset != b->offset)
        return a->offset < b->offset ? -1 : 1;
    int order = strcmp(a->path, b->path);
    return order ? order : strcmp(a->tail, b->tail);
}

static void keep(struct listing *listing)
{
    struct hs_type *type = listing->type;
    size_t count = listing->slots.count;
    struct hs_type_slot *kept =
        hs_text_allocate(&listing->layouts->text, count * sizeof(*kept));
    if (count == 0 || !kept)
        return;
    qsort(listing->slots.at, count, sizeof(*listing->slots.at), by_offset);
    memcpy(kept, listing->slots.at, count * sizeof(*kept));
    type->slots = kept;
    type->n_slots = (uint32_t)count;
    while (type->n_singles < type->n_slots && kept[type->n_singles].count == 1)
        type->n_singles++;
}

void hs_layouts_list_slots(struct hs_layouts *layouts, struct hs_layout_entry *entry)
{
    if (entry->is_listed)
        return;
    /* Malformed: a type inside itself. */
    if (entry->is_listing || layouts->depth >= DEPTH_MAX) {
        entry->type.flags |= HS_TYPE_CUT;
        return;
    }
    struct listing listing = {.layouts = layouts, .type = &entry->type};
    entry->is_listing = true;
    layouts->depth++;
    switch (entry->type.kind) {
    case HS_TYPE_POINTER:
        list_pointer(&listing, entry);
        break;
    case HS_TYPE_ARRAY:
        list_array(&listing, entry);
        break;
    case HS_TYPE_STRUCT:
    case HS_TYPE_UNION:
        list_aggregate(&listing, entry);
        break;
    default:
        break;
    }
    keep(&listing);
    free(listing.slots.at);
    layouts->depth--;
    entry->is_listing = false;
    entry->is_listed = true;
}

/* ---- looking up ---- */

size_t hs_type_slots_at(const struct hs_type *type, uint64_t offset,
                        struct hs_type_hit *ret, size_t n)
{
    size_t count = 0;
    uint32_t low = 0, high = type->n_singles;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (type->slots[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < type->n_singles && type->slots[low].offset == offset && count < n; low++)
        ret[count++] = (struct hs_type_hit){&type->slots[low], 0};
    for (uint32_t i = type->n_singles; i < type->n_slots && count < n; i++) {
        const struct hs_type_slot *row = &type->slots[i];
        uint64_t index = offset >= row->offset && row->stride
                             ? (offset - row->offset) / row->stride
                             : 0;
        if (offset < row->offset || (offset - row->offset) % row->stride != 0
            || (row->count != 0 && index >= row->count))
            continue;
        ret[count++] = (struct hs_type_hit){row, index};
    }
    return count;
}

int hs_type_hit_path(const struct hs_type_hit *hit, char *buffer, size_t size)
{
    if (hit->slot->count == 1)
        return snprintf(buffer, size, "%s", hit->slot->path);
    return snprintf(buffer, size, "%s[%llu]%s", hit->slot->path,
                    (unsigned long long)hit->index, hit->slot->tail);
}

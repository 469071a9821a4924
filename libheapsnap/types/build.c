// SPDX-License-Identifier: MIT

/*
 * Names, sizes and slots of shapes, from DWARF types and from what is known of nodes.
 *
 * A type's slots come flattened ("users._M_t._M_impl._M_header._M_parent"); those inside
 * a container are renamed and led to what the container really holds. A node is a head of
 * links to its own kind with a value behind it.
 */

#include <stdio.h>
#include <string.h>

#include "libheapsnap/types/container.h"
#include "libheapsnap/types/display.h"
#include "libheapsnap/types/shape.h"

/* A node's links, and where its value begins. */
struct node_layout {
    const char *word; /* goes behind the value's name */
    uint32_t n_links, value;
    const char *links[3];
    uint32_t first; /* offset of the first link */
    uint32_t more;  /* bytes that may follow the value */
};

static const struct node_layout *node_layout(enum hs_shape_kind kind)
{
    static const struct node_layout list = {" (list node)",   2, 16,
                                            {"next", "prev"}, 0, 0};
    static const struct node_layout forward = {" (list node)", 1, 8, {"next"}, 0, 0};
    static const struct node_layout tree = {
        " (tree node)", 3, 32, {"parent", "left", "right"}, 8, 0};
    static const struct node_layout hash = {" (hash node)", 1, 8, {"next"}, 0, 8};
    switch (kind) {
    case HS_SHAPE_LIST_NODE:
        return &list;
    case HS_SHAPE_FORWARD_NODE:
        return &forward;
    case HS_SHAPE_TREE_NODE:
        return &tree;
    case HS_SHAPE_HASH_NODE:
        return &hash;
    default:
        return NULL;
    }
}

/* ---- name and size ---- */

static const char *join(struct hs_shapes *shapes, const char *name, const char *word)
{
    return hs_text_format(&shapes->text, "%s%s", name, word);
}

static const char *name_text(const struct hs_type *type)
{
    return type->name ? type->name : "char";
}

/* Pointers that a container keeps in a row: to its nodes, to its chunks. */
static bool describe_pointers(struct hs_shapes *shapes, struct hs_shape *shape,
                              const char *value)
{
    shape->size = 8;
    shape->name =
        join(shapes, value,
             shape->kind == HS_SHAPE_DEQUE_MAP ? " (deque map)" : " (hash buckets)");
    shape->row_name = shape->name;
    shape->is_container = shape->is_complete = true;
    return shape->name != NULL;
}

static bool describe_node(struct hs_shapes *shapes, struct hs_shape *shape,
                          const struct hs_type *type, const char *value)
{
    const struct node_layout *layout = node_layout(shape->kind);
    shape->size = (layout->value + type->size + 7) & ~(uint64_t)7;
    shape->name = join(shapes, value, layout->word);
    shape->row_name = shape->name;
    shape->is_container = shape->is_complete = true;
    return shape->name != NULL;
}

static bool describe_object(struct hs_shapes *shapes, struct hs_shape *shape,
                            const struct hs_type *type, const char *name)
{
    shape->size = type->size;
    shape->is_flexible = type->flexible_stride != 0;
    shape->is_complete = !(type->flags & HS_TYPE_CUT);
    shape->name = name;
    shape->row_name = join(shapes, name, "[]");
    if (shape->kind == HS_SHAPE_ROW || shape->kind == HS_SHAPE_COUNTED_ROW)
        shape->name = shape->row_name;
    if (shape->kind == HS_SHAPE_COUNTED_ROW)
        shape->lead = 8;
    return shape->name && shape->row_name;
}

bool hs_shape_describe(struct hs_shapes *shapes, struct hs_shape *shape)
{
    if (shape->kind == HS_SHAPE_NAMED) {
        shape->row_name = shape->name;
        return shape->name != NULL;
    }
    const struct hs_type *type = hs_layouts_type(shapes->layouts, shape->type);
    const char *name =
        type ? hs_type_display(&shapes->text, type->name ? type->name : "(unnamed)")
             : NULL;
    if (!name)
        return false;
    switch (shape->kind) {
    case HS_SHAPE_TEXT:
        shape->size = type->size ? type->size : 1;
        shape->name = shape->row_name = join(shapes, name_text(type), "[]");
        shape->is_complete = true;
        return shape->name != NULL;
    case HS_SHAPE_HASH_BUCKETS:
    case HS_SHAPE_DEQUE_MAP:
        return describe_pointers(shapes, shape, name);
    case HS_SHAPE_PART:
        shape->size = type->size;
        shape->name = shape->row_name =
            hs_text_format(&shapes->text, "(%s at +0x%x)", name, (unsigned)shape->lead);
        return shape->name != NULL;
    case HS_SHAPE_SHARED:
        shape->size = (16 + type->size + 7) & ~(uint64_t)7;
        shape->name = shape->row_name = join(shapes, name, " (make_shared)");
        shape->is_container = true;
        return shape->name != NULL;
    default:
        return node_layout(shape->kind) ? describe_node(shapes, shape, type, name)
                                        : describe_object(shapes, shape, type, name);
    }
}

/* ---- slots ---- */

void hs_shape_slots_add(struct hs_shape_slots *slots, struct hs_shape_slot slot)
{
    if (!hs_array_push(&slots->at, slot))
        slots->has_failed = true;
}

/* "prefix.path" without a dot at either end. */
static const char *join_path(struct hs_shapes *shapes, const char *prefix,
                             const char *path)
{
    path += *path == '.';
    bool has_dot = *prefix && *path && *path != '[' && *path != ' ';
    const char *joined =
        hs_text_format(&shapes->text, "%s%s%s", prefix, has_dot ? "." : "", path);
    return joined ? joined : "";
}

static void add_slot(struct hs_shapes *shapes, struct hs_shape_slots *slots,
                     uint32_t type, const struct hs_type_slot *from, uint32_t offset,
                     const char *prefix)
{
    if (from->flags & (HS_SLOT_VTABLE | HS_SLOT_FUNCTION))
        return;
    struct hs_shape_slot slot = {
        .count = from->count,
        .stride = from->stride,
        .path = from->path,
        .tail = from->tail ? from->tail : "",
    };
    if (!hs_container_apply(shapes, type, from, &slot))
        slot.target = hs_shapes_target(shapes, from->target);
    slot.offset = from->offset + offset;
    slot.path = join_path(shapes, prefix, slot.path);
    hs_shape_slots_add(slots, slot);
}

void hs_shape_slots_add_value(struct hs_shapes *shapes, struct hs_shape_slots *slots,
                              uint32_t type, uint32_t offset, const char *prefix)
{
    const struct hs_type *info = hs_layouts_type(shapes->layouts, type);
    if (!info)
        return;
    if (info->kind == HS_TYPE_POINTER) {
        struct hs_shape_slot slot = {.offset = offset,
                                     .count = 1,
                                     .target = hs_shapes_target(shapes, info->element),
                                     .path = prefix,
                                     .tail = ""};
        hs_shape_slots_add(slots, slot);
        return;
    }
    for (uint32_t i = 0; i < info->n_slots; i++)
        add_slot(shapes, slots, type, &info->slots[i], offset, prefix);
}

static void add_node(struct hs_shapes *shapes, struct hs_shape_slots *slots,
                     const struct hs_shape *shape)
{
    const struct node_layout *layout = node_layout(shape->kind);
    uint32_t own = hs_shapes_of(shapes, shape->kind, shape->type);
    for (uint32_t i = 0; i < layout->n_links; i++) {
        struct hs_shape_slot slot = {.offset = layout->first + 8 * i,
                                     .count = 1,
                                     .target = own,
                                     .path = layout->links[i],
                                     .tail = ""};
        hs_shape_slots_add(slots, slot);
    }
    const struct hs_type *value = hs_layouts_type(shapes->layouts, shape->type);
    hs_shape_slots_add_value(shapes, slots, shape->type, layout->value,
                             value && value->kind == HS_TYPE_POINTER ? "value" : "");
}

static void add_pointers(struct hs_shapes *shapes, struct hs_shape_slots *slots,
                         const struct hs_shape *shape)
{
    enum hs_shape_kind target =
        shape->kind == HS_SHAPE_DEQUE_MAP ? HS_SHAPE_ROW : HS_SHAPE_HASH_NODE;
    struct hs_shape_slot slot = {.count = 1,
                                 .target = hs_shapes_of(shapes, target, shape->type),
                                 .path = "",
                                 .tail = ""};
    hs_shape_slots_add(slots, slot);
}

static int by_offset(const void *left, const void *right)
{
    const struct hs_shape_slot *a = left, *b = right;
    bool a_is_row = a->count != 1, b_is_row = b->count != 1;
    if (a_is_row != b_is_row)
        return a_is_row ? 1 : -1;
    if (a->offset != b->offset)
        return a->offset < b->offset ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

static void finish(struct hs_shapes *shapes, struct hs_shape *shape,
                   struct hs_shape_slots *slots)
{
    size_t count = slots->has_failed ? 0 : slots->at.count;
    struct hs_shape_slot *kept = hs_text_allocate(&shapes->text, count * sizeof(*kept));
    for (size_t i = 0; kept && i < count; i++) {
        kept[i] = slots->at.at[i];
        kept[i].number = shapes->n_slots++;
        shape->n_singles += kept[i].count == 1;
    }
    if (kept && count > 0)
        qsort(kept, count, sizeof(*kept), by_offset);
    shape->slots = kept;
    shape->n_slots = kept ? (uint32_t)count : 0;
    free(slots->at.at);
}

void hs_shape_build(struct hs_shapes *shapes, struct hs_shape *shape)
{
    struct hs_shape_slots slots = {0};
    switch (shape->kind) {
    case HS_SHAPE_TEXT:
    case HS_SHAPE_NAMED:
        break;
    case HS_SHAPE_DEQUE_MAP:
    case HS_SHAPE_HASH_BUCKETS:
        add_pointers(shapes, &slots, shape);
        break;
    case HS_SHAPE_SHARED:
        hs_shape_slots_add_value(shapes, &slots, shape->type, 16, "");
        break;
    case HS_SHAPE_PART:
    case HS_SHAPE_OBJECT:
    case HS_SHAPE_TAILED:
    case HS_SHAPE_ROW:
    case HS_SHAPE_COUNTED_ROW:
        hs_shape_slots_add_value(shapes, &slots, shape->type, 0, "");
        break;
    default:
        add_node(shapes, &slots, shape);
    }
    finish(shapes, shape, &slots);
}

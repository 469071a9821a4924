// SPDX-License-Identifier: MIT

/*
 * Where types begin: objects that carry their class's table, variables that DWARF
 * describes, and code that keeps what it has just allocated in a typed variable.
 */

#include <stdio.h>
#include <string.h>

#include "libheapsnap/base/guard.h"
#include "libheapsnap/types/display.h"
#include "libheapsnap/types/propagate.h"

#define PLACES_MAX 8

/* ---- tables of virtual functions ---- */

/* "Foo" of "std::_Sp_counted_ptr_inplace<Foo, std::allocator<void>, …>" and its kin. */
static uint32_t made_shared(struct hs_types *types, const char *class_name)
{
    static const char *const prefixes[] = {"std::_Sp_counted_ptr_inplace<",
                                           "std::__1::__shared_ptr_emplace<"};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        size_t length = strlen(prefixes[i]);
        if (strncmp(class_name, prefixes[i], length) != 0)
            continue;
        const char *start = class_name + length, *end = start;
        for (int depth = 0; *end && (depth > 0 || *end != ','); end++)
            depth += (*end == '<') - (*end == '>');
        const char *name =
            hs_text_format(&types->shapes.text, "%.*s", (int)(end - start), start);
        if (!name)
            return HS_SHAPE_NONE;
        uint32_t type =
            types->layouts ? hs_layouts_find(types->layouts, name) : HS_TYPE_NONE;
        if (type != HS_TYPE_NONE)
            return hs_shapes_of(&types->shapes, HS_SHAPE_SHARED, type);
        const char *shown = hs_type_display(&types->shapes.text, name);
        shown =
            shown ? hs_text_format(&types->shapes.text, "%s (make_shared)", shown) : NULL;
        return shown ? hs_shapes_named(&types->shapes, shown) : HS_SHAPE_NONE;
    }
    return HS_SHAPE_NONE;
}

/* One object of the class, or a row of them behind its length. */
static uint32_t class_shape(struct hs_types *types, uint64_t block_size, bool is_row,
                            const char *class_name)
{
    uint32_t type =
        types->layouts ? hs_layouts_find(types->layouts, class_name) : HS_TYPE_NONE;
    const struct hs_type *info =
        type == HS_TYPE_NONE ? NULL : hs_layouts_type(types->layouts, type);
    const char *shown = hs_type_display(&types->shapes.text, class_name);
    if (!shown)
        return HS_SHAPE_NONE;
    if (!is_row)
        return info && info->size > 0
                   ? hs_shapes_of(&types->shapes, HS_SHAPE_OBJECT, type)
                   : hs_shapes_named(&types->shapes, shown);
    if (info && info->size > 0)
        return block_size > 8 && (block_size - 8) / info->size > 0
                   ? hs_shapes_of(&types->shapes, HS_SHAPE_COUNTED_ROW, type)
                   : HS_SHAPE_NONE;
    const char *row = hs_text_format(&types->shapes.text, "%s[]", shown);
    return row ? hs_shapes_named(&types->shapes, row) : HS_SHAPE_NONE;
}

/* A block whose object begins at `start`. */
static void claim_class(struct hs_types *types, uint32_t block, uint64_t start,
                        const char *class_name)
{
    if (start != 0 && start != 8)
        return; /* a member of something that has no table itself */
    uint64_t size = hs_types_block(types, block).size;
    uint32_t shape = start == 0 ? made_shared(types, class_name) : HS_SHAPE_NONE;
    if (shape == HS_SHAPE_NONE)
        shape = class_shape(types, size, start == 8, class_name);
    hs_types_claim(types, block, shape, HS_RANK_TABLE, HS_ORIGIN_VTABLE);
}

void hs_types_seed_vtables(struct hs_types *types)
{
    const struct hs_capture *capture = types->capture;
    uint32_t last = UINT32_MAX; /* the block whose class is known by now */
    for (size_t i = 0; i < capture->n_words; i++) {
        const struct hs_capture_word *word = &capture->words[i];
        if (word->block == last)
            continue;
        const struct hs_vtable *table = hs_vtables_find(types->vtables, word->value);
        uint64_t place = (uint64_t)word->word * 8;
        uint64_t front = hs_types_header(types, word->block);
        if (!table || table->to_start + front > place)
            continue;
        claim_class(types, word->block, place - table->to_start - front,
                    table->class_name);
        last = word->block;
    }
}

/* ---- variables ---- */

/* The variable that a root's pointer lies in, and where in it. */
static const struct hs_variable *find_variable(const struct hs_types *types,
                                               const struct hs_capture_root_edge *edge,
                                               uint64_t *ret_offset)
{
    const struct hs_capture_root *root = &types->capture->roots[edge->root];
    const struct hs_variable *variable;
    if (!types->layouts)
        return NULL;
    switch (root->kind) {
    case HS_ROOT_MODULE:
        variable = hs_layouts_variable(types->layouts, edge->address);
        if (variable)
            *ret_offset = edge->address - variable->address;
        return variable;
    case HS_ROOT_TLS:
        return hs_layouts_thread_variable(
            types->layouts, types->capture->threads[root->owner].thread_pointer,
            edge->address, ret_offset);
    case HS_ROOT_STACK:
        return hs_layouts_stack_variable(types->layouts, root->owner, edge->address,
                                         ret_offset);
    default:
        return NULL;
    }
}

static size_t variable_places(struct hs_types *types, const struct hs_variable *variable,
                              uint64_t offset, struct hs_place *ret)
{
    uint32_t number = hs_shapes_of(&types->shapes, HS_SHAPE_OBJECT, variable->type);
    if (number == HS_SHAPE_NONE)
        return 0;
    return hs_shape_places(hs_shapes_get(&types->shapes, number), false, offset, ret,
                           PLACES_MAX);
}

void hs_types_seed_variables(struct hs_types *types)
{
    const struct hs_capture *capture = types->capture;
    for (size_t i = 0; i < capture->n_root_edges; i++) {
        const struct hs_capture_root_edge *edge = &capture->root_edges[i];
        uint64_t offset;
        const struct hs_variable *variable = find_variable(types, edge, &offset);
        struct hs_place places[PLACES_MAX];
        size_t count = variable ? variable_places(types, variable, offset, places) : 0;
        /* What a stack holds may be what it held before. */
        enum hs_rank limit =
            capture->roots[edge->root].kind == HS_ROOT_STACK ? HS_RANK_ROW : HS_RANK_FITS;
        for (size_t j = 0; j < count; j++)
            hs_types_claim_by_pointer(types, edge->to, edge->inside,
                                      places[j].slot->target, limit, HS_ORIGIN_VARIABLE);
    }
}

bool hs_types_root_place(const struct hs_types *types,
                         const struct hs_capture_root_edge *edge,
                         const struct hs_variable **ret_variable,
                         struct hs_place *ret_place)
{
    /* Shapes only grow: to look is to build. */
    struct hs_types *self = (struct hs_types *)(uintptr_t)types;
    uint64_t offset;
    const struct hs_variable *variable = find_variable(types, edge, &offset);
    if (!variable)
        return false;
    struct hs_place places[PLACES_MAX];
    size_t count = variable_places(self, variable, offset, places);
    *ret_variable = variable;
    *ret_place = count > 0 ? places[0] : (struct hs_place){0};
    return count > 0 || offset == 0;
}

/* ---- sites ---- */

/* What the code at one allocation stack says of blocks of one size. */
struct said {
    uint64_t size;
    uint32_t shape;
    uint8_t certainty; /* enum hs_site_certainty */
    bool is_asked, is_struct;
};

static struct said ask(struct hs_types *types, uint32_t stack, uint64_t size)
{
    enum hs_site_certainty certainty = HS_SITE_NOTHING;
    uint32_t type = hs_layouts_site_sized(types->layouts, stack, size, &certainty);
    const struct hs_type *info =
        type == HS_TYPE_NONE ? NULL : hs_layouts_type(types->layouts, type);
    if (!info)
        return (struct said){.size = size, .is_asked = true};
    return (struct said){.size = size,
                         .shape = hs_shapes_target(&types->shapes, type),
                         .certainty = (uint8_t)certainty,
                         .is_asked = true,
                         .is_struct = info->kind == HS_TYPE_STRUCT};
}

/* What was said from further away counts when a structure's size confirms it. */
static enum hs_rank limit_of(const struct said *said,
                             const struct hs_capture_block *block, uint64_t size)
{
    switch (said->certainty) {
    case HS_SITE_EXACT:
        return HS_RANK_SITE;
    case HS_SITE_LIKELY:
        return HS_RANK_FITS;
    case HS_SITE_WEAK:
        return said->is_struct && hs_block_is_exact(block, size) ? HS_RANK_ROW
                                                                 : HS_RANK_GUESS;
    default:
        return HS_RANK_NONE;
    }
}

void hs_types_seed_sites(struct hs_types *types)
{
    const struct hs_capture *capture = types->capture;
    hs_auto_free struct said *stacks = calloc(capture->n_frames + 1, sizeof(*stacks));
    if (!stacks) {
        types->has_failed = true;
        return;
    }
    for (uint32_t i = 0; i < capture->n_blocks; i++) {
        const struct hs_capture_block data = hs_types_block(types, i), *block = &data;
        if (block->stack <= HS_STACK_UNKNOWN || (block->flags & HS_BLOCK_MAPPING))
            continue;
        struct said *said = &stacks[block->stack];
        /* As a rule a stack makes blocks of one size, or one size after another. */
        if (!said->is_asked || said->size != block->size)
            *said = ask(types, block->stack, block->size);
        if (said->shape == HS_SHAPE_NONE)
            continue;
        hs_types_claim(types, i, said->shape,
                       limit_of(said, block, types->shapes.all.at[said->shape]->size),
                       HS_ORIGIN_SITE);
        if (said->is_struct && said->certainty != HS_SITE_EXACT)
            hs_types_note_longer(types, i, said->shape, said->certainty == HS_SITE_WEAK);
    }
}

// SPDX-License-Identifier: MIT

/*
 * The end of building: declarations become their definitions, what is equal now becomes
 * one, and all is laid out as a table.
 *
 * Equal means: no path through members and pointers tells two types apart. Types start in
 * one class for each layout of their own, and classes are split for as long as two of their
 * types refer to different classes (partition refinement).
 */

#include <stdlib.h>
#include <string.h>

#include "libheapsnap/base/guard.h"
#include "libheapsnap/types/layout_builder.h"
#include "libheapsnap/types/layout_name.h"

/* Chains longer than this are told apart by their beginnings. */
#define ROUNDS_MAX 24

struct merge {
    struct hs_layout_builder *builder;
    uint32_t count;
    uint32_t *becomes; /* declaration -> definition, else itself */
    uint64_t *classes;
    uint32_t *first; /* of its class; then its place in the table */
};

/* A definition for each declared name, unless several differ. */
static bool resolve_declarations(struct merge *merge)
{
    struct hs_layout_builder *builder = merge->builder;
    struct hs_layout_map by_name = {0};
    bool is_fine = true;
    const uint32_t ambiguous = HS_LAYOUT_ABSENT - 1;
    for (uint32_t i = 0; i < merge->count && is_fine; i++) {
        const struct hs_layout_type *type = &builder->all.types.at[i];
        bool is_definition = type->kind == HS_TYPE_STRUCT || type->kind == HS_TYPE_UNION
                             || (type->kind == HS_TYPE_SCALAR && type->size > 0);
        if (!is_definition || type->name == 0)
            continue;
        uint32_t other = hs_layout_map_get(&by_name, type->name);
        if (other == HS_LAYOUT_ABSENT)
            is_fine = hs_layout_map_put(&by_name, type->name, i);
        else if (other != ambiguous
                 && builder->hashes[other].at[0] != builder->hashes[i].at[0])
            is_fine = hs_layout_map_put(&by_name, type->name, ambiguous);
    }
    for (uint32_t i = 0; i < merge->count; i++) {
        const struct hs_layout_type *type = &builder->all.types.at[i];
        uint32_t found = type->kind == HS_TYPE_DECLARED
                             ? hs_layout_map_get(&by_name, type->name)
                             : HS_LAYOUT_ABSENT;
        merge->becomes[i] = found < ambiguous ? found : i;
    }
    free(by_name.at);
    return is_fine;
}

static uint64_t class_of(const struct merge *merge, uint32_t type)
{
    return type == HS_TYPE_NONE ? 1 : merge->classes[merge->becomes[type]];
}

static uint64_t refined(const struct merge *merge, uint32_t index)
{
    const struct hs_layout_types *all = &merge->builder->all;
    const struct hs_layout_type *type = &all->types.at[index];
    uint64_t hash = hs_layout_mix(merge->builder->hashes[index].at[0],
                                  class_of(merge, type->element));
    for (uint32_t i = 0; i < type->n_members; i++)
        hash =
            hs_layout_mix(hash, class_of(merge, all->members.at[type->members + i].type));
    for (uint32_t i = 0; i < type->n_arguments; i++)
        hash =
            hs_layout_mix(hash, class_of(merge, all->arguments.at[type->arguments + i]));
    return hash;
}

/* How many classes there are; notes the first type of each. 0 without memory. */
static uint32_t count_classes(struct merge *merge)
{
    struct hs_layout_map seen = {0};
    uint32_t classes = 0;
    for (uint32_t i = 0; i < merge->count; i++) {
        uint64_t key = merge->classes[i] | 1;
        uint32_t first = hs_layout_map_get(&seen, key);
        merge->first[i] = first == HS_LAYOUT_ABSENT ? i : first;
        if (first != HS_LAYOUT_ABSENT)
            continue;
        classes++;
        if (!hs_layout_map_put(&seen, key, i)) {
            classes = 0;
            break;
        }
    }
    free(seen.at);
    return classes;
}

static bool refine(struct merge *merge)
{
    hs_auto_free uint64_t *next = calloc(merge->count + 1, sizeof(*next));
    if (!next)
        return false;
    for (uint32_t i = 0; i < merge->count; i++)
        merge->classes[i] = merge->builder->hashes[i].at[0];
    uint32_t classes = count_classes(merge), before = 0;
    for (int round = 0; round < ROUNDS_MAX && classes > before; round++) {
        for (uint32_t i = 0; i < merge->count; i++)
            next[i] = refined(merge, i);
        memcpy(merge->classes, next, merge->count * sizeof(*next));
        before = classes;
        classes = count_classes(merge);
    }
    return classes > 0 || merge->count == 0;
}

/* ---- the table ---- */

struct output {
    struct merge *merge;
    const char *spellings; /* the builder's strings so far; those kept move to new ones */
    struct hs_layout_types types;
    HS_ARRAY(uint32_t) names;
};

static uint32_t place_of(const struct merge *merge, uint32_t type)
{
    return type == HS_TYPE_NONE ? type : merge->first[merge->becomes[type]];
}

/* Number those that stay from 0; `first` is then everyone's place. */
static void number_places(struct merge *merge, uint32_t *ret_count)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < merge->count; i++) {
        bool stays = merge->first[i] == i && merge->becomes[i] == i;
        merge->first[i] = stays ? count++ : merge->first[merge->first[i]];
    }
    *ret_count = count;
}

static uint32_t keep_string(struct output *output, uint32_t spelling)
{
    return hs_layout_builder_string(output->merge->builder, output->spellings + spelling);
}

uint64_t hs_layout_hash(const char *strings, const struct hs_layout_type *type,
                        const struct hs_layout_member *members, const char *name)
{
    uint64_t hash = hs_layout_mix(hs_layout_name_hash(name), type->kind);
    hash = hs_layout_mix(hash, type->size);
    for (uint32_t i = 0; i < type->n_members; i++) {
        hash = hs_layout_mix_text(hash, strings + members[i].name);
        hash = hs_layout_mix(hash, members[i].offset);
    }
    return hash;
}

static bool move_type(struct output *output, uint32_t index)
{
    struct merge *merge = output->merge;
    struct hs_layout_builder *builder = merge->builder;
    struct hs_layout_type type = builder->all.types.at[index];
    uint32_t members = type.members, arguments = type.arguments;
    hs_auto_free char *name = hs_layout_name(output->spellings + type.name);
    if (!name)
        return false;
    type.name = hs_layout_builder_string(builder, name);
    type.name_hash = hs_layout_name_hash(name);
    type.element = place_of(merge, type.element);
    type.members = (uint32_t)output->types.members.count;
    type.arguments = (uint32_t)output->types.arguments.count;
    const struct hs_layout_member *own =
        type.n_members ? &builder->all.members.at[members] : NULL;
    type.hash = hs_layout_hash(output->spellings, &type, own, name);
    for (uint32_t i = 0; i < type.n_members; i++) {
        struct hs_layout_member member = builder->all.members.at[members + i];
        member.type = place_of(merge, member.type);
        member.name = keep_string(output, member.name);
        if (!hs_array_push(&output->types.members, member))
            return false;
    }
    for (uint32_t i = 0; i < type.n_arguments; i++) {
        uint32_t argument = builder->all.arguments.at[arguments + i];
        if (!hs_array_push(&output->types.arguments, place_of(merge, argument)))
            return false;
    }
    if (type.name != 0
        && !hs_array_push(&output->names, (uint32_t)output->types.types.count))
        return false;
    return hs_array_push(&output->types.types, type);
}

static int by_name(const void *left, const void *right, void *context)
{
    const struct hs_layout_type *types = context;
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    if (types[a].name_hash != types[b].name_hash)
        return types[a].name_hash < types[b].name_hash ? -1 : 1;
    /* Definitions first. */
    bool is_a = types[a].kind != HS_TYPE_DECLARED,
         is_b = types[b].kind != HS_TYPE_DECLARED;
    if (is_a != is_b)
        return is_a ? -1 : 1;
    return a < b ? -1 : a > b;
}

static int by_place(const void *left, const void *right)
{
    const struct hs_layout_variable *a = left, *b = right;
    if (a->place != b->place)
        return a->place < b->place ? -1 : 1;
    if (a->address != b->address)
        return a->address < b->address ? -1 : 1;
    return a->size < b->size ? 1 : a->size > b->size ? -1 : 0; /* the larger first */
}

/* Sizes from types; one variable an address. */
static void tidy_variables(struct output *output)
{
    struct hs_layout_builder *builder = output->merge->builder;
    size_t kept = 0;
    for (size_t i = 0; i < builder->variables.count; i++) {
        struct hs_layout_variable variable = builder->variables.at[i];
        variable.type = place_of(output->merge, variable.type);
        if (variable.type == HS_TYPE_NONE)
            continue;
        variable.size = output->types.types.at[variable.type].size;
        variable.name = keep_string(output, variable.name);
        variable.scope = keep_string(output, variable.scope);
        if (variable.size > 0)
            builder->variables.at[kept++] = variable;
    }
    if (kept > 0)
        qsort(builder->variables.at, kept, sizeof(*builder->variables.at), by_place);
    builder->variables.count = 0;
    const struct hs_layout_variable *last = NULL;
    for (size_t i = 0; i < kept; i++) {
        struct hs_layout_variable variable = builder->variables.at[i];
        if (last && last->place == variable.place
            && variable.address - last->address < last->size)
            continue;
        struct hs_layout_variable *next =
            &builder->variables.at[builder->variables.count++];
        *next = variable;
        last = next;
    }
}

static struct hs_layout_header *lay_out(struct output *output)
{
    const struct hs_layout_builder *builder = output->merge->builder;
    const struct {
        const void *at;
        size_t count, size;
    } sections[HS_LAYOUT_SECTIONS] = {
        {builder->strings.at, builder->strings.count, 1},
        {output->types.types.at, output->types.types.count,
         sizeof(struct hs_layout_type)},
        {output->types.members.at, output->types.members.count,
         sizeof(struct hs_layout_member)},
        {output->types.arguments.at, output->types.arguments.count, sizeof(uint32_t)},
        {output->names.at, output->names.count, sizeof(uint32_t)},
        {builder->variables.at, builder->variables.count,
         sizeof(struct hs_layout_variable)},
    };
    size_t size = sizeof(struct hs_layout_header);
    for (size_t i = 0; i < HS_LAYOUT_SECTIONS; i++)
        size += (sections[i].count * sections[i].size + 7) & ~(size_t)7;
    struct hs_layout_header *header = calloc(1, size);
    if (!header)
        return NULL;
    header->magic = HS_LAYOUT_MAGIC;
    header->version = HS_LAYOUT_VERSION;
    header->size = size;
    size_t at = sizeof(*header);
    for (size_t i = 0; i < HS_LAYOUT_SECTIONS; i++) {
        size_t bytes = sections[i].count * sections[i].size;
        header->sections[i].offset = at;
        header->sections[i].count = sections[i].count;
        if (bytes > 0)
            memcpy((char *)header + at, sections[i].at, bytes);
        at += (bytes + 7) & ~(size_t)7;
    }
    return header;
}

static struct hs_layout_header *write_table(struct merge *merge)
{
    struct hs_layout_builder *builder = merge->builder;
    hs_auto_free char *spellings = builder->strings.at;
    struct output output = {.merge = merge, .spellings = spellings};
    hs_auto_free uint32_t *stays = calloc(merge->count + 1, sizeof(*stays));
    struct hs_layout_header *header = NULL;
    uint32_t count;
    for (uint32_t i = 0; stays && i < merge->count; i++)
        stays[i] = merge->first[i] == i && merge->becomes[i] == i;
    number_places(merge, &count);
    free(builder->string_places.at);
    builder->string_places = (struct hs_layout_map){0};
    memset(&builder->strings, 0, sizeof(builder->strings));
    bool is_fine = stays && hs_array_push(&builder->strings, '\0');
    for (uint32_t i = 0; is_fine && i < merge->count; i++)
        if (stays[i])
            is_fine = move_type(&output, i);
    if (is_fine) {
        if (output.names.count > 0)
            qsort_r(output.names.at, output.names.count, sizeof(*output.names.at),
                    by_name, output.types.types.at);
        tidy_variables(&output);
        header = builder->is_full ? NULL : lay_out(&output);
    }
    free(output.types.types.at);
    free(output.types.members.at);
    free(output.types.arguments.at);
    free(output.names.at);
    return header;
}

struct hs_layout_header *hs_layout_builder_finish(struct hs_layout_builder *builder,
                                                  const uint8_t *build_id,
                                                  size_t build_id_size)
{
    struct merge merge = {.builder = builder,
                          .count = (uint32_t)builder->all.types.count};
    merge.becomes = calloc(merge.count + 1, sizeof(*merge.becomes));
    merge.classes = calloc(merge.count + 1, sizeof(*merge.classes));
    merge.first = calloc(merge.count + 1, sizeof(*merge.first));
    struct hs_layout_header *header = NULL;
    builder->is_full = false;
    builder->limit = SIZE_MAX;
    if (merge.becomes && merge.classes && merge.first && resolve_declarations(&merge)
        && refine(&merge))
        header = write_table(&merge);
    if (header) {
        if (build_id_size <= sizeof(header->build_id)) {
            memcpy(header->build_id, build_id, build_id_size);
            header->build_id_size = (uint32_t)build_id_size;
        }
        header->checksum = hs_layout_checksum(header, header->size);
    }
    free(merge.becomes);
    free(merge.classes);
    free(merge.first);
    return header;
}

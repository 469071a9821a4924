// SPDX-License-Identifier: MIT

/* Batches; see the header. */

#include "libheapsnap/types/layout_builder.h"

#include <stdlib.h>
#include <string.h>

void hs_layout_builder_init(struct hs_layout_builder *builder, size_t memory_limit)
{
    *builder = (struct hs_layout_builder){.limit = memory_limit};
    if (!hs_array_push(&builder->strings, '\0'))
        builder->is_full = true;
}

static void types_free(struct hs_layout_types *types)
{
    free(types->types.at);
    free(types->members.at);
    free(types->arguments.at);
}

void hs_layout_builder_deinit(struct hs_layout_builder *builder)
{
    types_free(&builder->all);
    types_free(&builder->batch);
    free(builder->strings.at);
    free(builder->string_places.at);
    free(builder->merged.at);
    free(builder->hashes);
    free(builder->variables.at);
    *builder = (struct hs_layout_builder){0};
}

static size_t types_bytes(const struct hs_layout_types *types)
{
    return types->types.room * sizeof(*types->types.at)
           + types->members.room * sizeof(*types->members.at)
           + types->arguments.room * sizeof(*types->arguments.at);
}

/* Also finds out whether the limit is reached; numbers must stay below HS_BATCH. */
static bool has_room(struct hs_layout_builder *builder)
{
    if (builder->is_full)
        return false;
    size_t bytes = types_bytes(&builder->all) + types_bytes(&builder->batch)
                   + builder->strings.room
                   + (builder->string_places.room + builder->merged.room)
                         * sizeof(struct hs_layout_pair)
                   + builder->variables.room * sizeof(*builder->variables.at)
                   + builder->hashes_room * sizeof(*builder->hashes);
    if (bytes > builder->limit || builder->strings.count > INT32_MAX
        || builder->all.members.count + builder->batch.members.count > INT32_MAX)
        builder->is_full = true;
    return !builder->is_full;
}

/* Longer names are cut: nobody reads them, and a file may repeat one a million times. */
#define STRING_MAX_BYTES 4096

/* The key says nearly surely which text it is; another text with it takes the next. */
uint32_t hs_layout_builder_string(struct hs_layout_builder *builder, const char *text)
{
    if (text[0] == '\0')
        return 0;
    char cut[STRING_MAX_BYTES + 1];
    size_t size = strnlen(text, sizeof(cut)) + 1;
    if (size > sizeof(cut)) {
        memcpy(cut, text, STRING_MAX_BYTES);
        cut[STRING_MAX_BYTES] = '\0';
        text = cut;
        size = sizeof(cut);
    }
    uint64_t key = hs_layout_mix_text(0xcbf29ce484222325ull, text) | 1;
    uint32_t at;
    while ((at = hs_layout_map_get(&builder->string_places, key)) != HS_LAYOUT_ABSENT) {
        if (strcmp(builder->strings.at + at, text) == 0)
            return at;
        key += 2;
    }
    at = (uint32_t)builder->strings.count;
    if (!has_room(builder)
        || !hs_array_reserve(&builder->strings, builder->strings.count + size)
        || !hs_layout_map_put(&builder->string_places, key, at)) {
        builder->is_full = true;
        return 0;
    }
    memcpy(builder->strings.at + at, text, size);
    builder->strings.count += size;
    return at;
}

uint32_t hs_layout_builder_add(struct hs_layout_builder *builder,
                               const struct hs_layout_type *type)
{
    uint32_t number = (uint32_t)builder->batch.types.count | HS_BATCH;
    if (!has_room(builder) || number >= INT32_MAX + HS_BATCH)
        return HS_TYPE_NONE;
    if (hs_array_push(&builder->batch.types, *type))
        return number;
    builder->is_full = true;
    return HS_TYPE_NONE;
}

struct hs_layout_type *hs_layout_builder_type(struct hs_layout_builder *builder,
                                              uint32_t type)
{
    return HS_IS_BATCH(type) ? &builder->batch.types.at[type & ~HS_BATCH]
                             : &builder->all.types.at[type];
}

void hs_layout_builder_member(struct hs_layout_builder *builder, uint32_t type,
                              const struct hs_layout_member *member)
{
    struct hs_layout_type *owner = hs_layout_builder_type(builder, type);
    if (owner->n_members == 0)
        owner->members = (uint32_t)builder->batch.members.count;
    if (has_room(builder) && hs_array_push(&builder->batch.members, *member))
        owner->n_members++;
    else
        builder->is_full = true;
}

void hs_layout_builder_argument(struct hs_layout_builder *builder, uint32_t type,
                                uint32_t argument)
{
    struct hs_layout_type *owner = hs_layout_builder_type(builder, type);
    if (owner->n_arguments == 0)
        owner->arguments = (uint32_t)builder->batch.arguments.count;
    if (has_room(builder) && hs_array_push(&builder->batch.arguments, argument))
        owner->n_arguments++;
    else
        builder->is_full = true;
}

void hs_layout_builder_variable(struct hs_layout_builder *builder,
                                const struct hs_layout_variable *variable)
{
    if (!has_room(builder) || !hs_array_push(&builder->variables, *variable))
        builder->is_full = true;
}

/* ---- the end of a batch ---- */

static uint64_t hash_alone(const struct hs_layout_types *types,
                           const struct hs_layout_type *type)
{
    uint64_t hash = hs_layout_mix(type->kind, type->name);
    hash = hs_layout_mix(hash, type->flags & ~HS_LAYOUT_CLASS);
    hash = hs_layout_mix(hash, type->size);
    hash = hs_layout_mix(hash, type->count);
    hash = hs_layout_mix(hash, type->n_arguments);
    for (uint32_t i = 0; i < type->n_members; i++) {
        const struct hs_layout_member *member = &types->members.at[type->members + i];
        hash = hs_layout_mix(hash, (uint64_t)member->offset << 32 | member->name);
        hash = hs_layout_mix(hash, member->flags);
    }
    return hash;
}

struct steps {
    uint64_t at[HS_LAYOUT_STEPS];
};

static uint64_t hash_of(const struct hs_layout_builder *builder,
                        const struct steps *batch, uint32_t type, int step)
{
    if (type == HS_TYPE_NONE)
        return 1;
    return HS_IS_BATCH(type) ? batch[type & ~HS_BATCH].at[step]
                             : builder->hashes[type].at[step];
}

static void hash_further(const struct hs_layout_builder *builder, struct steps *batch,
                         size_t index, int step)
{
    const struct hs_layout_type *type = &builder->batch.types.at[index];
    uint64_t hash = batch[index].at[0];
    hash = hs_layout_mix(hash, hash_of(builder, batch, type->element, step - 1));
    for (uint32_t i = 0; i < type->n_members; i++) {
        uint32_t member = builder->batch.members.at[type->members + i].type;
        hash = hs_layout_mix(hash, hash_of(builder, batch, member, step - 1));
    }
    for (uint32_t i = 0; i < type->n_arguments; i++) {
        uint32_t argument = builder->batch.arguments.at[type->arguments + i];
        hash = hs_layout_mix(hash, hash_of(builder, batch, argument, step - 1));
    }
    batch[index].at[step] = hash;
}

static uint32_t final_number(const uint32_t *numbers, uint32_t type)
{
    return HS_IS_BATCH(type) ? numbers[type & ~HS_BATCH] : type;
}

/* Give `index` of the batch its number: a new one when there is no equal type. */
static bool number_type(struct hs_layout_builder *builder, const struct steps *steps,
                        size_t index, uint32_t *numbers)
{
    uint64_t key = steps[index].at[HS_LAYOUT_STEPS - 1] | 1;
    uint32_t found = hs_layout_map_get(&builder->merged, key);
    numbers[index] = found;
    if (found != HS_LAYOUT_ABSENT)
        return true;
    uint32_t number = (uint32_t)builder->all.types.count;
    numbers[index] = number;
    if (!hs_array_push(&builder->all.types, builder->batch.types.at[index])
        || !hs_array_grow((void **)&builder->hashes, &builder->hashes_room, number + 1,
                          sizeof(*builder->hashes)))
        return false;
    memcpy(builder->hashes[number].at, steps[index].at, sizeof(builder->hashes[0].at));
    return hs_layout_map_put(&builder->merged, key, number);
}

/* Copy what a type of the batch refers to behind its new entry. */
static bool move_parts(struct hs_layout_builder *builder, const uint32_t *numbers,
                       uint32_t number)
{
    struct hs_layout_types *all = &builder->all, *batch = &builder->batch;
    struct hs_layout_type *type = &all->types.at[number];
    uint32_t members = (uint32_t)all->members.count,
             arguments = (uint32_t)all->arguments.count;
    for (uint32_t i = 0; i < type->n_members; i++) {
        struct hs_layout_member member = batch->members.at[type->members + i];
        member.type = final_number(numbers, member.type);
        if (!hs_array_push(&all->members, member))
            return false;
    }
    for (uint32_t i = 0; i < type->n_arguments; i++) {
        uint32_t argument = batch->arguments.at[type->arguments + i];
        if (!hs_array_push(&all->arguments, final_number(numbers, argument)))
            return false;
    }
    type->element = final_number(numbers, type->element);
    type->members = members;
    type->arguments = arguments;
    return true;
}

bool hs_layout_builder_merge(struct hs_layout_builder *builder, uint32_t **ret)
{
    size_t count = builder->batch.types.count, before = builder->all.types.count;
    struct steps *steps = calloc(count + 1, sizeof(*steps));
    uint32_t *numbers = calloc(count + 1, sizeof(*numbers));
    bool is_fine = steps && numbers;
    for (size_t i = 0; is_fine && i < count; i++)
        steps[i].at[0] = hash_alone(&builder->batch, &builder->batch.types.at[i]);
    for (int step = 1; is_fine && step < HS_LAYOUT_STEPS; step++)
        for (size_t i = 0; i < count; i++)
            hash_further(builder, steps, i, step);
    for (size_t i = 0; is_fine && i < count; i++)
        is_fine = number_type(builder, steps, i, numbers);
    for (size_t i = before; is_fine && i < builder->all.types.count; i++)
        is_fine = move_parts(builder, numbers, (uint32_t)i);
    for (size_t i = builder->batch_variables; is_fine && i < builder->variables.count;
         i++)
        builder->variables.at[i].type =
            final_number(numbers, builder->variables.at[i].type);
    free(steps);
    builder->batch_variables = builder->variables.count;
    builder->batch.types.count = builder->batch.members.count = 0;
    builder->batch.arguments.count = 0;
    if (!is_fine) {
        free(numbers);
        builder->is_full = true;
        return false;
    }
    *ret = numbers;
    return true;
}

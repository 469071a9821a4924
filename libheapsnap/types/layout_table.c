// SPDX-License-Identifier: MIT

/*
 * Checking a table, and the two binary searches in it.
 */

#include "libheapsnap/types/layout_table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "libheapsnap/types/layout_map.h"

static const size_t entry_sizes[HS_LAYOUT_SECTIONS] = {
    [HS_LAYOUT_STRINGS] = 1,
    [HS_LAYOUT_TYPES] = sizeof(struct hs_layout_type),
    [HS_LAYOUT_MEMBERS] = sizeof(struct hs_layout_member),
    [HS_LAYOUT_ARGUMENTS] = sizeof(uint32_t),
    [HS_LAYOUT_NAMES] = sizeof(uint32_t),
    [HS_LAYOUT_VARIABLES] = sizeof(struct hs_layout_variable),
};

uint64_t hs_layout_checksum(const struct hs_layout_header *header, size_t size)
{
    size_t skip = offsetof(struct hs_layout_header, version);
    const unsigned char *bytes = (const unsigned char *)header + skip;
    size_t left = size - skip;
    uint64_t hash[4] = {left, 1, 2, 3}, word;
    for (size_t lane = 0; left >= 8; lane++, bytes += 8, left -= 8) {
        memcpy(&word, bytes, 8);
        hash[lane & 3] = hs_layout_mix(hash[lane & 3], word);
    }
    for (; left > 0; left--)
        hash[0] = hs_layout_mix(hash[0], *bytes++);
    return hs_layout_mix(hs_layout_mix(hs_layout_mix(hash[0], hash[1]), hash[2]),
                         hash[3]);
}

uint32_t hs_layout_name_hash(const char *name)
{
    uint64_t hash = hs_layout_mix_text(0xcbf29ce484222325ull, name);
    return (uint32_t)(hash >> 32);
}

/* ---- checks ---- */

static bool is_span(uint32_t first, uint32_t count, size_t total)
{
    return first <= total && count <= total - first;
}

static bool is_type(const struct hs_layout_table *table, uint32_t type)
{
    return type == HS_TYPE_NONE || type < table->n_types;
}

static bool is_derived(const struct hs_layout_type *type)
{
    return type->kind == HS_TYPE_POINTER || type->kind == HS_TYPE_ARRAY;
}

/* Pointers to pointers end somewhere. */
static bool ends(const struct hs_layout_table *table, uint32_t type)
{
    for (int depth = 0; depth < HS_LAYOUT_DERIVED_MAX; depth++) {
        if (type == HS_TYPE_NONE || !is_derived(&table->types[type]))
            return true;
        type = table->types[type].element;
    }
    return false;
}

static const char *check_types(const struct hs_layout_table *table, size_t n_strings,
                               size_t n_members, size_t n_arguments)
{
    /* Every member is one type's: else a small file could make for endless lists. */
    uint64_t members = 0, arguments = 0;
    for (size_t i = 0; i < table->n_types; i++) {
        const struct hs_layout_type *type = &table->types[i];
        members += type->n_members;
        arguments += type->n_arguments;
        if (type->kind > HS_TYPE_DECLARED || type->name >= n_strings
            || !is_type(table, type->element)
            || !is_span(type->members, type->n_members, n_members)
            || !is_span(type->arguments, type->n_arguments, n_arguments)
            || members > n_members || arguments > n_arguments)
            return "a type";
    }
    for (size_t i = 0; i < table->n_types; i++)
        if (!ends(table, (uint32_t)i))
            return "a type made of itself";
    return NULL;
}

static const char *check_rest(const struct hs_layout_table *table, size_t n_strings,
                              size_t n_members, size_t n_arguments)
{
    for (size_t i = 0; i < n_members; i++)
        if (!is_type(table, table->members[i].type)
            || table->members[i].name >= n_strings)
            return "a member";
    for (size_t i = 0; i < n_arguments; i++)
        if (!is_type(table, table->arguments[i]))
            return "an argument";
    for (size_t i = 0; i < table->n_names; i++)
        if (table->names[i] >= table->n_types)
            return "a name";
    for (size_t i = 0; i < table->n_variables; i++) {
        const struct hs_layout_variable *variable = &table->variables[i];
        if (!is_type(table, variable->type) || variable->name >= n_strings
            || variable->scope >= n_strings || variable->place > HS_VARIABLE_THREAD)
            return "a variable";
    }
    return NULL;
}

static bool are_sections_inside(const struct hs_layout_header *header, size_t size)
{
    for (size_t i = 0; i < HS_LAYOUT_SECTIONS; i++) {
        uint64_t offset = header->sections[i].offset, count = header->sections[i].count;
        if (offset % 8 != 0 || offset > size || count > (size - offset) / entry_sizes[i]
            || count >= UINT32_MAX)
            return false;
    }
    return true;
}

const char *hs_layout_table_open(const void *bytes, size_t size, bool is_mapped,
                                 struct hs_layout_table *ret)
{
    const struct hs_layout_header *header = bytes;
    if (size < sizeof(*header) || header->magic != HS_LAYOUT_MAGIC)
        return "no table";
    if (header->version != HS_LAYOUT_VERSION)
        return "another version";
    if (header->size != size || header->build_id_size > sizeof(header->build_id)
        || !are_sections_inside(header, size))
        return "the header";
    if (hs_layout_checksum(header, size) != header->checksum)
        return "the checksum";

    const char *start = bytes;
#define SECTION(name) (const void *)(start + header->sections[name].offset)
#define COUNT(name) (size_t) header->sections[name].count
    struct hs_layout_table table = {
        .header = header,
        .size = size,
        .strings = SECTION(HS_LAYOUT_STRINGS),
        .types = SECTION(HS_LAYOUT_TYPES),
        .n_types = COUNT(HS_LAYOUT_TYPES),
        .members = SECTION(HS_LAYOUT_MEMBERS),
        .arguments = SECTION(HS_LAYOUT_ARGUMENTS),
        .names = SECTION(HS_LAYOUT_NAMES),
        .n_names = COUNT(HS_LAYOUT_NAMES),
        .variables = SECTION(HS_LAYOUT_VARIABLES),
        .n_variables = COUNT(HS_LAYOUT_VARIABLES),
        .is_mapped = is_mapped,
    };
    size_t n_strings = COUNT(HS_LAYOUT_STRINGS), n_members = COUNT(HS_LAYOUT_MEMBERS),
           n_arguments = COUNT(HS_LAYOUT_ARGUMENTS);
#undef SECTION
#undef COUNT
    if (n_strings == 0 || table.strings[0] != '\0'
        || table.strings[n_strings - 1] != '\0')
        return "the strings";
    const char *wrong = check_types(&table, n_strings, n_members, n_arguments);
    if (!wrong)
        wrong = check_rest(&table, n_strings, n_members, n_arguments);
    if (!wrong)
        *ret = table;
    return wrong;
}

void hs_layout_table_close(struct hs_layout_table *table)
{
    if (table->header && table->is_mapped)
        munmap((void *)(uintptr_t)table->header, table->size);
    else
        free((void *)(uintptr_t)table->header);
    *table = (struct hs_layout_table){0};
}

/* ---- searches ---- */

static size_t first_of_hash(const struct hs_layout_table *table, uint32_t hash)
{
    size_t low = 0, high = table->n_names;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table->types[table->names[middle]].name_hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t hs_layout_table_find(const struct hs_layout_table *table, const char *name,
                              size_t *at)
{
    uint32_t hash = hs_layout_name_hash(name);
    if (*at == SIZE_MAX)
        *at = first_of_hash(table, hash);
    while (*at < table->n_names) {
        uint32_t type = table->names[(*at)++];
        if (table->types[type].name_hash != hash)
            break;
        if (strcmp(table->strings + table->types[type].name, name) == 0)
            return type;
    }
    *at = table->n_names;
    return HS_TYPE_NONE;
}

const struct hs_layout_variable *
hs_layout_table_variable(const struct hs_layout_table *table,
                         enum hs_variable_place place, uint64_t address)
{
    size_t low = 0, high = table->n_variables;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct hs_layout_variable *variable = &table->variables[middle];
        if (variable->place < place
            || (variable->place == place && variable->address <= address))
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    const struct hs_layout_variable *variable = &table->variables[low - 1];
    bool is_inside =
        variable->place == place && address - variable->address < variable->size;
    return is_inside ? variable : NULL;
}

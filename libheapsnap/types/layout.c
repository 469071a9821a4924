// SPDX-License-Identifier: MIT

/*
 * Numbers for types.
 *
 * A table has types by the thousand of which a heap needs dozens; a type gets its number,
 * its name and its list of pointers when it is first spoken of. The same definition in
 * another module's table is then found by name, size and layout.
 */

#include "libheapsnap/types/layout.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/base/guard.h"
#include "libheapsnap/types/dwarf_local.h"
#include "libheapsnap/types/layout_internal.h"
#include "libheapsnap/types/layout_name.h"
#include "probes/abi.h"

void hs_layouts_destroy(struct hs_layouts *layouts)
{
    if (!layouts)
        return;
    for (size_t i = 0; layouts->modules && i < layouts->symbols->capture->n_modules;
         i++) {
        hs_layout_table_close(&layouts->modules[i].table);
        free(layouts->modules[i].numbers);
        free(layouts->modules[i].variables);
    }
    hs_layout_locals_destroy(layouts->locals);
    free(layouts->modules);
    free(layouts->entries.at);
    free(layouts->derived.at);
    free(layouts->sites.at);
    free(layouts->site_answers.at);
    free(layouts->sized.at);
    free(layouts->frame_places.at);
    free(layouts->frame_answers.at);
    hs_text_deinit(&layouts->text);
    free(layouts);
}
HS_DEFINE_GUARD(hs_guard_layouts, struct hs_layouts *, hs_layouts_destroy)

int hs_layouts_create(struct hs_symbols *symbols,
                      const struct hs_layouts_options *options, struct hs_layouts **ret,
                      struct hs_error *err)
{
    const struct hs_capture *capture = symbols->capture;
    hs_auto(hs_guard_layouts) struct hs_layouts *layouts = calloc(1, sizeof(*layouts));
    if (!layouts)
        return hs_error_set(err, ENOMEM, "no memory for types");
    layouts->symbols = symbols;
    if (options)
        layouts->options = *options;
    layouts->modules = calloc(capture->n_modules + 1, sizeof(*layouts->modules));
    if (!layouts->modules)
        return hs_error_set(err, ENOMEM, "no memory for types of %zu modules",
                            capture->n_modules);
    for (size_t i = 0; i < capture->n_modules; i++)
        if (!(capture->modules[i].flags & (HS_MODULE_UNLOADED | HS_MODULE_SHIM)))
            hs_layouts_load(layouts, i);
    *ret = hs_take(layouts);
    return 0;
}

uint32_t hs_layouts_count(const struct hs_layouts *layouts)
{
    return (uint32_t)layouts->entries.count;
}

struct hs_layout_entry *hs_layouts_entry(struct hs_layouts *layouts, uint32_t type)
{
    return type < layouts->entries.count ? layouts->entries.at[type] : NULL;
}

const struct hs_layout_type *hs_layouts_record(const struct hs_layouts *layouts,
                                               const struct hs_layout_entry *entry,
                                               const struct hs_layout_table **ret_table)
{
    if (entry->module == HS_TYPE_NONE)
        return NULL;
    *ret_table = &layouts->modules[entry->module].table;
    return &(*ret_table)->types[entry->local];
}

/* ---- numbers ---- */

static struct hs_layout_entry *add_entry(struct hs_layouts *layouts, uint32_t *ret)
{
    struct hs_layout_entry *entry = hs_text_allocate(&layouts->text, sizeof(*entry));
    if (!entry || layouts->entries.count >= HS_TYPE_NONE - 1
        || !hs_array_push(&layouts->entries, entry))
        return NULL;
    *entry = (struct hs_layout_entry){
        .type = {.element = HS_TYPE_NONE}, .module = HS_TYPE_NONE, .local = HS_TYPE_NONE};
    *ret = (uint32_t)layouts->entries.count - 1;
    return entry;
}

uint32_t hs_layouts_derive(struct hs_layouts *layouts, enum hs_type_kind kind,
                           uint32_t element, uint64_t count, uint8_t flags)
{
    uint64_t key = hs_layout_mix(hs_layout_mix(count, (uint64_t)element << 8 | flags),
                                 (uint64_t)kind)
                   | 1;
    uint32_t number = hs_layout_map_get(&layouts->derived, key);
    if (number != HS_LAYOUT_ABSENT)
        return number;
    const struct hs_layout_entry *of = hs_layouts_entry(layouts, element);
    uint64_t size = of ? of->type.size : 0;
    struct hs_layout_entry *entry = add_entry(layouts, &number);
    if (!entry || !hs_layout_map_put(&layouts->derived, key, number))
        return HS_TYPE_NONE;
    entry->type.kind = kind;
    entry->type.element = element;
    entry->type.count = count;
    if (kind == HS_TYPE_POINTER)
        entry->type.size = sizeof(uint64_t);
    else if (kind == HS_TYPE_TEXT)
        entry->type.size = 1;
    else if (__builtin_mul_overflow(size, count, &entry->type.size))
        entry->type.size = 0;
    entry->derived_flags = flags;
    return number;
}

/* Equal in name, size and members; both have names. */
static bool is_same(const struct hs_layout_table *table,
                    const struct hs_layout_type *type,
                    const struct hs_layout_table *other_table,
                    const struct hs_layout_type *other)
{
    return type->kind == other->kind && type->size == other->size
           && type->hash == other->hash
           && strcmp(table->strings + type->name, other_table->strings + other->name)
                  == 0;
}

/* Where the type of another module, or a declaration's definition, is: `*module` and
 * `*local` move there. */
static void find_original(struct hs_layouts *layouts, uint32_t *module, uint32_t *local)
{
    const struct hs_layout_table *table = &layouts->modules[*module].table;
    const struct hs_layout_type *type = &table->types[*local];
    const char *name = table->strings + type->name;
    size_t n_modules = layouts->symbols->capture->n_modules;
    bool is_declared = type->kind == HS_TYPE_DECLARED;
    for (size_t i = 0; name[0] && i < n_modules; i++) {
        const struct hs_layout_table *other = &layouts->modules[i].table;
        size_t at = SIZE_MAX;
        uint32_t found;
        if (i == *module && !is_declared)
            return; /* the first of its kind */
        while (other->header
               && (found = hs_layout_table_find(other, name, &at)) != HS_TYPE_NONE) {
            const struct hs_layout_type *candidate = &other->types[found];
            /* Its own module has several definitions, or it would not be declared only. */
            bool is_it = is_declared ? candidate->kind != HS_TYPE_DECLARED && i != *module
                                     : is_same(table, type, other, candidate);
            if (!is_it)
                continue;
            *module = (uint32_t)i;
            *local = found;
            return;
        }
    }
}

static void fill(struct hs_layouts *layouts, struct hs_layout_entry *entry)
{
    const struct hs_layout_table *table;
    const struct hs_layout_type *record = hs_layouts_record(layouts, entry, &table);
    struct hs_type *type = &entry->type;
    type->kind = record->kind;
    type->size = record->size;
    type->flags = (record->flags & HS_LAYOUT_CLASS ? HS_TYPE_CLASS : 0)
                  | (record->flags & HS_LAYOUT_POLYMORPHIC ? HS_TYPE_POLYMORPHIC : 0)
                  | (record->flags & HS_LAYOUT_VARIANTS ? HS_TYPE_VARIANT : 0);
}

static uint32_t number_named(struct hs_layouts *layouts, uint32_t module, uint32_t local)
{
    uint32_t first_module = module, first_local = local, number;
    find_original(layouts, &first_module, &first_local);
    uint32_t *known = &layouts->modules[first_module].numbers[first_local];
    if (*known != HS_TYPE_NONE)
        return *known;
    struct hs_layout_entry *entry = add_entry(layouts, &number);
    if (!entry)
        return HS_TYPE_NONE;
    entry->module = first_module;
    entry->local = first_local;
    *known = number;
    fill(layouts, entry);
    return number;
}

uint32_t hs_layouts_number(struct hs_layouts *layouts, uint32_t module, uint32_t local)
{
    if (local == HS_TYPE_NONE)
        return HS_TYPE_NONE;
    struct hs_layout_module *of = &layouts->modules[module];
    if (of->numbers[local] != HS_TYPE_NONE)
        return of->numbers[local];
    const struct hs_layout_type *record = &of->table.types[local];
    uint32_t number;
    if (record->kind == HS_TYPE_POINTER || record->kind == HS_TYPE_ARRAY) {
        uint32_t element = hs_layouts_number(layouts, module, record->element);
        number =
            hs_layouts_derive(layouts, record->kind, element, record->count,
                              record->flags & (HS_LAYOUT_REFERENCE | HS_LAYOUT_OPEN));
    } else if (record->kind == HS_TYPE_FUNCTION) {
        number = hs_layouts_derive(layouts, HS_TYPE_FUNCTION, HS_TYPE_NONE, 0, 0);
    } else {
        number = number_named(layouts, module, local);
    }
    of->numbers[local] = number;
    return number;
}

uint32_t hs_layouts_pointer_to(struct hs_layouts *layouts, uint32_t type)
{
    return hs_layouts_derive(layouts, HS_TYPE_POINTER, type, 0, 0);
}

/* ---- names ---- */

static const char *name_of(struct hs_layouts *layouts, uint32_t type);

/* "char *[2][10]": the outer length first. */
static const char *name_array(struct hs_layouts *layouts,
                              const struct hs_layout_entry *entry)
{
    const struct hs_layout_entry *inner = hs_layouts_entry(layouts, entry->type.element);
    const char *element = name_of(layouts, entry->type.element);
    const char *lengths = "";
    size_t length = strlen(element);
    if (inner && inner->type.kind == HS_TYPE_ARRAY) {
        while (length > 0 && strchr("0123456789[]", element[length - 1]))
            length--;
        lengths = element + length;
    }
    return hs_text_format(&layouts->text, "%.*s[%llu]%s", (int)length, element,
                          (unsigned long long)entry->type.count, lengths);
}

static const char *name_derived(struct hs_layouts *layouts,
                                const struct hs_layout_entry *entry)
{
    const struct hs_type *type = &entry->type;
    if (type->kind == HS_TYPE_FUNCTION)
        return "function";
    if (type->kind == HS_TYPE_TEXT)
        return "str";
    if (type->kind == HS_TYPE_ARRAY)
        return name_array(layouts, entry);
    const char *element = name_of(layouts, type->element);
    bool is_reference = entry->derived_flags & HS_LAYOUT_REFERENCE;
    size_t length = strlen(element);
    bool is_pointer = length > 0 && element[length - 1] == '*';
    return hs_text_format(&layouts->text, "%s%s%s", element, is_pointer ? "" : " ",
                          is_reference ? "&" : "*");
}

static const char *name_recorded(struct hs_layouts *layouts,
                                 const struct hs_layout_entry *entry)
{
    const struct hs_layout_table *table;
    const struct hs_layout_type *record = hs_layouts_record(layouts, entry, &table);
    const char *name = table->strings + record->name;
    bool is_struct = record->kind == HS_TYPE_STRUCT || record->kind == HS_TYPE_DECLARED;
    const char *tag = is_struct                       ? "struct "
                      : record->kind == HS_TYPE_UNION ? "union "
                                                      : "";
    if (!name[0])
        name = "(anonymous)";
    if (record->flags & HS_LAYOUT_CLASS || !tag[0])
        return name;
    return hs_text_format(&layouts->text, "%s%s", tag, name);
}

static const char *name_of(struct hs_layouts *layouts, uint32_t type)
{
    struct hs_layout_entry *entry = hs_layouts_entry(layouts, type);
    if (!entry)
        return "void";
    if (!entry->type.name) {
        const char *name = entry->module == HS_TYPE_NONE ? name_derived(layouts, entry)
                                                         : name_recorded(layouts, entry);
        entry->type.name = name ? name : "(no memory)";
    }
    return entry->type.name;
}

const struct hs_type *hs_layouts_type(struct hs_layouts *layouts, uint32_t type)
{
    struct hs_layout_entry *entry = hs_layouts_entry(layouts, type);
    if (!entry)
        return NULL;
    name_of(layouts, type);
    hs_layouts_list_slots(layouts, entry);
    return &entry->type;
}

uint32_t hs_layouts_find(struct hs_layouts *layouts, const char *name)
{
    hs_auto_free char *tidy = hs_layout_name(name);
    for (size_t i = 0; tidy && i < layouts->symbols->capture->n_modules; i++) {
        const struct hs_layout_table *table = &layouts->modules[i].table;
        size_t at = SIZE_MAX;
        uint32_t found;
        while (table->header
               && (found = hs_layout_table_find(table, tidy, &at)) != HS_TYPE_NONE)
            if (table->types[found].kind != HS_TYPE_DECLARED)
                return hs_layouts_number(layouts, (uint32_t)i, found);
    }
    return HS_TYPE_NONE;
}

// SPDX-License-Identifier: MIT

/* See the header. */

#include "libheapsnap/types/layout_rust.h"

#include <string.h>

uint32_t hs_layouts_rust_target(struct hs_layouts *layouts, const char *name,
                                const uint32_t *arguments, uint32_t n_arguments)
{
    if (strcmp(name, "alloc::string::String") == 0 || strcmp(name, "&str") == 0
        || strcmp(name, "&mut str") == 0)
        return hs_layouts_derive(layouts, HS_TYPE_TEXT, HS_TYPE_NONE, 0, 0);
    if (strncmp(name, "alloc::raw_vec::RawVec<", 23) == 0 && n_arguments > 0)
        return arguments[0];
    return HS_TYPE_NONE;
}

bool hs_layouts_is_bytes(struct hs_layouts *layouts, uint32_t type)
{
    const struct hs_layout_table *table;
    const struct hs_layout_entry *entry = hs_layouts_entry(layouts, type);
    const struct hs_layout_type *record =
        entry ? hs_layouts_record(layouts, entry, &table) : NULL;
    return record && record->kind == HS_TYPE_SCALAR && record->size == 1
           && strcmp(table->strings + record->name, "u8") == 0;
}

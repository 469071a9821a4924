// SPDX-License-Identifier: MIT

/* Structs by size: an index of all tables, made when it is first asked for. */

#include <stdlib.h>

#include "libheapsnap/types/layout_internal.h"

static int by_size(const void *left, const void *right)
{
    const struct hs_layout_sized *a = left, *b = right;
    if (a->size != b->size)
        return a->size < b->size ? -1 : 1;
    if (a->module != b->module)
        return a->module < b->module ? -1 : 1;
    return a->local < b->local ? -1 : a->local > b->local;
}

static void list_all(struct hs_layouts *layouts)
{
    layouts->has_sized = true;
    for (size_t i = 0; i < layouts->symbols->capture->n_modules; i++) {
        const struct hs_layout_table *table = &layouts->modules[i].table;
        for (size_t j = 0; j < table->n_types; j++) {
            struct hs_layout_sized sized = {table->types[j].size, (uint32_t)i,
                                            (uint32_t)j};
            if (table->types[j].kind == HS_TYPE_STRUCT && sized.size > 0
                && !hs_array_push(&layouts->sized, sized)) {
                layouts->sized.count = 0; /* no memory: nothing rather than a part */
                return;
            }
        }
    }
    if (layouts->sized.count > 0)
        qsort(layouts->sized.at, layouts->sized.count, sizeof(*layouts->sized.at),
              by_size);
}

size_t hs_layouts_of_size(struct hs_layouts *layouts, uint64_t size, uint32_t *ret,
                          size_t n)
{
    if (!layouts->has_sized)
        list_all(layouts);
    size_t low = 0, high = layouts->sized.count, count = 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (layouts->sized.at[middle].size < size)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < layouts->sized.count && layouts->sized.at[low].size == size && count < n;
         low++) {
        uint32_t type = hs_layouts_number(layouts, layouts->sized.at[low].module,
                                          layouts->sized.at[low].local);
        bool is_known = type == HS_TYPE_NONE; /* or again, from another module */
        for (size_t i = 0; i < count && !is_known; i++)
            is_known = ret[i] == type;
        if (!is_known)
            ret[count++] = type;
    }
    return count;
}

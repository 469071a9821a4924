// SPDX-License-Identifier: MIT

/*
 * The libraries that are in the process because of us (libunwind, and what it needs): not
 * the program's memory, so neither shown nor searched. One that a library of the program
 * needs, too, even if loaded later, is the program's. What the program opens by name
 * itself leaves no such trace; such a one stays ours.
 */

#include <link.h>
#include <string.h>

#include "probes/freeze/freeze.h"
#include "probes/freeze/image.h"
#include "probes/tracker/loader.h"
#include "probes/tracker/symbols.h"
#include "probes/tracker/unwind.h"

#define MAPS_MAX 10000

static bool is_needed[HS_UNWIND_LIBRARIES_MAX];

static const char *strings_of(const struct link_map *map)
{
    struct hs_dynamic_symbols symbols;
    return hs_dynamic_symbols_read(map, &symbols) ? symbols.names : NULL;
}

static const char *name_of(const struct link_map *map)
{
    const char *strings = strings_of(map);
    for (const ElfW(Dyn) *entry = map->l_ld; entry && entry->d_tag != DT_NULL; entry++)
        if (entry->d_tag == DT_SONAME && strings)
            return strings + entry->d_un.d_val;
    return "";
}

static bool needs(const struct link_map *map, const char *name)
{
    const char *strings = strings_of(map);
    for (const ElfW(Dyn) *entry = map->l_ld; entry && entry->d_tag != DT_NULL; entry++)
        if (entry->d_tag == DT_NEEDED && strings
            && strcmp(strings + entry->d_un.d_val, name) == 0)
            return true;
    return false;
}

static void look(void *context)
{
    (void)context;
    uint32_t count;
    const struct link_map *const *ours = hs_unwind_libraries(&count);
    const struct link_map *map = hs_loader_modules();
    for (int left = MAPS_MAX; map && left > 0; map = map->l_next, left--) {
        bool is_ours = false;
        for (uint32_t i = 0; i < count; i++)
            is_ours |= map == ours[i];
        for (uint32_t i = 0; !is_ours && i < count; i++)
            is_needed[i] |= needs(map, name_of(ours[i]));
    }
}

/* Ours need each other: one that the program needs gives its own needs to the program. */
static void pass_on(void *context)
{
    (void)context;
    uint32_t count;
    const struct link_map *const *ours = hs_unwind_libraries(&count);
    for (uint32_t turn = 0; turn < count; turn++)
        for (uint32_t i = 0; i < count; i++)
            for (uint32_t j = 0; is_needed[i] && j < count; j++)
                is_needed[j] |= needs(ours[i], name_of(ours[j]));
}

void hs_brought_collect(void)
{
    uint64_t fault;
    if (hs_fault_guard(look, NULL, &fault))
        hs_fault_guard(pass_on, NULL, &fault);
}

bool hs_brought_by_us(uint64_t bias)
{
    uint32_t count;
    const struct link_map *const *ours = hs_unwind_libraries(&count);
    for (uint32_t i = 0; i < count; i++)
        if (ours[i]->l_addr == bias)
            return !is_needed[i];
    return false;
}

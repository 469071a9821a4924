// SPDX-License-Identifier: MIT

/*
 * From what was found to changed entries. Threads that run already might be inside an
 * entry while it changes: then nothing is done.
 */

#include "probes/tracker/allocators.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "probes/patch/entry.h"
#include "probes/patch/find.h"
#include "probes/patch/hooks.h"
#include "probes/tracker/module_table.h"
#include "probes/tracker/next.h"
#include "probes/tracker/options.h"
#include "probes/tracker/raw.h"
#include "probes/tracker/report.h"

/* Only x86-64 code is understood well enough to move it. */
#if defined(__x86_64__)
#define CAN_PATCH true
#else
#define CAN_PATCH false
#endif

static struct hs_found found[HS_FOUND_MAX];
static size_t found_count;
static bool is_searched;

bool hs_allocators_find(void)
{
    if (CAN_PATCH && !is_searched)
        found_count = hs_allocators_search(found);
    is_searched = true;
    return found_count > 0;
}

/* The directory of threads has a link for each, beside its own two. */
static bool has_one_thread(void)
{
    struct stat status;
    return hs_raw(SYS_newfstatat, AT_FDCWD, "/proc/self/task", &status, 0) == 0
           && status.st_nlink == 3;
}

static const char *patch(const struct hs_found *allocator)
{
    if (!hs_options.patch)
        return "patch=0";
    if (!has_one_thread())
        return "it has threads already, or /proc cannot be read";
    struct hs_entry *entries = hs_raw_map(allocator->count * sizeof(*entries));
    if (!entries)
        return "no memory";
    for (size_t i = 0; i < allocator->count; i++) {
        entries[i].function = allocator->functions[i].address;
        entries[i].size = allocator->functions[i].size;
        entries[i].hook = hs_shape_hook(allocator->functions[i].shape);
    }
    const char *why = hs_entries_patch(entries, allocator->count);
    if (why)
        hs_raw_unmap(entries, allocator->count * sizeof(*entries));
    return why;
}

void hs_allocators_patch(void)
{
    if (!hs_allocators_find())
        return;
    for (size_t i = 0; i < found_count; i++) {
        const char *why = patch(&found[i]);
        struct hs_module owner;
        if (!why || !hs_module_read(found[i].functions[0].address, &owner))
            continue;
        hs_report("%s brings its own %smalloc: its heap is not seen, only its handles "
                  "(%s)",
                  owner.path, hs_family_prefix(found[i].family), why);
    }
}

size_t (*hs_allocators_usable_size(void))(void *block)
{
    bool is_plain = found_count == 1 && found[0].family == HS_FAMILY_PLAIN;
    if (found_count > 0 && !is_plain)
        return NULL;
    const char *name = "malloc_usable_size";
    return (size_t(*)(void *))(is_plain ? hs_next_find_first(name) : hs_next_find(name));
}

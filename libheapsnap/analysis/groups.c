// SPDX-License-Identifier: MIT

/*
 * What a comparison puts together: classes, allocation sites, or owners. Keys are texts
 * with a comma in front like class keys, so that one table serves two snapshots.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/analysis/parts.h"
#include "libheapsnap/base/guard.h"

static uint32_t add_key(struct hs_text_table *keys, const char *name, size_t size)
{
    char key[1024];
    int length = snprintf(key, sizeof(key), ",%.*s", (int)size, name);
    if (length < 0)
        return HS_TEXT_NONE;
    return hs_text_table_add(
        keys, key, (size_t)length < sizeof(key) ? (size_t)length : sizeof(key) - 1);
}

static bool group_by_class(const struct hs_analysis *analysis, struct hs_text_table *keys,
                           uint32_t *groups)
{
    hs_auto_free uint32_t *numbers =
        malloc(((size_t)analysis->class_count + 1) * sizeof(*numbers));
    if (!numbers)
        return false;
    for (uint32_t i = 0; i < analysis->class_count; i++) {
        const char *key = analysis->classes[i].key;
        numbers[i] = hs_text_table_add(keys, key, strlen(key));
        if (numbers[i] == HS_TEXT_NONE)
            return false;
    }
    for (uint32_t node = 0; node < analysis->snapshot->node_count; node++)
        groups[node] = numbers[analysis->node_class[node]];
    return true;
}

/* Sites have nodes of their own; what was allocated by nobody we know has its class. */
static bool group_by_site(const struct hs_analysis *analysis, struct hs_text_table *keys,
                          uint32_t *groups)
{
    const struct hs_snapshot *snapshot = analysis->snapshot;
    if (!group_by_class(analysis, keys, groups))
        return false;
    hs_auto_free uint32_t *of_site = malloc(snapshot->node_count * sizeof(*of_site));
    if (!of_site)
        return false;
    memset(of_site, 0xff, snapshot->node_count * sizeof(*of_site));
    for (uint32_t node = 0; node < snapshot->node_count; node++) {
        uint32_t site = hs_site_find(snapshot, node);
        if (site == HS_ANALYSIS_NONE)
            continue;
        const char *name = snapshot->strings[snapshot->node_name[site]];
        if (of_site[site] == HS_TEXT_NONE)
            of_site[site] = add_key(keys, name, hs_site_name_size(name));
        if (of_site[site] == HS_TEXT_NONE)
            return false;
        groups[node] = of_site[site];
    }
    return true;
}

/* The owner of each node: the first real node on its shortest way from the root, or the
 * group of the lost. HS_ANALYSIS_NONE for groups, frames and what nothing reaches. */
static void find_owners(const struct hs_analysis *analysis, uint32_t *owners)
{
    const struct hs_snapshot *snapshot = analysis->snapshot;
    memset(owners, 0xff, snapshot->node_count * sizeof(*owners));
    for (uint32_t i = 0; i < analysis->reached_count; i++) {
        uint32_t node = analysis->order[i], from = analysis->reached_from[node];
        bool is_group =
            node == snapshot->root || snapshot->node_type[node] == HS_NODE_SYNTHETIC;
        if (from != HS_ANALYSIS_NONE && owners[from] != HS_ANALYSIS_NONE)
            owners[node] = owners[from];
        else if (!is_group
                 || strcmp(snapshot->strings[snapshot->node_name[node]], HS_GROUP_LOST)
                        == 0)
            owners[node] = node;
    }
}

static uint32_t add_owner(const struct hs_analysis *analysis, struct hs_text_table *keys,
                          uint32_t owner)
{
    const struct hs_snapshot *snapshot = analysis->snapshot;
    if (snapshot->node_type[owner] == HS_NODE_SYNTHETIC)
        return add_key(keys, "(lost)", strlen("(lost)"));
    const char *name = snapshot->strings[snapshot->node_name[owner]];
    const char *suffix = strstr(name, HS_MODULE_SUFFIX);
    if (suffix)
        return add_key(keys, name, (size_t)(suffix - name));
    name = analysis->classes[analysis->node_class[owner]].name;
    return add_key(keys, name, strlen(name));
}

static bool group_by_owner(const struct hs_analysis *analysis, struct hs_text_table *keys,
                           uint32_t *groups)
{
    const struct hs_snapshot *snapshot = analysis->snapshot;
    hs_auto_free uint32_t *owners = malloc(snapshot->node_count * sizeof(*owners));
    uint32_t nobody = add_key(keys, "(nobody)", strlen("(nobody)"));
    if (!owners || nobody == HS_TEXT_NONE)
        return false;
    find_owners(analysis, owners);
    /* An owner stands before what it owns in no particular order: it is named when first
     * met, through its own group. */
    memset(groups, 0xff, snapshot->node_count * sizeof(*groups));
    for (uint32_t node = 0; node < snapshot->node_count; node++) {
        uint32_t owner = owners[node];
        if (owner == HS_ANALYSIS_NONE) {
            groups[node] = nobody;
            continue;
        }
        if (groups[owner] == HS_TEXT_NONE)
            groups[owner] = add_owner(analysis, keys, owner);
        if (groups[owner] == HS_TEXT_NONE)
            return false;
        groups[node] = groups[owner];
    }
    return true;
}

uint32_t *hs_group_nodes(const struct hs_analysis *analysis, enum hs_comparison_by by,
                         struct hs_text_table *keys)
{
    hs_auto_free uint32_t *groups =
        malloc(analysis->snapshot->node_count * sizeof(*groups));
    if (!groups)
        return NULL;
    bool is_fine = by == HS_BY_SITE     ? group_by_site(analysis, keys, groups)
                   : by == HS_BY_MODULE ? group_by_owner(analysis, keys, groups)
                                        : group_by_class(analysis, keys, groups);
    return is_fine ? hs_take(groups) : NULL;
}

// SPDX-License-Identifier: MIT

/*
 * Allocation stacks in our own snapshots: a block has a weak edge "allocated at" to the
 * frame that made it, a frame a weak edge "called from" to its caller.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heapsnap/analysis.h"
#include "libheapsnap/base/guard.h"

/* More frames than this tell nobody more; nor do those that call main(). */
#define FRAMES_SHOWN 10

static uint32_t find_weak(const struct hs_snapshot *snapshot, uint32_t node,
                          const char *name)
{
    /* Weak edges stand last, so the search starts at the end. */
    for (uint32_t e = snapshot->first_edge[node + 1]; e-- > snapshot->first_edge[node];)
        if (snapshot->edge_type[e] == HS_EDGE_WEAK
            && strcmp(snapshot->strings[snapshot->edge_name[e]], name) == 0)
            return snapshot->edge_to[e];
    return HS_ANALYSIS_NONE;
}

uint32_t hs_site_find(const struct hs_snapshot *snapshot, uint32_t node)
{
    return find_weak(snapshot, node, "allocated at");
}

size_t hs_site_name_size(const char *name)
{
    static const char dash[] = " — ";
    size_t size = strlen(name);
    for (const char *at = strstr(name, dash); at; at = strstr(at + 1, dash))
        size = (size_t)(at - name);
    return size;
}

void hs_site_text(const struct hs_snapshot *snapshot, uint32_t site, char *buffer,
                  size_t size)
{
    size_t used = 0;
    buffer[0] = '\0';
    for (int frame = 0; site != HS_ANALYSIS_NONE && used < size; frame++) {
        const char *name = snapshot->strings[snapshot->node_name[site]];
        bool is_last = frame == FRAMES_SHOWN;
        int added =
            snprintf(buffer + used, size - used, "%s%.*s", frame ? " ← " : "",
                     is_last ? 3 : (int)hs_site_name_size(name), is_last ? "…" : name);
        used += added > 0 ? (size_t)added : 0;
        is_last = is_last || strncmp(name, "main (", strlen("main (")) == 0;
        site = is_last ? HS_ANALYSIS_NONE : find_weak(snapshot, site, "called from");
    }
}

uint32_t hs_site_find_main(const struct hs_snapshot *snapshot, const uint32_t *nodes,
                           size_t count)
{
    hs_auto_free uint64_t *bytes = calloc(snapshot->node_count, sizeof(*bytes));
    uint32_t best = HS_ANALYSIS_NONE;
    for (size_t i = 0; bytes && i < count; i++) {
        uint32_t site = hs_site_find(snapshot, nodes[i]);
        if (site == HS_ANALYSIS_NONE)
            continue;
        bytes[site] += snapshot->node_size[nodes[i]];
        if (best == HS_ANALYSIS_NONE || bytes[site] > bytes[best])
            best = site;
    }
    return best;
}

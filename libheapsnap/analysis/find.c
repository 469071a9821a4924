// SPDX-License-Identifier: MIT

/*
 * From what a person types to a node. An id is in a column; the address of a block is in
 * the names of our own snapshots only: "<class 0x55…>", "text 0x55… ← site".
 */

#include <stdlib.h>
#include <string.h>

#include "heapsnap/analysis.h"

uint32_t hs_node_find_id(const struct hs_snapshot *snapshot, uint32_t id)
{
    for (uint32_t node = 0; node < snapshot->node_count; node++)
        if (snapshot->node_id[node] == id)
            return node;
    return HS_ANALYSIS_NONE;
}

/* "<… 0x55d0c3a03348>" and nothing behind it, for parts of huge blocks have no address, or
 * "text 0x55d0c3a03348 ← …". */
static bool parse_address(const char *name, uint64_t *ret)
{
    static const char text[] = "text 0x";
    bool is_text = strncmp(name, text, sizeof(text) - 1) == 0;
    const char *space = is_text ? strchr(name, ' ') : strrchr(name, ' ');
    if ((!is_text && *name != '<') || !space || strncmp(space, " 0x", 3) != 0)
        return false;
    char *end;
    unsigned long long value = strtoull(space + 3, &end, 16);
    if (end == space + 3 || (is_text ? *end != ' ' : strcmp(end, ">") != 0))
        return false;
    *ret = value;
    return true;
}

uint32_t hs_node_find_address(const struct hs_snapshot *snapshot, uint64_t address)
{
    uint32_t found = HS_ANALYSIS_NONE;
    for (uint32_t node = 0; node < snapshot->node_count; node++) {
        uint8_t type = snapshot->node_type[node];
        uint32_t size = snapshot->node_size[node];
        uint64_t start;
        bool is_block =
            type == HS_NODE_NATIVE || type == HS_NODE_CODE || type == HS_NODE_STRING;
        if (is_block
            && parse_address(snapshot->strings[snapshot->node_name[node]], &start)
            && address >= start && address - start < size
            && (found == HS_ANALYSIS_NONE || size < snapshot->node_size[found]))
            found = node;
    }
    return found;
}

uint32_t hs_edge_find_source(const struct hs_snapshot *snapshot, uint32_t edge)
{
    uint32_t low = 0, high = snapshot->node_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (snapshot->first_edge[middle] <= edge)
            low = middle;
        else
            high = middle;
    }
    return low;
}

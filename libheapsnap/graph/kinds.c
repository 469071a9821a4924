// SPDX-License-Identifier: MIT

/*
 * What other tools call a block.
 *
 * Valgrind tells pointers to the beginning of a block from pointers into it, so its kinds
 * need a second flood that follows the first sort alone; what only the other flood
 * reached is "possibly lost". Four habits of C++ compilers and libraries keep pointers
 * into the middle, and are recognised as Valgrind does.
 */

#include <errno.h>
#include <string.h>

#include "heapsnap/graph.h"
#include "libheapsnap/graph/flood.h"
#include "libheapsnap/graph/pointer.h"
#include "probes/abi.h"

/* Does word number `word` of the block point into a module? */
static bool has_module_word(const struct hs_capture *capture, uint32_t block,
                            uint32_t word)
{
    size_t low = 0, high = capture->n_words;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct hs_capture_word *at = &capture->words[middle];
        if (at->block < block || (at->block == block && at->word < word))
            low = middle + 1;
        else
            high = middle;
    }
    return low < capture->n_words && capture->words[low].block == block
           && capture->words[low].word == word;
}

/* A pointer to a second base class: there as at the beginning is the address of a table
 * of functions. */
static bool is_base_class(const struct hs_capture *capture, uint32_t to, uint32_t inside)
{
    return inside % 8 == 0 && inside / 8 < HS_WORDS_MAX && has_module_word(capture, to, 0)
           && has_module_word(capture, to, inside / 8);
}

static bool holds_start(const struct hs_flood *flood, uint32_t to, uint32_t inside)
{
    const struct hs_capture_block *block = &flood->capture->blocks[to];
    if (inside == 0)
        return true;
    if (inside == HS_PAST_END)
        return block->size == HS_COOKIE_SIZE && !(block->flags & HS_BLOCK_MAPPING);
    if ((inside == 8 && block->flags & HS_BLOCK_COUNTED)
        || (inside == 24 && block->flags & HS_BLOCK_STRING))
        return true;
    return is_base_class(flood->capture, to, inside);
}

int hs_graph_kinds(const struct hs_capture *capture, const struct hs_graph *graph,
                   const struct hs_graph_options *options, uint8_t *ret,
                   struct hs_error *err)
{
    static const struct hs_graph_options plain = {0};
    struct hs_flood flood = {.capture = capture,
                             .graph = graph,
                             .options = options ? options : &plain,
                             .holds = holds_start,
                             .mark = ret,
                             .value = 1};
    memset(ret, 0, graph->n_blocks);
    if (!hs_flood_init(&flood))
        return hs_error_set(err, ENOMEM, "no memory to search %zu blocks",
                            graph->n_blocks);
    hs_flood_lasting(&flood);
    hs_flood_momentary(&flood);
    hs_flood_ignored(&flood);
    hs_flood_mappings(&flood);
    hs_flood_deinit(&flood);

    for (size_t i = 0; i < graph->n_blocks; i++) {
        if (graph->reach[i] == HS_REACH_LOST)
            ret[i] = graph->is_leader[i] ? HS_LEAK_DEFINITE : HS_LEAK_INDIRECT;
        else if (ret[i] || (capture->blocks[i].flags & HS_BLOCK_MAPPING))
            ret[i] = HS_LEAK_REACHABLE;
        else
            ret[i] = HS_LEAK_POSSIBLE;
    }
    return 0;
}

void hs_graph_is_direct(const struct hs_capture *capture, const struct hs_graph *graph,
                        uint8_t *ret)
{
    for (size_t i = 0; i < graph->n_blocks; i++)
        ret[i] = graph->reach[i] == HS_REACH_LOST;
    for (size_t i = 0; i < capture->n_edges; i++) {
        const struct hs_capture_edge *edge = &capture->edges[i];
        if (graph->reach[edge->from] == HS_REACH_LOST
            && hs_pointer_holds(graph, capture, edge->to, edge->inside))
            ret[edge->to] = 0;
    }
}

// SPDX-License-Identifier: MIT

/*
 * Which blocks are leaks, gathered by who allocated them.
 *
 * A suppressed block acts as a root: what hangs from it is no leak either. So when rules
 * have matched, the graph is made anew with those blocks held, until no rule finds more.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/base/guard.h"
#include "probes/abi.h"
#include "tools/check.h"

/* Frames of a stack, inlined ones included, that suppressions are asked about. */
#define FRAMES_MAX 512

#define NO_GROUP UINT32_MAX

HS_DEFINE_GUARD(guard_graph, struct hs_graph *, hs_graph_destroy)

struct search {
    struct hs_check *check;
    uint8_t *is_held; /* a block: suppressed */
    uint8_t *kinds;   /* a block */
    uint32_t *group;  /* a stack: its group of the kind being gathered, or NO_GROUP */
};

static bool gather(struct search *search, enum hs_leak_kind kind)
{
    struct hs_check *check = search->check;
    const struct hs_capture *capture = check->capture;
    memset(search->group, 0xff, capture->n_frames * sizeof(*search->group));
    for (size_t i = 0; i < capture->n_blocks; i++) {
        const struct hs_capture_block *block = &capture->blocks[i];
        if (search->kinds[i] != kind || search->is_held[i]
            || block->flags & (HS_BLOCK_MAPPING | HS_BLOCK_IGNORED))
            continue;
        uint32_t *group = &search->group[block->stack];
        if (*group == NO_GROUP) {
            struct hs_check_group fresh = {.stack = block->stack, .kind = kind};
            *group = (uint32_t)check->groups.count;
            if (!hs_array_push(&check->groups, fresh))
                return false;
        }
        check->groups.at[*group].count++;
        check->groups.at[*group].bytes += block->size;
    }
    return true;
}

/* The groups of all kinds that are leaks, with nothing suppressed anew. */
static int gather_all(struct search *search, struct hs_error *err)
{
    struct hs_check *check = search->check;
    struct hs_graph_options options = {.ignores_past_end = true,
                                       .ignores_mappings = check->options->is_strict,
                                       .is_held = search->is_held};
    hs_auto(guard_graph) struct hs_graph *graph = NULL;
    int result = hs_graph_create_as(check->capture, &options, &graph, err);
    if (result == 0)
        result = hs_graph_kinds(check->capture, graph, &options, search->kinds, err);
    if (result != 0)
        return result;
    check->groups.count = 0;
    for (int kind = HS_LEAK_KINDS - 1; kind >= 0; kind--)
        if ((check->options->kinds >> kind & 1)
            && !gather(search, (enum hs_leak_kind)kind))
            return hs_error_set(err, ENOMEM, "no memory for the leaks");
    return 0;
}

/* ---- suppressions ---- */

const char *hs_check_module(const struct hs_check *check, uint32_t node)
{
    uint32_t module = check->capture->frames[node].module;
    return module < check->capture->n_modules
               ? hs_capture_string(check->capture, check->capture->modules[module].path)
               : "";
}

static size_t fill_frames(const struct hs_check *check, uint32_t stack,
                          struct hs_suppression_frame *ret)
{
    size_t count = 0;
    for (uint32_t node = stack; node > HS_STACK_UNKNOWN;
         node = check->capture->frames[node].parent) {
        const struct hs_symbol_frame *frames;
        size_t n_frames = hs_symbols_stack_frames(check->symbols, node, &frames);
        for (size_t i = 0; i < n_frames && count < FRAMES_MAX; i++, count++) {
            const char *linker_name = frames[i].linker_name;
            ret[count] = (struct hs_suppression_frame){
                .function = linker_name ? frames[i].function : NULL,
                .linker_name = linker_name,
                .signature = linker_name
                                 ? hs_symbols_signature(check->symbols, linker_name)
                                 : NULL,
                .file = frames[i].path,
                .module = hs_check_module(check, node),
                .line = frames[i].line,
            };
        }
    }
    return count;
}

/* Rules that match hold their blocks. Returns whether there were any. */
static bool suppress(struct search *search)
{
    struct hs_check *check = search->check;
    struct hs_suppression_frame frames[FRAMES_MAX];
    bool has_matched = false;
    for (size_t i = 0; i < check->groups.count; i++) {
        const struct hs_check_group *group = &check->groups.at[i];
        size_t n_frames = fill_frames(check, group->stack, frames);
        if (!hs_suppressions_match(check->suppressions, frames, n_frames,
                                   1u << group->kind, group->count, group->bytes))
            continue;
        has_matched = true;
        for (size_t block = 0; block < check->capture->n_blocks; block++)
            if (check->capture->blocks[block].stack == group->stack
                && search->kinds[block] == group->kind)
                search->is_held[block] = 1;
    }
    return has_matched;
}

/* ---- all ---- */

static int by_weight(const void *left, const void *right)
{
    const struct hs_check_group *a = left, *b = right;
    if (a->kind != b->kind)
        return a->kind > b->kind ? -1 : 1;
    if (a->bytes != b->bytes)
        return a->bytes > b->bytes ? -1 : 1;
    return a->stack < b->stack ? -1 : a->stack > b->stack;
}

int hs_check_find(struct hs_check *check, struct hs_error *err)
{
    size_t n_blocks = check->capture->n_blocks;
    hs_auto_free uint8_t *is_held = calloc(n_blocks + 1, 1);
    hs_auto_free uint8_t *kinds = calloc(n_blocks + 1, 1);
    hs_auto_free uint32_t *group = calloc(check->capture->n_frames + 1, sizeof(*group));
    if (!is_held || !kinds || !group)
        return hs_error_set(err, ENOMEM, "no memory for a check of %zu blocks", n_blocks);
    struct search search = {check, is_held, kinds, group};
    bool has_rules = hs_suppressions_get(check->suppressions, 0) != NULL;
    int result;
    do
        result = gather_all(&search, err);
    while (result == 0 && has_rules && suppress(&search));
    if (result != 0)
        return result;
    if (check->groups.count > 0)
        qsort(check->groups.at, check->groups.count, sizeof(*check->groups.at),
              by_weight);
    check->count = check->bytes = 0;
    for (size_t i = 0; i < check->groups.count; i++) {
        check->count += check->groups.at[i].count;
        check->bytes += check->groups.at[i].bytes;
    }
    return 0;
}

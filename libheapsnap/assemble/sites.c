// SPDX-License-Identifier: MIT

/*
 * (Allocation sites): the stacks of everything alive as one call tree, root first.
 *
 * The capture's trie has a node a return address; here calls that read the same are one
 * ("main (server.c:88)" calling twice on a line), and inlined functions are nodes of their
 * own. Counts and bytes include callees. Everything has size 0 and hangs together by
 * strong edges from the group only, so it takes nobody's retained size.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/assemble/assembly.h"
#include "libheapsnap/base/array.h"
#include "libheapsnap/base/guard.h"
#include "libheapsnap/base/size.h"

#define NO_SITE UINT32_MAX

struct site {
    uint32_t parent; /* NO_SITE: called by nobody */
    uint32_t hash;
    const char *text; /* owned */
    uint64_t count, bytes, ever_count, ever_bytes;
};

/* Recursion makes millions of trie nodes of few sites: the last answers are kept. */
struct placed {
    const struct hs_symbol_frame *frame;
    uint32_t caller, site;
};
#define N_PLACED 1024

struct site_tree {
    struct placed placed[N_PLACED];
    HS_ARRAY(struct site) sites; /* parents before children */
    uint32_t *table;             /* open hash: site + 1, 0 = empty */
    size_t room;                 /* a power of two */
};

/* What lives, and with totals=1 what was ever allocated, by stack; becomes inclusive of
 * callees. */
struct totals {
    uint64_t *count, *bytes, *ever_count, *ever_bytes;
};

static void site_tree_deinit(struct site_tree *tree)
{
    for (size_t i = 0; i < tree->sites.count; i++)
        free((void *)(uintptr_t)tree->sites.at[i].text);
    free(tree->sites.at);
    free(tree->table);
}

static uint32_t text_hash(const char *text, uint32_t parent)
{
    uint64_t hash = parent * 0x9e3779b97f4a7c15ull;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3ull;
    return (uint32_t)(hash ^ (hash >> 32));
}

static uint32_t *tree_slot(const struct site_tree *tree, uint32_t hash, uint32_t parent,
                           const char *text)
{
    size_t at = hash & (tree->room - 1);
    for (; tree->table[at]; at = (at + 1) & (tree->room - 1)) {
        const struct site *site = &tree->sites.at[tree->table[at] - 1];
        if (site->hash == hash && site->parent == parent && !strcmp(site->text, text))
            break;
    }
    return &tree->table[at];
}

static bool tree_grow(struct site_tree *tree)
{
    size_t room = tree->room ? tree->room * 2 : 1024;
    uint32_t *table = calloc(room, sizeof(*table));
    if (!table)
        return false;
    free(tree->table);
    tree->table = table;
    tree->room = room;
    for (size_t i = 0; i < tree->sites.count; i++) {
        const struct site *site = &tree->sites.at[i];
        *tree_slot(tree, site->hash, site->parent, site->text) = (uint32_t)i + 1;
    }
    return true;
}

/* The site of this text below `parent`, new or known; NO_SITE without memory. */
static uint32_t tree_find(struct site_tree *tree, uint32_t parent, const char *text)
{
    if (tree->sites.count * 2 >= tree->room && !tree_grow(tree))
        return NO_SITE;
    uint32_t hash = text_hash(text, parent);
    uint32_t *slot = tree_slot(tree, hash, parent, text);
    if (*slot)
        return *slot - 1;
    struct site site = {.parent = parent, .hash = hash, .text = strdup(text)};
    if (!site.text || !hs_array_push(&tree->sites, site)) {
        free((void *)(uintptr_t)site.text);
        return NO_SITE;
    }
    *slot = (uint32_t)tree->sites.count;
    return *slot - 1;
}

static uint32_t find_site(struct site_tree *tree, uint32_t caller,
                          const struct hs_symbol_frame *frame)
{
    uint64_t hash = ((uintptr_t)frame >> 4) * 31 + caller;
    struct placed *placed = &tree->placed[hash % N_PLACED];
    if (placed->frame == frame && placed->caller == caller)
        return placed->site;
    char text[1024];
    hs_symbols_frame_text(frame, text, sizeof(text));
    uint32_t site = tree_find(tree, caller, text);
    if (site != NO_SITE)
        *placed = (struct placed){frame, caller, site};
    return site;
}

/* ---- from the capture ---- */

static void sum_up(const struct hs_capture *capture, struct totals *totals)
{
    bool is_sample = capture->header->sample_rate != 0;
    for (size_t i = 0; i < capture->n_blocks && !is_sample; i++) {
        totals->count[capture->blocks[i].stack]++;
        totals->bytes[capture->blocks[i].stack] += capture->blocks[i].size;
    }
    for (size_t i = 0; i < capture->n_totals; i++) {
        const struct hs_capture_total *total = &capture->totals[i];
        if (is_sample) { /* here they are estimates for all blocks */
            totals->count[total->stack] += total->count;
            totals->bytes[total->stack] += total->bytes;
        }
        totals->ever_count[total->stack] += total->ever_count;
        totals->ever_bytes[total->stack] += total->ever_bytes;
    }
    for (size_t i = 0; i < capture->n_handles; i++)
        totals->count[capture->handles[i].stack]++;
    for (size_t i = capture->n_frames; i-- > HS_STACK_UNKNOWN + 1;) {
        uint32_t parent = capture->frames[i].parent;
        totals->count[parent] += totals->count[i];
        totals->bytes[parent] += totals->bytes[i];
        totals->ever_count[parent] += totals->ever_count[i];
        totals->ever_bytes[parent] += totals->ever_bytes[i];
    }
}

/* Put one trie node below its caller's site; outermost of the inlined frames first. */
static uint32_t place(struct hs_assembly *assembly, struct site_tree *tree,
                      uint32_t stack, uint32_t caller, const struct totals *totals)
{
    const struct hs_symbol_frame *frames;
    size_t n_frames = hs_symbols_stack_frames(assembly->symbols, stack, &frames);
    uint32_t site = caller;
    for (size_t i = n_frames; i-- > 0;) {
        site = find_site(tree, site, &frames[i]);
        if (site == NO_SITE)
            return NO_SITE;
        tree->sites.at[site].count += totals->count[stack];
        tree->sites.at[site].bytes += totals->bytes[stack];
        tree->sites.at[site].ever_count += totals->ever_count[stack];
        tree->sites.at[site].ever_bytes += totals->ever_bytes[stack];
    }
    return site;
}

/* Fills assembly->site_node with site numbers, which add_nodes() makes node ordinals. */
static int build_tree(struct hs_assembly *assembly, struct site_tree *tree,
                      const struct totals *totals)
{
    const struct hs_capture *capture = assembly->capture;
    for (uint32_t i = HS_STACK_UNKNOWN + 1; i < capture->n_frames; i++) {
        if (totals->count[i] == 0 && totals->ever_count[i] == 0)
            continue;
        uint32_t parent = capture->frames[i].parent;
        uint32_t caller =
            parent > HS_STACK_UNKNOWN ? assembly->site_node[parent] : NO_SITE;
        assembly->site_node[i] = place(assembly, tree, i, caller, totals);
        if (assembly->site_node[i] == NO_SITE)
            return -ENOMEM;
    }
    return 0;
}

/* Estimates are marked. */
static void name_site(const struct site *site, bool is_sample, char *ret, size_t size)
{
    const char *mark = is_sample ? "~" : "";
    char live[HS_SIZE_TEXT], ever[HS_SIZE_TEXT];
    hs_size_text(site->bytes, live);
    hs_size_text(site->ever_bytes, ever);
    int length = snprintf(ret, size, "%s — %s%" PRIu64 " live, %s%s", site->text, mark,
                          site->count, mark, live);
    if (site->ever_count && length > 0 && (size_t)length < size)
        snprintf(ret + length, size - (size_t)length, "; %s%" PRIu64 " ever, %s%s", mark,
                 site->ever_count, mark, ever);
}

static void add_nodes(struct hs_assembly *assembly, const struct site_tree *tree)
{
    uint32_t first = UINT32_MAX;
    for (size_t i = 0; i < tree->sites.count; i++) {
        const struct site *site = &tree->sites.at[i];
        char name[1200];
        name_site(site, assembly->capture->header->sample_rate != 0, name, sizeof(name));
        uint32_t node = hs_assembly_node(assembly, HS_NODE_SYNTHETIC, name,
                                         hs_assembly_synthetic_id(assembly), 0, 0);
        if (i == 0)
            first = node;
        if (site->parent == NO_SITE) {
            hs_assembly_edge(assembly, assembly->group[HS_GROUP_SITES], HS_EDGE_PROPERTY,
                             "entry", node);
            continue;
        }
        hs_assembly_edge(assembly, first + site->parent, HS_EDGE_PROPERTY, "calls", node);
        hs_assembly_edge(assembly, node, HS_EDGE_WEAK, "called from",
                         first + site->parent);
    }
    for (size_t i = 0; i < assembly->capture->n_frames; i++)
        if (assembly->site_node[i] != NO_SITE)
            assembly->site_node[i] += first;
}

int hs_assembly_add_sites(struct hs_assembly *assembly)
{
    size_t n_frames = assembly->capture->n_frames;
    hs_auto_free uint64_t *columns = calloc(n_frames + 1, 4 * sizeof(*columns));
    if (!columns)
        return -ENOMEM;
    struct totals totals = {columns, columns + n_frames, columns + 2 * n_frames,
                            columns + 3 * n_frames};
    struct site_tree tree = {0};
    sum_up(assembly->capture, &totals);
    int result = build_tree(assembly, &tree, &totals);
    if (result == 0)
        add_nodes(assembly, &tree);
    site_tree_deinit(&tree);
    return result;
}

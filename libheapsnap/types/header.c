// SPDX-License-Identifier: MIT

/*
 * Allocators built upon malloc that keep a word or two of their own in front of what they
 * hand out. Their blocks are pointed to behind that, by everybody, whatever their size:
 * where one line of code has made blocks of several sizes and hardly any of those is
 * pointed to before a certain place, there the program's own data begins.
 */

#include <stdlib.h>
#include <string.h>

#include "libheapsnap/base/guard.h"
#include "libheapsnap/types/propagate.h"

#define HEADER_MAX 64u
#define BLOCKS_MIN 16u /* held blocks, to tell it from */
#define SIZES_MIN 4u   /* a function that makes one type may have a link in its middle */
#define AGREEMENT 95u  /* percent */
#define NOT_HELD 0xffu
#define DEPTH_MAX 2u /* malloc may itself be called through a wrapper without a header */

/* Blocks that one chain of calls has allocated. */
struct origin {
    uint64_t key;
    uint32_t held, lead, agree;
    uint64_t sizes[SIZES_MIN];
    uint8_t n_sizes;
    uint8_t start; /* where most are first pointed to */
};

struct origins {
    unsigned depth; /* calls in a chain */
    HS_ARRAY(struct origin) at;
    uint32_t *of_stack; /* number + 1; 0: not asked yet */
    uint32_t *table;    /* open hash, the same */
    size_t room;
};

static uint64_t origin_key(const struct hs_capture *capture, uint32_t stack,
                           unsigned depth)
{
    uint64_t key = 0;
    for (unsigned i = 0; i < depth && stack > HS_STACK_UNKNOWN; i++) {
        key = (key ^ capture->frames[stack].address) * 0x9e3779b97f4a7c15ull;
        key ^= key >> 29;
        stack = capture->frames[stack].parent;
    }
    return key;
}

static bool grow(struct origins *origins)
{
    size_t room = origins->room ? origins->room * 2 : 1024;
    uint32_t *table = calloc(room, sizeof(*table));
    if (!table)
        return false;
    for (uint32_t i = 0; i < origins->at.count; i++) {
        size_t at = origins->at.at[i].key & (room - 1);
        while (table[at])
            at = (at + 1) & (room - 1);
        table[at] = i + 1;
    }
    free(origins->table);
    origins->table = table;
    origins->room = room;
    return true;
}

/* NULL without memory. */
static struct origin *find_origin(struct origins *origins,
                                  const struct hs_capture *capture, uint32_t stack)
{
    if (origins->of_stack[stack])
        return &origins->at.at[origins->of_stack[stack] - 1];
    if (origins->at.count * 2 >= origins->room && !grow(origins))
        return NULL;
    uint64_t key = origin_key(capture, stack, origins->depth);
    size_t at = key & (origins->room - 1);
    while (origins->table[at] && origins->at.at[origins->table[at] - 1].key != key)
        at = (at + 1) & (origins->room - 1);
    if (!origins->table[at]) {
        if (!hs_array_push(&origins->at, (struct origin){.key = key}))
            return NULL;
        origins->table[at] = (uint32_t)origins->at.count;
    }
    origins->of_stack[stack] = origins->table[at];
    return &origins->at.at[origins->table[at] - 1];
}

static void note_start(uint8_t *start, uint32_t inside)
{
    if (inside < *start)
        *start = (uint8_t)inside;
}

/* The least offset that anything points to, of each block. */
static uint8_t *find_starts(const struct hs_capture *capture)
{
    uint8_t *starts = malloc(capture->n_blocks + 1);
    if (!starts)
        return NULL;
    memset(starts, NOT_HELD, capture->n_blocks + 1);
    for (size_t i = 0; i < capture->n_edges; i++)
        note_start(&starts[capture->edges[i].to], capture->edges[i].inside);
    for (size_t i = 0; i < capture->n_root_edges; i++)
        note_start(&starts[capture->root_edges[i].to], capture->root_edges[i].inside);
    return starts;
}

static void note_size(struct origin *origin, uint64_t size)
{
    for (size_t i = 0; i < origin->n_sizes; i++)
        if (origin->sizes[i] == size)
            return;
    if (origin->n_sizes < SIZES_MIN)
        origin->sizes[origin->n_sizes++] = size;
}

static void vote(struct origin *origin, uint8_t start)
{
    if (origin->lead == 0)
        origin->start = start;
    origin->lead += origin->start == start ? 1 : -1u;
    origin->held++;
}

static bool is_header(const struct origin *origin)
{
    return origin->start >= 8 && origin->start <= HEADER_MAX && origin->start % 8 == 0
           && origin->held >= BLOCKS_MIN && origin->n_sizes >= SIZES_MIN
           && (uint64_t)origin->agree * 100 >= (uint64_t)origin->held * AGREEMENT;
}

/* Does the block tell, or is to be told, of a header? */
static bool has_origin(const struct hs_capture_block *block)
{
    return block->stack > HS_STACK_UNKNOWN
           && !(block->flags & (HS_BLOCK_MAPPING | HS_BLOCK_USABLE));
}

static bool count_votes(const struct hs_capture *capture, struct origins *origins,
                        const uint8_t *starts)
{
    for (size_t i = 0; i < capture->n_blocks; i++) {
        const struct hs_capture_block *block = &capture->blocks[i];
        if (!has_origin(block) || starts[i] == NOT_HELD)
            continue;
        struct origin *origin = find_origin(origins, capture, block->stack);
        if (!origin)
            return false;
        vote(origin, starts[i]);
        note_size(origin, block->size);
    }
    for (size_t i = 0; i < capture->n_blocks; i++) {
        const struct hs_capture_block *block = &capture->blocks[i];
        if (!has_origin(block) || starts[i] == NOT_HELD)
            continue;
        struct origin *origin = find_origin(origins, capture, block->stack);
        origin->agree += origin->start == starts[i];
    }
    return true;
}

/* How many bytes stand before the data of each block, as far as these origins tell. */
static bool fill(const struct hs_capture *capture, struct origins *origins,
                 uint8_t *headers)
{
    bool is_any = false;
    for (size_t i = 0; i < capture->n_blocks; i++) {
        const struct hs_capture_block *block = &capture->blocks[i];
        if (!has_origin(block) || !origins->of_stack[block->stack])
            continue;
        const struct origin *origin = find_origin(origins, capture, block->stack);
        if (headers[i] > 0 || !is_header(origin) || block->size <= origin->start)
            continue;
        headers[i] = origin->start;
        is_any = true;
    }
    return is_any;
}

static bool find_by_depth(const struct hs_capture *capture, unsigned depth,
                          const uint8_t *starts, uint8_t *headers)
{
    struct origins origins = {
        .depth = depth,
        .of_stack = calloc(capture->n_frames + 1, sizeof(*origins.of_stack)),
    };
    bool is_any = origins.of_stack && count_votes(capture, &origins, starts)
                  && fill(capture, &origins, headers);
    free(origins.of_stack);
    free(origins.table);
    free(origins.at.at);
    return is_any;
}

uint8_t *hs_headers_find(const struct hs_capture *capture)
{
    hs_auto_free uint8_t *starts = find_starts(capture);
    hs_auto_free uint8_t *headers = calloc(capture->n_blocks + 1, 1);
    bool is_any = false;
    for (unsigned depth = 1; depth <= DEPTH_MAX && starts && headers; depth++)
        is_any |= find_by_depth(capture, depth, starts, headers);
    return is_any ? hs_take(headers) : NULL;
}

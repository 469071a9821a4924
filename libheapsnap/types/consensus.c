// SPDX-License-Identifier: MIT

/*
 * Blocks of one allocation stack are of one type, as a rule. Lost blocks have nobody whose
 * type would tell theirs, but their brothers that are still held have.
 *
 * The whole stack is asked first. What leaks often comes by another way to the same code:
 * then blocks of the same innermost functions and lines vote, ever fewer of these, as long
 * as those make blocks of one size: what makes many is an "xmalloc".
 */

#include <stdlib.h>
#include <string.h>

#include "libheapsnap/base/guard.h"
#include "libheapsnap/types/propagate.h"

/* So many of a hundred typed blocks must be of one type. */
#define AGREEMENT 90

/* Numbers of innermost functions, inlined ones too, that make an origin. */
#define WHOLE_STACK 0u
#define ONE_LINE 1u
static const unsigned depths[] = {WHOLE_STACK, 8, 5, 3, 2, ONE_LINE};
#define N_DEPTHS (sizeof(depths) / sizeof(depths[0]))

/* So many typed blocks are needed to speak for others. */
static uint32_t voters_needed(unsigned depth)
{
    return depth == WHOLE_STACK ? 1 : depth == ONE_LINE ? 3 : 2;
}

/* Typed blocks by origin: Boyer and Moore's majority vote, with weights, then a count. */
struct vote {
    uint64_t key; /* 0: free */
    uint32_t shape;
    uint32_t lead; /* of the vote that runs */
    uint32_t voters, agree;
    uint64_t size;
    bool has_sizes; /* more than one */
};

/* Blocks of one stack and size. */
struct group {
    uint64_t size;
    uint32_t stack;
    uint32_t shape; /* what most of them are */
    uint32_t lead;  /* as above */
    uint32_t voters, agree, open;
    uint32_t decided; /* what the open ones are to be */
};

struct hs_consensus {
    uint32_t *group; /* by block; UINT32_MAX: has no part in it */
    HS_ARRAY(struct group) groups;
    struct vote *votes; /* open hash */
    size_t room;        /* a power of two */
};

void hs_consensus_destroy(struct hs_consensus *consensus)
{
    if (!consensus)
        return;
    free(consensus->group);
    free(consensus->groups.at);
    free(consensus->votes);
    free(consensus);
}
HS_DEFINE_GUARD(guard_consensus, struct hs_consensus *, hs_consensus_destroy)

/* ---- groups ---- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15ull;
    return hash ^ hash >> 29;
}

static uint64_t mix_text(uint64_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3ull;
    return hash;
}

/* Functions and lines of the innermost `depth` frames. Allocators and containers do not
 * count, but they are part of it. */
static uint64_t mix_frames(const struct hs_types *types, uint64_t key, uint32_t stack,
                           unsigned depth)
{
    while (stack > HS_STACK_UNKNOWN) {
        const struct hs_symbol_frame *frames;
        size_t count = hs_symbols_stack_frames(types->symbols, stack, &frames);
        for (size_t i = 0; i < count; i++) {
            key = mix(mix_text(key, frames[i].function), frames[i].line);
            if (!frames[i].is_allocator && --depth == 0)
                return key;
        }
        stack = types->capture->frames[stack].parent;
    }
    return key;
}

static uint64_t group_key(const struct hs_types *types, const struct group *group,
                          unsigned depth)
{
    if (depth == WHOLE_STACK)
        return mix(1, group->stack) | 1;
    return mix_frames(types, mix(1, depth), group->stack, depth) | 1;
}

static uint32_t find_group(struct hs_consensus *consensus, uint32_t *table, size_t room,
                           const struct hs_capture_block *block)
{
    size_t at = mix(block->stack, block->size) & (room - 1);
    for (; table[at]; at = (at + 1) & (room - 1)) {
        const struct group *group = &consensus->groups.at[table[at] - 1];
        if (group->stack == block->stack && group->size == block->size)
            return table[at] - 1;
    }
    struct group group = {.size = block->size, .stack = block->stack};
    if (!hs_array_push(&consensus->groups, group))
        return UINT32_MAX;
    table[at] = (uint32_t)consensus->groups.count;
    return table[at] - 1;
}

static bool grow_table(const struct hs_consensus *consensus, uint32_t **table,
                       size_t *room)
{
    size_t bigger = *room ? *room * 2 : 4096;
    uint32_t *grown = calloc(bigger, sizeof(*grown));
    if (!grown)
        return false;
    for (uint32_t i = 0; i < consensus->groups.count; i++) {
        const struct group *group = &consensus->groups.at[i];
        size_t at = mix(group->stack, group->size) & (bigger - 1);
        while (grown[at])
            at = (at + 1) & (bigger - 1);
        grown[at] = i + 1;
    }
    free(*table);
    *table = grown;
    *room = bigger;
    return true;
}

struct hs_consensus *hs_consensus_create(const struct hs_capture *capture)
{
    hs_auto(guard_consensus) struct hs_consensus *consensus =
        calloc(1, sizeof(*consensus));
    hs_auto_free uint32_t *table = NULL;
    size_t room = 0;
    if (!consensus
        || !(consensus->group = malloc((capture->n_blocks + 1) * sizeof(uint32_t))))
        return NULL;
    for (size_t i = 0; i < capture->n_blocks; i++) {
        const struct hs_capture_block *block = &capture->blocks[i];
        consensus->group[i] = UINT32_MAX;
        if (block->stack <= HS_STACK_UNKNOWN || (block->flags & HS_BLOCK_MAPPING))
            continue;
        if (consensus->groups.count * 2 >= room && !grow_table(consensus, &table, &room))
            return NULL;
        consensus->group[i] = find_group(consensus, table, room, block);
        if (consensus->group[i] == UINT32_MAX)
            return NULL;
    }
    for (consensus->room = 1024; consensus->room < consensus->groups.count * 2;)
        consensus->room *= 2;
    consensus->votes = calloc(consensus->room, sizeof(*consensus->votes));
    return consensus->votes ? hs_take(consensus) : NULL;
}

/* ---- votes ---- */

static bool is_open(const struct hs_typed *typed)
{
    return typed->rank < HS_RANK_ROW;
}

static void count_groups(const struct hs_types *types, struct hs_consensus *consensus)
{
    for (size_t i = 0; i < consensus->groups.count; i++) {
        struct group *group = &consensus->groups.at[i];
        group->lead = group->voters = group->agree = group->open = 0;
        group->decided = HS_SHAPE_NONE;
    }
    for (size_t i = 0; i < types->capture->n_blocks; i++) {
        const struct hs_typed *typed = &types->blocks[i];
        if (consensus->group[i] == UINT32_MAX)
            continue;
        struct group *group = &consensus->groups.at[consensus->group[i]];
        if (is_open(typed)) {
            group->open++;
            continue;
        }
        if (group->lead == 0)
            group->shape = typed->shape;
        group->lead += group->shape == typed->shape ? 1 : -1u;
        group->voters++;
    }
    for (size_t i = 0; i < types->capture->n_blocks; i++) {
        const struct hs_typed *typed = &types->blocks[i];
        if (consensus->group[i] == UINT32_MAX || is_open(typed))
            continue;
        struct group *group = &consensus->groups.at[consensus->group[i]];
        group->agree += group->shape == typed->shape;
    }
}

static struct vote *find_vote(struct hs_consensus *consensus, uint64_t key)
{
    size_t at = key & (consensus->room - 1);
    while (consensus->votes[at].key && consensus->votes[at].key != key)
        at = (at + 1) & (consensus->room - 1);
    return &consensus->votes[at];
}

static void vote(const struct hs_types *types, struct hs_consensus *consensus,
                 unsigned depth)
{
    memset(consensus->votes, 0, consensus->room * sizeof(*consensus->votes));
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < consensus->groups.count; i++) {
            const struct group *group = &consensus->groups.at[i];
            uint64_t key = group_key(types, group, depth);
            struct vote *common = find_vote(consensus, key);
            common->has_sizes |= common->key && common->size != group->size;
            common->size = group->size;
            common->key = key;
            if (group->voters == 0)
                continue;
            if (pass == 1) {
                common->voters += group->voters;
                common->agree += group->shape == common->shape ? group->agree : 0;
            } else if (common->lead == 0 || common->shape == group->shape) {
                common->shape = group->shape;
                common->lead += group->agree;
            } else if (common->lead >= group->agree) {
                common->lead -= group->agree;
            } else {
                common->shape = group->shape;
                common->lead = group->agree - common->lead;
            }
        }
}

/* What the open blocks of each group are to be, as far as it is not decided; false when
 * everything is. */
static bool decide(const struct hs_types *types, struct hs_consensus *consensus,
                   unsigned depth)
{
    bool is_left = false;
    vote(types, consensus, depth);
    for (size_t i = 0; i < consensus->groups.count; i++) {
        struct group *group = &consensus->groups.at[i];
        if (group->open == 0 || group->decided != HS_SHAPE_NONE)
            continue;
        uint64_t key = group_key(types, group, depth);
        const struct vote *common = find_vote(consensus, key);
        bool is_agreed =
            common->voters >= voters_needed(depth)
            && (depth == WHOLE_STACK || !common->has_sizes)
            && (uint64_t)common->agree * 100 >= (uint64_t)common->voters * AGREEMENT;
        if (is_agreed)
            group->decided = common->shape;
        else
            is_left = true;
    }
    return is_left;
}

bool hs_types_agree(struct hs_types *types, struct hs_consensus *consensus)
{
    count_groups(types, consensus);
    for (size_t i = 0; i < N_DEPTHS; i++)
        if (!decide(types, consensus, depths[i]))
            break;
    bool is_new = false;
    for (uint32_t i = 0; i < types->capture->n_blocks; i++) {
        struct hs_typed *typed = &types->blocks[i];
        if (consensus->group[i] == UINT32_MAX || !is_open(typed))
            continue;
        uint32_t shape = consensus->groups.at[consensus->group[i]].decided;
        hs_types_claim(types, i, shape, HS_RANK_FITS, HS_ORIGIN_CONSENSUS);
        is_new |= !is_open(typed);
    }
    return is_new;
}

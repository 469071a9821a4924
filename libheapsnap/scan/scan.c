// SPDX-License-Identifier: MIT

/*
 * Three levels take an address to a granule of 512 bytes: 2^13 middle tables of 2^13
 * leaves of 2^12 granules. A granule names the first block that reaches into it, and from
 * there the packed blocks are walked forward. A block that covers whole leaves (a big
 * mapping) is named by the middle table itself, so a reservation of 100 GB costs 200 KB.
 */

#include "libheapsnap/scan/scan.h"

#define GRANULE_BITS 9
#define LEAF_BITS 12
#define MIDDLE_BITS 13
#define TOP_BITS 13
#define LEAF_SHIFT (GRANULE_BITS + LEAF_BITS)
#define MIDDLE_SHIFT (LEAF_SHIFT + MIDDLE_BITS)
#define ADDRESS_BITS (MIDDLE_SHIFT + TOP_BITS)

/* Entries of a middle table: 0 nothing, else a leaf's or a block's number plus one. */
#define WHOLE_LEAF 0x80000000u
#define POOL_SIZE (1u << 20)

#if defined(__aarch64__)
#define ADDRESS_MASK 0x00ffffffffffffffull
#else
#define ADDRESS_MASK UINT64_MAX
#endif

struct leaf {
    uint32_t first[1u << LEAF_BITS]; /* block number plus one; 0: no block */
};

struct hs_scan_index {
    const struct hs_scan_block *blocks;
    uint32_t count;
    uint64_t mask;
    uint64_t low, span; /* addresses worth looking up: [low, low + span) */
    struct leaf **leaves;
    uint32_t n_leaves, max_leaves;
    uint32_t *top[1u << TOP_BITS];
    hs_scan_map map;
    char *pool;
    size_t pool_left;
};

static uint64_t block_end(const struct hs_scan_block *block)
{
    return block->start + (block->size ? block->size : 1);
}

static void *take(struct hs_scan_index *index, size_t size)
{
    if (index->pool_left < size) {
        size_t pool = size > POOL_SIZE ? size : POOL_SIZE;
        index->pool = index->map(pool);
        if (!index->pool) {
            index->pool_left = 0;
            return NULL;
        }
        index->pool_left = pool;
    }
    void *memory = index->pool;
    index->pool += size;
    index->pool_left -= size;
    return memory;
}

/* The middle entry of the leaf that holds `address`, made when missing. */
static uint32_t *make_middle(struct hs_scan_index *index, uint64_t address)
{
    uint32_t **middle = &index->top[address >> MIDDLE_SHIFT];
    if (!*middle)
        *middle = take(index, sizeof(uint32_t) << MIDDLE_BITS);
    if (!*middle)
        return NULL;
    return *middle + ((address >> LEAF_SHIFT) & ((1u << MIDDLE_BITS) - 1));
}

static struct leaf *make_leaf(struct hs_scan_index *index, uint32_t *entry)
{
    if (*entry)
        return index->leaves[*entry - 1];
    if (index->n_leaves == index->max_leaves)
        return NULL;
    struct leaf *leaf = take(index, sizeof(*leaf));
    if (!leaf)
        return NULL;
    index->leaves[index->n_leaves++] = leaf;
    *entry = index->n_leaves;
    return leaf;
}

/* Name block `number` in every granule from its start to the byte after its end. */
static bool add_block(struct hs_scan_index *index, uint32_t number)
{
    uint64_t at = index->blocks[number].start, end = block_end(&index->blocks[number]);

    while (at <= end) {
        uint64_t leaf_start = at >> LEAF_SHIFT << LEAF_SHIFT;
        uint64_t leaf_end = leaf_start + (1ull << LEAF_SHIFT);
        uint32_t *entry = make_middle(index, at);
        if (!entry)
            return false;
        if (at == leaf_start && end >= leaf_end && !*entry) {
            *entry = WHOLE_LEAF | number;
            at = leaf_end;
            continue;
        }
        struct leaf *leaf = make_leaf(index, entry);
        if (!leaf)
            return false;
        uint64_t last = end < leaf_end ? end : leaf_end - 1;
        uint64_t granule = (at - leaf_start) >> GRANULE_BITS;
        for (; granule <= (last - leaf_start) >> GRANULE_BITS; granule++)
            if (!leaf->first[granule])
                leaf->first[granule] = number + 1;
        at = leaf_end;
    }
    return true;
}

/* No more leaves than this can be touched: two a block, and what blocks cover in part. */
static uint32_t count_leaves(const struct hs_scan_block *blocks, uint32_t count)
{
    uint32_t leaves = 0;
    uint64_t last = UINT64_MAX;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t first = blocks[i].start >> LEAF_SHIFT;
        uint64_t end = block_end(&blocks[i]) >> LEAF_SHIFT;
        leaves += (first != last) + (end != first);
        last = end;
    }
    return leaves;
}

struct hs_scan_index *hs_scan_index_create(const struct hs_scan_block *blocks,
                                           uint32_t count, hs_scan_map map)
{
    struct hs_scan_index *index = map(sizeof(*index));
    if (!index || count >= WHOLE_LEAF)
        return NULL;
    index->blocks = blocks;
    index->count = count;
    index->map = map;
    index->mask = ADDRESS_MASK;
    if (count == 0)
        return index;

    index->low = blocks[0].start;
    index->span = block_end(&blocks[count - 1]) - index->low + 1;
    if (index->low + index->span > 1ull << ADDRESS_BITS)
        return NULL;
    index->max_leaves = count_leaves(blocks, count);
    index->leaves = map((index->max_leaves + 1) * sizeof(*index->leaves));
    if (!index->leaves)
        return NULL;
    for (uint32_t i = 0; i < count; i++)
        if (!add_block(index, i))
            return NULL;
    return index;
}

void hs_scan_index_mask(struct hs_scan_index *index, uint64_t mask)
{
    index->mask = mask;
}

/* From the first block that reaches into the granule to the one that holds `address`. */
static uint32_t walk(const struct hs_scan_index *index, uint32_t at, uint64_t address,
                     uint32_t *ret_inside)
{
    const struct hs_scan_block *blocks = index->blocks;
    uint32_t first = at;

    while (at < index->count && block_end(&blocks[at]) <= address)
        at++;
    if (at < index->count && blocks[at].start <= address) {
        uint64_t inside = address - blocks[at].start;
        *ret_inside = inside < HS_SCAN_PAST_END ? (uint32_t)inside : HS_SCAN_PAST_END - 1;
        return at;
    }
    if (at > first && block_end(&blocks[at - 1]) == address) {
        *ret_inside = HS_SCAN_PAST_END;
        return at - 1;
    }
    return UINT32_MAX;
}

/* Where the granule of `address` keeps its block; NULL: no block there. A whole-leaf
 * block comes back in `ret_whole`. */
static const uint32_t *find_granule(const struct hs_scan_index *index, uint64_t address,
                                    uint32_t *ret_whole)
{
    const uint32_t *middle = index->top[address >> MIDDLE_SHIFT];
    if (!middle)
        return NULL;
    uint32_t entry = middle[(address >> LEAF_SHIFT) & ((1u << MIDDLE_BITS) - 1)];
    if (entry & WHOLE_LEAF) {
        *ret_whole = (entry & ~WHOLE_LEAF) + 1;
        return ret_whole;
    }
    if (!entry)
        return NULL;
    return &index->leaves[entry - 1]
                ->first[(address >> GRANULE_BITS) & ((1u << LEAF_BITS) - 1)];
}

uint32_t hs_scan_find(const struct hs_scan_index *index, uint64_t address,
                      uint32_t *ret_inside)
{
    uint32_t inside, whole;
    address &= index->mask;
    if (address - index->low >= index->span)
        return UINT32_MAX;
    const uint32_t *granule = find_granule(index, address, &whole);
    if (!granule || !*granule)
        return UINT32_MAX;
    return walk(index, *granule - 1, address, ret_inside ? ret_inside : &inside);
}

bool hs_scanner_finish(struct hs_scanner *scanner)
{
    const struct hs_scan_index *index = scanner->index;
    const struct hs_scan_candidate *waiting = scanner->waiting;
    uint32_t count = scanner->count;
    const uint32_t *granule[HS_SCAN_BATCH];
    uint32_t whole[HS_SCAN_BATCH], first[HS_SCAN_BATCH];

    scanner->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        granule[i] = find_granule(index, waiting[i].word, &whole[i]);
        __builtin_prefetch(granule[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        first[i] = granule[i] ? *granule[i] : 0;
        if (first[i])
            __builtin_prefetch(&index->blocks[first[i] - 1]);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct hs_scan_hit found = {.slot = waiting[i].slot, .source = waiting[i].source};
        if (!first[i])
            continue;
        found.block = walk(index, first[i] - 1, waiting[i].word, &found.inside);
        if (found.block != UINT32_MAX && !scanner->hit(&found, scanner->context))
            return false;
    }
    return true;
}

bool hs_scanner_feed(struct hs_scanner *scanner, const void *memory, size_t size,
                     uint64_t address, uint32_t source)
{
    size_t skip = -(uintptr_t)memory & 7;
    uint64_t low = scanner->index->low, span = scanner->index->span;
    uint64_t mask = scanner->index->mask;
    if (size < skip + 8 || span == 0)
        return true;
    const uint64_t *words = (const uint64_t *)((const char *)memory + skip);
    size_t count = (size - skip) / 8;

    address += skip;
    for (size_t i = 0; i < count; i++) {
        /* Most memory holds no pointer: four words a branch. */
        if (i + 4 <= count) {
            uint64_t a = words[i] & mask, b = words[i + 1] & mask;
            uint64_t c = words[i + 2] & mask, d = words[i + 3] & mask;
            if (!((a - low < span) | (b - low < span) | (c - low < span)
                  | (d - low < span))) {
                i += 3;
                continue;
            }
        }
        uint64_t word = words[i] & mask;
        if (word - low >= span)
            continue;
        scanner->waiting[scanner->count++] = (struct hs_scan_candidate){
            .slot = address + i * 8, .word = word, .source = source};
        if (scanner->count == HS_SCAN_BATCH && !hs_scanner_finish(scanner))
            return false;
    }
    return true;
}

bool hs_scan_words(const struct hs_scan_index *index, const void *memory, size_t size,
                   uint64_t address,
                   bool (*hit)(const struct hs_scan_hit *found, void *context),
                   void *context)
{
    struct hs_scanner scanner;
    scanner.index = index;
    scanner.hit = hit;
    scanner.context = context;
    scanner.count = 0;
    return hs_scanner_feed(&scanner, memory, size, address, 0)
           && hs_scanner_finish(&scanner);
}

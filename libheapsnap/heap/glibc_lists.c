// SPDX-License-Identifier: MIT

/*
 * Chunks that were freed but still look used: those in fastbins, and those that a thread
 * keeps for itself.
 *
 * A thread's cache is a block like any other (struct tcache_perthread_struct). Without
 * symbols it is told by its contents: 64 counts and 64 lists, every list as long as its
 * count and of chunks of exactly its size. An empty one cannot be told, and need not be.
 * From 2.32 on a link is stored XORed with the place it is stored in, shifted by a page;
 * which it is here, the lists themselves decide by majority.
 */

#include <errno.h>
#include <stdlib.h>

#include "libheapsnap/heap/glibc.h"

#define CACHE_BINS 64u
#define SIZE_BYTE_COUNTS 0x250u /* of the cache's chunk: counts are chars up to 2.29 */
#define SIZE_SHORT_COUNTS 0x290u
#define LIST_MAX 65536u

struct lists {
    struct hs_glibc *heap;
    bool is_mangled;
    size_t plain_votes, mangled_votes;
};

struct cache {
    uint64_t counts[CACHE_BINS];
    uint64_t heads[CACHE_BINS]; /* addresses of user memory; 0: none */
};

static uint64_t reveal(bool is_mangled, uint64_t place, uint64_t stored)
{
    return is_mangled ? stored ^ (place >> 12) : stored;
}

static struct hs_chunk *find(struct lists *lists, uint64_t address, uint64_t size)
{
    struct hs_chunk *chunk =
        address % 16 ? NULL : hs_glibc_find_chunk(lists->heap, address);
    bool is_right = chunk && chunk->size == size && chunk->state != HS_CHUNK_FREE;
    return is_right ? chunk : NULL;
}

/* What the link in `chunk` says under either reading. In caches links aim at the user's
 * memory, `distance` bytes behind the chunk's beginning, in fastbins at the chunk. */
static void vote(struct lists *lists, const struct hs_chunk *chunk, uint64_t distance)
{
    uint64_t place = chunk->address + 16, stored;
    if (!hs_reader_word(lists->heap->reader, place, &stored))
        return;
    bool fits[2];
    for (int i = 0; i < 2; i++) {
        uint64_t next = reveal(i, place, stored);
        fits[i] = next == 0 || find(lists, next - distance, chunk->size);
    }
    lists->plain_votes += fits[0] && !fits[1];
    lists->mangled_votes += fits[1] && !fits[0];
}

/* The number of chunks in a list, or -1 where it leads astray. Marks them when asked. */
static int64_t follow(struct lists *lists, uint64_t address, uint64_t size,
                      uint64_t distance, bool is_marking)
{
    int64_t count = 0;
    while (address != 0) {
        struct hs_chunk *chunk = find(lists, address - distance, size);
        uint64_t place, stored;
        if (!chunk || count == LIST_MAX
            || (is_marking && chunk->state == HS_CHUNK_CACHED))
            return -1;
        if (is_marking) {
            chunk->state = HS_CHUNK_CACHED;
            lists->heap->n_cached++;
        }
        place = chunk->address + 16;
        if (!hs_reader_word(lists->heap->reader, place, &stored))
            return -1;
        address = reveal(lists->is_mangled, place, stored);
        count++;
    }
    return count;
}

/* ---- fastbins ---- */

static void each_fastbin(struct lists *lists,
                         void (*visit)(struct lists *, uint64_t, uint64_t))
{
    const struct hs_glibc *heap = lists->heap;
    for (size_t i = 0; i < heap->arenas.count; i++)
        for (uint64_t bin = 0; bin < HS_ARENA_N_FASTBINS; bin++) {
            uint64_t first = hs_glibc_word(
                lists->heap, heap->arenas.at[i].address + HS_ARENA_FASTBINS + 8 * bin);
            if (first)
                visit(lists, first, HS_CHUNK_MIN + 16 * bin);
        }
}

static void vote_fastbin(struct lists *lists, uint64_t first, uint64_t size)
{
    struct hs_chunk *chunk = find(lists, first, size);
    if (chunk)
        vote(lists, chunk, 0);
}

static void mark_fastbin(struct lists *lists, uint64_t first, uint64_t size)
{
    if (follow(lists, first, size, 0, true) < 0)
        hs_glibc_note_damage(lists->heap, first);
}

/* ---- threads' caches ---- */

/* False when `chunk` is too short or cannot be read. */
static bool read_cache(struct lists *lists, const struct hs_chunk *chunk,
                       struct cache *ret)
{
    uint64_t memory = chunk->address + 16;
    bool is_short = chunk->size == SIZE_SHORT_COUNTS;
    uint16_t counts[CACHE_BINS];
    uint8_t bytes[CACHE_BINS];
    bool is_read =
        is_short ? hs_reader_copy(lists->heap->reader, memory, counts, sizeof(counts))
                 : hs_reader_copy(lists->heap->reader, memory, bytes, sizeof(bytes));
    for (unsigned i = 0; i < CACHE_BINS && is_read; i++)
        ret->counts[i] = is_short ? counts[i] : bytes[i];
    return is_read
           && hs_reader_copy(lists->heap->reader,
                             memory + (is_short ? sizeof(counts) : sizeof(bytes)),
                             ret->heads, sizeof(ret->heads));
}

static bool may_be_cache(const struct hs_chunk *chunk)
{
    return chunk->state == HS_CHUNK_USED
           && (chunk->size == SIZE_BYTE_COUNTS || chunk->size == SIZE_SHORT_COUNTS);
}

/* Counts and lists agree, but for one whose thread was stopped between the two. */
static bool has_right_heads(struct lists *lists, const struct cache *cache)
{
    unsigned good = 0, odd = 0;
    for (unsigned i = 0; i < CACHE_BINS; i++) {
        if (cache->heads[i] == 0) {
            odd += cache->counts[i] != 0;
            continue;
        }
        if (cache->counts[i] > LIST_MAX
            || !find(lists, cache->heads[i] - 16, HS_CHUNK_MIN + 16ull * i))
            return false;
        odd += cache->counts[i] == 0;
        good++;
    }
    return good > 0 && odd <= 1;
}

static bool has_right_lists(struct lists *lists, const struct cache *cache)
{
    unsigned odd = 0;
    for (unsigned i = 0; i < CACHE_BINS; i++) {
        int64_t length =
            follow(lists, cache->heads[i], HS_CHUNK_MIN + 16ull * i, 16, false);
        int64_t wrong = length - (int64_t)cache->counts[i];
        if (length < 0 || wrong > 1 || wrong < -1)
            return false;
        odd += wrong != 0;
    }
    return odd <= 1;
}

static void vote_cache(struct lists *lists, const struct cache *cache)
{
    for (unsigned i = 0; i < CACHE_BINS; i++)
        if (cache->heads[i])
            vote(lists, find(lists, cache->heads[i] - 16, HS_CHUNK_MIN + 16ull * i), 16);
}

static void mark_cache(struct lists *lists, struct hs_chunk *chunk,
                       const struct cache *cache)
{
    if (!has_right_lists(lists, cache))
        return;
    chunk->state = HS_CHUNK_CACHE;
    for (unsigned i = 0; i < CACHE_BINS; i++)
        follow(lists, cache->heads[i], HS_CHUNK_MIN + 16ull * i, 16, true);
}

/* An empty cache is as good as any block of zeros, but it is the first thing that its
 * thread has allocated, often in an arena of its own. */
static void mark_empty_caches(struct lists *lists)
{
    const struct hs_glibc *heap = lists->heap;
    for (size_t i = 0; i < heap->runs.count; i++) {
        struct hs_chunk *first = hs_glibc_find_chunk(lists->heap, heap->runs.at[i].start);
        struct cache cache;
        if (!first || !may_be_cache(first) || !read_cache(lists, first, &cache))
            continue;
        uint64_t all = 0;
        for (unsigned bin = 0; bin < CACHE_BINS; bin++)
            all |= cache.counts[bin] | cache.heads[bin];
        if (all == 0)
            first->state = HS_CHUNK_CACHE;
    }
}

int hs_glibc_mark_lists(struct hs_glibc *heap)
{
    struct lists lists = {.heap = heap};
    HS_ARRAY(size_t) candidates = {0};
    struct cache cache;

    each_fastbin(&lists, vote_fastbin);
    for (size_t i = 0; i < heap->chunks.count; i++) {
        if (!may_be_cache(&heap->chunks.at[i])
            || !read_cache(&lists, &heap->chunks.at[i], &cache)
            || !has_right_heads(&lists, &cache))
            continue;
        vote_cache(&lists, &cache);
        if (!hs_array_push(&candidates, i)) {
            free(candidates.at);
            return -ENOMEM;
        }
    }
    lists.is_mangled = lists.mangled_votes > lists.plain_votes;
    for (size_t i = 0; i < candidates.count; i++) {
        struct hs_chunk *chunk = &heap->chunks.at[candidates.at[i]];
        if (may_be_cache(chunk) && read_cache(&lists, chunk, &cache))
            mark_cache(&lists, chunk, &cache);
    }
    each_fastbin(&lists, mark_fastbin);
    mark_empty_caches(&lists);
    free(candidates.at);
    return 0;
}

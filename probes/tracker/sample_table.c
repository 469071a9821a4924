// SPDX-License-Identifier: MIT

/*
 * The sampled blocks: a hash in levels, each with twice the buckets of the one before.
 *
 * An address has one bucket on each level, and lies in the first that had room. So a
 * removal leaves no mark behind, nothing is ever moved, and no lock is needed: as long as
 * a block lives its address belongs to one caller, and different addresses only compete
 * for empty places. The table of the live blocks would cost a page for each of them.
 *
 * The running totals in the control page are estimates.
 */

#include "probes/tracker/sample.h"

#include "probes/abi.h"
#include "probes/tracker/control.h"
#include "probes/tracker/guard.h"
#include "probes/tracker/options.h"
#include "probes/tracker/raw.h"

#define PLACES 8
#define FIRST_BUCKETS ((size_t)32)
#define LEVELS 16
#define BUSY 1u /* in a key: its block is being written; blocks begin at multiples of 8 */

struct value {
    uint64_t size;
    uint32_t stack;
    uint32_t birth_epoch;
};

struct bucket {
    uint64_t keys[PLACES]; /* 0: empty */
    struct value values[PLACES];
};

static struct bucket *levels[LEVELS];
static int64_t live_blocks; /* in 65536ths */
static uint64_t dropped;

static size_t level_size(unsigned level)
{
    return (FIRST_BUCKETS << level) * sizeof(struct bucket);
}

void hs_sample_begin(uint64_t rate)
{
    uint64_t seed;
    if (hs_raw(SYS_getrandom, &seed, sizeof(seed), 1 /* GRND_NONBLOCK */) == sizeof(seed))
        hs_sample_seed = seed;
    hs_sample_rate = rate;
}

void hs_sample_end(void)
{
    for (unsigned i = 0; i < LEVELS; i++) {
        hs_raw_unmap_used(levels[i], level_size(i));
        levels[i] = NULL;
    }
    __builtin_memset(hs_sample_filter, 0, sizeof(hs_sample_filter));
    live_blocks = 0;
    dropped = 0;
    hs_sample_rate = 0;
}

/* 255 stays for ever: who comes and goes then is no longer known. */
static void filter_change(uint64_t address, int change)
{
    uint8_t *count = &hs_sample_filter[hs_sample_place(address)];
    uint8_t old = __atomic_load_n(count, __ATOMIC_RELAXED);
    do {
        if (old == UINT8_MAX || (old == 0 && change < 0))
            return;
    } while (!__atomic_compare_exchange_n(count, &old, (uint8_t)(old + change), true,
                                          __ATOMIC_RELAXED, __ATOMIC_RELAXED));
}

static void count(uint64_t size, int sign)
{
    uint64_t weight = hs_sample_weight(size);
    int64_t bytes = (int64_t)((unsigned __int128)weight * size >> 16);
    int64_t blocks =
        __atomic_add_fetch(&live_blocks, sign * (int64_t)weight, __ATOMIC_RELAXED);
    __atomic_fetch_add(&hs_control->live_bytes, sign * bytes, __ATOMIC_RELAXED);
    __atomic_store_n(&hs_control->live_blocks, blocks >> 16, __ATOMIC_RELAXED);
    if (sign > 0 && hs_options.over_bytes && hs_guard_word & HS_GUARD_HELD)
        hs_guard_word |= HS_GUARD_PENDING;
}

static struct bucket *level_get(unsigned level)
{
    struct bucket *buckets = __atomic_load_n(&levels[level], __ATOMIC_ACQUIRE);
    if (buckets)
        return buckets;
    struct bucket *fresh = hs_raw_map_used(level_size(level));
    if (!fresh)
        return NULL;
    if (__atomic_compare_exchange_n(&levels[level], &buckets, fresh, false,
                                    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return fresh;
    hs_raw_unmap_used(fresh, level_size(level));
    return buckets;
}

static struct bucket *bucket_of(struct bucket *buckets, unsigned level, uint64_t address)
{
    uint64_t hash = (address >> 3) * 0x9e3779b97f4a7c15ull >> 32;
    return &buckets[hash & ((FIRST_BUCKETS << level) - 1)];
}

static bool bucket_put(struct bucket *bucket, const struct hs_live_block *block)
{
    for (unsigned i = 0; i < PLACES; i++) {
        uint64_t empty = 0;
        if (!__atomic_compare_exchange_n(&bucket->keys[i], &empty, block->address | BUSY,
                                         false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            continue;
        bucket->values[i] = (struct value){block->size, block->stack, block->birth_epoch};
        __atomic_store_n(&bucket->keys[i], block->address, __ATOMIC_RELEASE);
        return true;
    }
    return false;
}

void hs_sample_restore(const struct hs_live_block *block)
{
    /* Something is left here only when its free was not seen. */
    if (hs_sample_may_hold((void *)(uintptr_t)block->address))
        hs_sample_remove(block->address, NULL);
    for (unsigned level = 0; level < LEVELS; level++) {
        struct bucket *buckets = level_get(level);
        if (!buckets)
            break;
        if (bucket_put(bucket_of(buckets, level, block->address), block)) {
            filter_change(block->address, 1);
            count(block->size, 1);
            return;
        }
    }
    __atomic_fetch_add(&dropped, 1, __ATOMIC_RELAXED);
}

void hs_sample_insert(uint64_t address, uint64_t size, uint32_t stack)
{
    hs_sample_restore(&(struct hs_live_block){
        .address = address,
        .size = size,
        .stack = stack,
        .birth_epoch = __atomic_load_n(&hs_control->epoch, __ATOMIC_RELAXED),
    });
}

static struct hs_live_block read_place(const struct bucket *bucket, unsigned i)
{
    return (struct hs_live_block){
        .address = bucket->keys[i],
        .size = bucket->values[i].size,
        .stack = bucket->values[i].stack,
        .birth_epoch = bucket->values[i].birth_epoch,
    };
}

bool hs_sample_remove(uint64_t address, struct hs_live_block *ret)
{
    if (address == 0)
        return false; /* an empty place is no block */
    for (unsigned level = 0; level < LEVELS; level++) {
        struct bucket *bucket = __atomic_load_n(&levels[level], __ATOMIC_ACQUIRE);
        if (!bucket)
            return false;
        bucket = bucket_of(bucket, level, address);
        for (unsigned i = 0; i < PLACES; i++) {
            if (__atomic_load_n(&bucket->keys[i], __ATOMIC_RELAXED) != address)
                continue;
            struct hs_live_block block = read_place(bucket, i);
            __atomic_store_n(&bucket->keys[i], 0, __ATOMIC_RELEASE);
            filter_change(address, -1);
            count(block.size, -1);
            if (ret)
                *ret = block;
            return true;
        }
    }
    return false;
}

/* ---- walking over all ---- */

/* The block with the smallest address above `after`; false when there is none. */
static bool find_above(uint64_t after, struct hs_live_block *ret)
{
    uint64_t best = UINT64_MAX;
    for (unsigned level = 0; level < LEVELS && levels[level]; level++)
        for (size_t i = 0; i < FIRST_BUCKETS << level; i++)
            for (unsigned j = 0; j < PLACES; j++) {
                const struct bucket *bucket = &levels[level][i];
                uint64_t key = __atomic_load_n(&bucket->keys[j], __ATOMIC_ACQUIRE);
                if (key <= after || key >= best || key & BUSY)
                    continue;
                best = key;
                *ret = read_place(bucket, j);
                ret->address = key;
            }
    return best != UINT64_MAX;
}

static void each_without_memory(bool (*visit)(const struct hs_live_block *block,
                                              void *context),
                                void *context)
{
    struct hs_live_block block = {.address = 0};
    while (find_above(block.address, &block) && visit(&block, context))
        ;
}

static size_t collect(struct hs_live_block *blocks, size_t room)
{
    size_t used = 0;
    for (unsigned level = 0; level < LEVELS && levels[level]; level++)
        for (size_t i = 0; i < FIRST_BUCKETS << level; i++)
            for (unsigned j = 0; j < PLACES; j++) {
                const struct bucket *bucket = &levels[level][i];
                uint64_t key = __atomic_load_n(&bucket->keys[j], __ATOMIC_ACQUIRE);
                if (key == 0 || key & BUSY)
                    continue;
                if (used < room) {
                    blocks[used] = read_place(bucket, j);
                    blocks[used].address = key;
                }
                used++;
            }
    return used;
}

/* The largest child up, until `at` is no smaller than its children. */
static void sift_down(struct hs_live_block *heap, size_t at, size_t n)
{
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && heap[child + 1].address > heap[child].address)
            child++;
        if (heap[at].address >= heap[child].address)
            return;
        struct hs_live_block swapped = heap[at];
        heap[at] = heap[child];
        heap[child] = swapped;
    }
}

static void sort(struct hs_live_block *blocks, size_t n)
{
    for (size_t i = n / 2; i-- > 0;)
        sift_down(blocks, i, n);
    for (size_t i = n; i-- > 1;) {
        struct hs_live_block largest = blocks[0];
        blocks[0] = blocks[i];
        blocks[i] = largest;
        sift_down(blocks, 0, i);
    }
}

void hs_sample_each(bool (*visit)(const struct hs_live_block *block, void *context),
                    void *context)
{
    /* More may come meanwhile. */
    size_t room = collect(NULL, 0) + 4096 / sizeof(struct hs_live_block);
    size_t size = room * sizeof(struct hs_live_block);
    struct hs_live_block *blocks = hs_raw_map(size);
    if (!blocks) {
        each_without_memory(visit, context);
        return;
    }
    size_t used = collect(blocks, room);
    if (used > room)
        used = room;
    sort(blocks, used);
    for (size_t i = 0; i < used && visit(&blocks[i], context); i++)
        ;
    hs_raw_unmap(blocks, size);
}

void hs_sample_forget_epochs(void)
{
    for (unsigned level = 0; level < LEVELS && levels[level]; level++)
        for (size_t i = 0; i < FIRST_BUCKETS << level; i++)
            for (unsigned j = 0; j < PLACES; j++)
                levels[level][i].values[j].birth_epoch = 0;
}

uint64_t hs_sample_dropped_count(void)
{
    return __atomic_load_n(&dropped, __ATOMIC_RELAXED);
}

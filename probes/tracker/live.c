// SPDX-License-Identifier: MIT

/*
 * Recording and forgetting a block. What happens to nearly every block is straight line
 * code without a frame of its own; the rest is in functions that these end in.
 */

#include "probes/tracker/live.h"

#include "probes/abi.h"
#include "probes/tracker/control.h"
#include "probes/tracker/guard.h"
#include "probes/tracker/live_table.h"
#include "probes/tracker/raw.h"
#include "probes/tracker/sample.h"

struct hs_live_table hs_live = {.granule_shift = 4, .second_plane = 1, .epoch = 1};
static uint64_t dropped;
static uint64_t foreign_frees;
static uint64_t bytes_used; /* against memory= */

bool hs_live_init(unsigned shift)
{
    hs_live.second_plane = shift == 3;
    hs_live.granule_shift = shift == 3 ? 4 : shift;
    hs_live.directory = hs_raw_map(HS_LIVE_REGIONS * sizeof(*hs_live.directory));
    return hs_live.directory != NULL;
}

static size_t leaf_size(void)
{
    return sizeof(struct hs_live_leaf)
           + hs_live_plane_words() * (1 + hs_live.second_plane) * sizeof(uint64_t);
}

static struct hs_live_leaf *leaf_create(size_t region)
{
    size_t size = leaf_size();
    /* The marks of its pages, and a page of the directory. */
    struct hs_live_leaf *leaf = hs_raw_use(2 * 4096) ? hs_raw_map(size) : NULL;
    if (!leaf)
        return NULL;
    __atomic_fetch_add(&bytes_used, 2 * 4096, __ATOMIC_RELAXED);
    struct hs_live_leaf *other = NULL;
    if (__atomic_compare_exchange_n(&hs_live.directory[region], &other, leaf, false,
                                    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        __atomic_store_n(&hs_live.directory_touched[region / HS_LIVE_PAGE_WORDS], 1,
                         __ATOMIC_RELEASE);
        return leaf;
    }
    hs_raw_unmap(leaf, size);
    return other;
}

/* The first word of a page: does it fit in memory=? Threads that race count it twice. */
static bool touch(uint8_t *touched)
{
    if (!hs_raw_use(4096))
        return false;
    __atomic_fetch_add(&bytes_used, 4096, __ATOMIC_RELAXED);
    __atomic_store_n(touched, 1, __ATOMIC_RELEASE);
    return true;
}

/* The word of `address`, about to be written; NULL when it cannot have one. */
static inline uint64_t *word_get(uint64_t address)
{
    struct hs_live_leaf *leaf = hs_live_leaf_find(address);
    if (HS_UNLIKELY(!leaf)) {
        size_t region = address >> HS_LIVE_REGION_SHIFT;
        if (region >= HS_LIVE_REGIONS || !hs_live.directory
            || !(leaf = leaf_create(region)))
            return NULL;
    }
    size_t index = hs_live_word_index(address);
    uint8_t *touched = &leaf->touched[index / HS_LIVE_PAGE_WORDS];
    if (HS_UNLIKELY(!__atomic_load_n(touched, __ATOMIC_RELAXED)) && !touch(touched))
        return NULL;
    return &leaf->words[index];
}

/* For the rare: a thread's first block, and full pockets. True, so that callers can end in
 * it. */
static __attribute__((noinline)) bool count_slowly(int64_t bytes, int64_t blocks)
{
    struct hs_thread *thread = hs_thread_get();
    if (thread) {
        thread->bytes += bytes;
        thread->blocks += blocks;
        hs_thread_flush(thread);
    } else {
        __atomic_fetch_add(&hs_control->live_bytes, bytes, __ATOMIC_RELAXED);
        __atomic_fetch_add(&hs_control->live_blocks, blocks, __ATOMIC_RELAXED);
    }
    return true;
}

static inline bool count(int64_t bytes, int64_t blocks)
{
    struct hs_thread *thread = hs_thread_own;
    if (HS_UNLIKELY(!thread))
        return count_slowly(bytes, blocks);
    int64_t bytes_now = thread->bytes + bytes, blocks_now = thread->blocks + blocks;
    uint64_t bytes_limit = (uint64_t)thread->bytes_limit;
    uint64_t blocks_limit = (uint64_t)thread->blocks_limit;
    if (HS_UNLIKELY((uint64_t)bytes_now + bytes_limit > 2 * bytes_limit
                    || (uint64_t)blocks_now + blocks_limit > 2 * blocks_limit))
        return count_slowly(bytes, blocks);
    thread->bytes = bytes_now;
    thread->blocks = blocks_now;
    return true;
}

static void drop(void)
{
    __atomic_fetch_add(&dropped, 1, __ATOMIC_RELAXED);
}

static inline uint64_t word_make(uint64_t address, uint64_t size, uint32_t stack,
                                 uint32_t epoch)
{
    return (uint64_t)stack << 40 | hs_live_low_bits(address) << 38 | (uint64_t)epoch << 28
           | (size & (((uint64_t)1 << HS_LIVE_SIZE_BITS) - 1));
}

/* Put `value` where something may be left whose free was not seen. */
static inline void word_put(uint64_t *word, uint64_t value, uint64_t address,
                            uint64_t size)
{
    uint64_t old = __atomic_load_n(word, __ATOMIC_RELAXED);
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
    if (HS_UNLIKELY(hs_live_word_stack(old) != 0))
        count((int64_t)(size - hs_live_word_size(old, address)), 0);
    else
        count((int64_t)size, 1);
}

/* The part of the size that a word has no room for goes first: a word that says so must
 * find it there. */
static void put_big(uint64_t address, uint64_t size, uint32_t stack, uint32_t epoch)
{
    uint64_t *word = word_get(address);
    uint64_t *rest = word_get(address + ((uint64_t)1 << hs_live.granule_shift));
    if (!word || !rest) {
        drop();
        return;
    }
    __atomic_store_n(rest, size >> HS_LIVE_SIZE_BITS, __ATOMIC_RELEASE);
    uint64_t value =
        word_make(address, size, stack, epoch) | (uint64_t)1 << HS_LIVE_SIZE_BITS;
    word_put(word, value, address, size);
}

static __attribute__((noinline)) void put(uint64_t address, uint64_t size, uint32_t stack,
                                          uint32_t epoch)
{
    if (size >> HS_LIVE_SIZE_BITS) {
        put_big(address, size, stack, epoch);
        return;
    }
    uint64_t *word = word_get(address);
    if (word)
        word_put(word, word_make(address, size, stack, epoch), address, size);
    else
        drop();
}

void hs_live_insert_at(uint64_t *place, uint64_t address, uint64_t size, uint32_t stack)
{
    if (HS_UNLIKELY(stack - 1 >= HS_LIVE_STACK_MAX))
        stack = HS_STACK_UNKNOWN;
    uint32_t epoch = __atomic_load_n(&hs_live.epoch, __ATOMIC_RELAXED);
    if (HS_UNLIKELY(!place || size >> HS_LIVE_SIZE_BITS)) {
        put(address, size, stack, epoch);
        return;
    }
    __atomic_store_n(place, word_make(address, size, stack, epoch), __ATOMIC_RELEASE);
    count((int64_t)size, 1);
}

void hs_live_insert(uint64_t address, uint64_t size, uint32_t stack)
{
    hs_live_insert_at(hs_live_place(address), address, size, stack);
}

void hs_live_restore(const struct hs_live_block *block)
{
    put(block->address, block->size, block->stack, block->birth_epoch);
}

static __attribute__((noinline)) bool remove_big(uint64_t address, uint64_t *word)
{
    uint64_t value = __atomic_load_n(word, __ATOMIC_RELAXED);
    uint64_t size = hs_live_word_size(value, address);
    __atomic_store_n(word, 0, __ATOMIC_RELAXED);
    if (hs_live_word_is_big(value))
        __atomic_store_n(
            hs_live_word_find(address + ((uint64_t)1 << hs_live.granule_shift)), 0,
            __ATOMIC_RELAXED);
    return count(-(int64_t)size, -1);
}

static __attribute__((noinline)) bool find(uint64_t address, uint64_t value,
                                           struct hs_live_block *ret)
{
    ret->address = address;
    ret->size = hs_live_word_size(value, address);
    ret->stack = hs_live_word_stack(value);
    ret->birth_epoch = value >> 28 & HS_LIVE_EPOCH_MAX;
    return true;
}

bool hs_live_remove(uint64_t address, struct hs_live_block *ret)
{
    uint64_t *word = hs_live_word_find(address);
    uint64_t value = word ? __atomic_load_n(word, __ATOMIC_RELAXED) : 0;
    if (HS_UNLIKELY(hs_live_word_stack(value) == 0
                    || (value >> 38 & 3) != hs_live_low_bits(address)))
        return false;
    if (ret)
        find(address, value, ret);
    if (HS_UNLIKELY(hs_live_word_is_big(value)))
        return remove_big(address, word);
    __atomic_store_n(word, 0, __ATOMIC_RELAXED);
    return count(-(int64_t)(value & (((uint64_t)1 << HS_LIVE_SIZE_BITS) - 1)), -1);
}

void hs_live_count_foreign_free(void)
{
    __atomic_fetch_add(&foreign_frees, 1, __ATOMIC_RELAXED);
}

uint64_t hs_live_dropped_count(void)
{
    return __atomic_load_n(&dropped, __ATOMIC_RELAXED) + hs_sample_dropped_count();
}

uint64_t hs_live_foreign_free_count(void)
{
    return __atomic_load_n(&foreign_frees, __ATOMIC_RELAXED);
}

void hs_live_deinit(void)
{
    size_t size = leaf_size();
    for (size_t group = 0;
         hs_live.directory && group < HS_LIVE_REGIONS / HS_LIVE_PAGE_WORDS; group++) {
        struct hs_live_leaf **leaves = &hs_live.directory[group * HS_LIVE_PAGE_WORDS];
        for (size_t i = 0; hs_live.directory_touched[group] && i < HS_LIVE_PAGE_WORDS;
             i++)
            hs_raw_unmap(leaves[i], size);
        hs_live.directory_touched[group] = 0;
    }
    if (hs_live.directory)
        hs_raw_unmap(hs_live.directory, HS_LIVE_REGIONS * sizeof(*hs_live.directory));
    hs_live.directory = NULL;
    hs_raw_unuse(bytes_used);
    bytes_used = dropped = foreign_frees = 0;
}

// SPDX-License-Identifier: MIT

/*
 * The live table: a directory over 16 MiB regions of the address space, and under it
 * leaves with one word for each granule.
 *
 *   63      40 39  38 37      28 27  26                 0
 *   [  stack  ][ low ][  epoch  ][big][       size       ]
 *
 * `low` are the address bits below the granule. A block of 128 MiB or more sets `big`
 * and keeps the rest of its size in the next granule's word, which nobody else can need:
 * the block covers it. Such a word has stack 0, which no block has; a word of 0 is empty.
 *
 * A granule must not hold two blocks. 32 bytes is glibc's smallest chunk. Other allocators
 * have a class of 8 bytes, and align all others to 16: there a granule is 16 bytes, and
 * blocks that begin in its second half have a plane of words of their own behind the
 * first one. Each multiple of 8 has its word, but only where 8-byte blocks lie is the
 * second plane's memory ever touched.
 */

#include "probes/tracker/live.h"

#include "probes/abi.h"
#include "probes/tracker/control.h"
#include "probes/tracker/guard.h"
#include "probes/tracker/handles.h"
#include "probes/tracker/mappings.h"
#include "probes/tracker/raw.h"
#include "probes/tracker/sample.h"

#if defined(__aarch64__)
#define ADDRESS_BITS 48
#else
#define ADDRESS_BITS 47
#endif
#define REGION_SHIFT 24
#define REGION_COUNT ((size_t)1 << (ADDRESS_BITS - REGION_SHIFT))
#define SECOND_PLANE_SHIFT (REGION_SHIFT - 4) /* it comes with granules of 16 bytes */
#define EPOCH_MAX 1023u
#define STACK_MAX 0xffffffu
#define SIZE_BITS 27

/* A page of words: 512 of them. Pages never written are never read either, or a walk
 * over the table would touch all of its address space. */
#define PAGE_WORDS 512

struct leaf {
    uint8_t touched[4096]; /* one a page of words */
    uint64_t words[];
};

static struct leaf **directory; /* REGION_COUNT leaves */
static uint8_t directory_touched[REGION_COUNT / PAGE_WORDS];
static unsigned granule_shift = 4;
static uint64_t second_plane = 1; /* 0: there is none */
static uint32_t current_epoch = 1;
static uint64_t dropped;
static uint64_t foreign_frees;
static uint64_t bytes_used; /* against memory= */

bool hs_live_init(unsigned shift)
{
    second_plane = shift == 3;
    granule_shift = shift == 3 ? 4 : shift;
    directory = hs_raw_map(REGION_COUNT * sizeof(*directory));
    return directory != NULL;
}

static size_t plane_words(void)
{
    return ((size_t)1 << REGION_SHIFT) >> granule_shift;
}

static struct leaf *leaf_create(size_t region)
{
    size_t size =
        sizeof(struct leaf) + plane_words() * (1 + second_plane) * sizeof(uint64_t);
    /* The marks of its pages, and a page of the directory. */
    struct leaf *leaf = hs_raw_use(2 * 4096) ? hs_raw_map(size) : NULL;
    if (!leaf)
        return NULL;
    __atomic_fetch_add(&bytes_used, 2 * 4096, __ATOMIC_RELAXED);
    struct leaf *other = NULL;
    if (__atomic_compare_exchange_n(&directory[region], &other, leaf, false,
                                    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        __atomic_store_n(&directory_touched[region / PAGE_WORDS], 1, __ATOMIC_RELEASE);
        return leaf;
    }
    hs_raw_unmap(leaf, size);
    return other;
}

static inline struct leaf *leaf_find(uint64_t address)
{
    size_t region = address >> REGION_SHIFT;
    if (HS_UNLIKELY(region >= REGION_COUNT || !directory))
        return NULL;
    return __atomic_load_n(&directory[region], __ATOMIC_ACQUIRE);
}

static inline size_t word_index(uint64_t address)
{
    uint64_t plane = address >> 3 & second_plane;
    return ((address & (((uint64_t)1 << REGION_SHIFT) - 1)) >> granule_shift)
           + (plane << SECOND_PLANE_SHIFT);
}

/* The word of `address`; NULL when nothing near it was ever recorded. */
static inline uint64_t *word_find(uint64_t address)
{
    struct leaf *leaf = leaf_find(address);
    return HS_LIKELY(leaf) ? &leaf->words[word_index(address)] : NULL;
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
    struct leaf *leaf = leaf_find(address);
    if (HS_UNLIKELY(!leaf)) {
        size_t region = address >> REGION_SHIFT;
        if (region >= REGION_COUNT || !directory || !(leaf = leaf_create(region)))
            return NULL;
    }
    size_t index = word_index(address);
    uint8_t *touched = &leaf->touched[index / PAGE_WORDS];
    if (HS_UNLIKELY(!__atomic_load_n(touched, __ATOMIC_RELAXED)) && !touch(touched))
        return NULL;
    return &leaf->words[index];
}

static inline uint32_t word_stack(uint64_t word)
{
    return (uint32_t)(word >> 40);
}

/* Of a granule of 32 bytes these tell where in it the block begins; otherwise they say
 * again what the word's place says. */
static inline uint64_t low_bits(uint64_t address)
{
    return address >> 3 & 3;
}

static inline bool word_is_big(uint64_t word)
{
    return word >> SIZE_BITS & 1;
}

static uint64_t word_size(uint64_t word, uint64_t address)
{
    uint64_t size = word & (((uint64_t)1 << SIZE_BITS) - 1);
    if (HS_LIKELY(!word_is_big(word)))
        return size;
    const uint64_t *rest = word_find(address + ((uint64_t)1 << granule_shift));
    return size | (rest ? __atomic_load_n(rest, __ATOMIC_ACQUIRE) << SIZE_BITS : 0);
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
    return (uint64_t)stack << 40 | low_bits(address) << 38 | (uint64_t)epoch << 28
           | (size & (((uint64_t)1 << SIZE_BITS) - 1));
}

/* Put `value` where something may be left whose free was not seen. */
static inline void word_put(uint64_t *word, uint64_t value, uint64_t address,
                            uint64_t size)
{
    uint64_t old = __atomic_load_n(word, __ATOMIC_RELAXED);
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
    if (HS_UNLIKELY(word_stack(old) != 0))
        count((int64_t)(size - word_size(old, address)), 0);
    else
        count((int64_t)size, 1);
}

/* The part of the size that a word has no room for goes first: a word that says so must
 * find it there. */
static void put_big(uint64_t address, uint64_t size, uint32_t stack, uint32_t epoch)
{
    uint64_t *word = word_get(address);
    uint64_t *rest = word_get(address + ((uint64_t)1 << granule_shift));
    if (!word || !rest) {
        drop();
        return;
    }
    __atomic_store_n(rest, size >> SIZE_BITS, __ATOMIC_RELEASE);
    uint64_t value = word_make(address, size, stack, epoch) | (uint64_t)1 << SIZE_BITS;
    word_put(word, value, address, size);
}

static __attribute__((noinline)) void put(uint64_t address, uint64_t size, uint32_t stack,
                                          uint32_t epoch)
{
    if (size >> SIZE_BITS) {
        put_big(address, size, stack, epoch);
        return;
    }
    uint64_t *word = word_get(address);
    if (word)
        word_put(word, word_make(address, size, stack, epoch), address, size);
    else
        drop();
}

void hs_live_prefetch(uint64_t address)
{
    const uint64_t *word = word_find(address);
    __builtin_prefetch(word, 1);
}

/* The word where there already are some around and nothing is left in it; else NULL. */
static inline uint64_t *word_ready(uint64_t address)
{
    struct leaf *leaf = leaf_find(address);
    if (HS_UNLIKELY(!leaf))
        return NULL;
    size_t index = word_index(address);
    if (HS_UNLIKELY(!__atomic_load_n(&leaf->touched[index / PAGE_WORDS], __ATOMIC_RELAXED)
                    || __atomic_load_n(&leaf->words[index], __ATOMIC_RELAXED) != 0))
        return NULL;
    return &leaf->words[index];
}

void hs_live_insert(uint64_t address, uint64_t size, uint32_t stack)
{
    if (HS_UNLIKELY(stack - 1 >= STACK_MAX))
        stack = HS_STACK_UNKNOWN;
    uint32_t epoch = __atomic_load_n(&current_epoch, __ATOMIC_RELAXED);
    uint64_t *word = word_ready(address);
    if (HS_UNLIKELY(!word || size >> SIZE_BITS)) {
        put(address, size, stack, epoch);
        return;
    }
    __atomic_store_n(word, word_make(address, size, stack, epoch), __ATOMIC_RELEASE);
    count((int64_t)size, 1);
}

void hs_live_restore(const struct hs_live_block *block)
{
    put(block->address, block->size, block->stack, block->birth_epoch);
}

static __attribute__((noinline)) bool remove_big(uint64_t address, uint64_t *word)
{
    uint64_t value = __atomic_load_n(word, __ATOMIC_RELAXED);
    uint64_t size = word_size(value, address);
    __atomic_store_n(word, 0, __ATOMIC_RELAXED);
    if (word_is_big(value))
        __atomic_store_n(word_find(address + ((uint64_t)1 << granule_shift)), 0,
                         __ATOMIC_RELAXED);
    return count(-(int64_t)size, -1);
}

static __attribute__((noinline)) bool find(uint64_t address, uint64_t value,
                                           struct hs_live_block *ret)
{
    ret->address = address;
    ret->size = word_size(value, address);
    ret->stack = word_stack(value);
    ret->birth_epoch = value >> 28 & EPOCH_MAX;
    return true;
}

bool hs_live_remove(uint64_t address, struct hs_live_block *ret)
{
    uint64_t *word = word_find(address);
    uint64_t value = word ? __atomic_load_n(word, __ATOMIC_RELAXED) : 0;
    if (HS_UNLIKELY(word_stack(value) == 0 || (value >> 38 & 3) != low_bits(address)))
        return false;
    if (ret)
        find(address, value, ret);
    if (HS_UNLIKELY(word_is_big(value)))
        return remove_big(address, word);
    __atomic_store_n(word, 0, __ATOMIC_RELAXED);
    return count(-(int64_t)(value & (((uint64_t)1 << SIZE_BITS) - 1)), -1);
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

/* Called with a word that is a block and the start of the granule it stands for. */
struct walk {
    bool (*visit)(uint64_t *word, uint64_t granule, void *context);
    void *context;
};

static bool walk_word(const struct walk *walk, uint64_t *word, uint64_t granule)
{
    return word_stack(__atomic_load_n(word, __ATOMIC_ACQUIRE)) == 0
           || walk->visit(word, granule, walk->context);
}

static bool is_touched(const struct leaf *leaf, size_t page)
{
    return __atomic_load_n(&leaf->touched[page], __ATOMIC_ACQUIRE);
}

static bool walk_leaf(const struct walk *walk, struct leaf *leaf, uint64_t start)
{
    size_t second = plane_words();
    for (size_t page = 0; page < plane_words() / PAGE_WORDS; page++) {
        bool in_first = is_touched(leaf, page);
        bool in_second = second_plane && is_touched(leaf, page + second / PAGE_WORDS);
        if (!in_first && !in_second)
            continue;
        for (size_t i = page * PAGE_WORDS; i < (page + 1) * PAGE_WORDS; i++) {
            uint64_t granule = start + ((uint64_t)i << granule_shift);
            if ((in_first && !walk_word(walk, &leaf->words[i], granule))
                || (in_second && !walk_word(walk, &leaf->words[second + i], granule)))
                return false;
        }
    }
    return true;
}

static void walk_all(const struct walk *walk)
{
    for (size_t region = 0; directory && region < REGION_COUNT; region++) {
        if (region % PAGE_WORDS == 0
            && !__atomic_load_n(&directory_touched[region / PAGE_WORDS],
                                __ATOMIC_ACQUIRE)) {
            region += PAGE_WORDS - 1;
            continue;
        }
        struct leaf *leaf = __atomic_load_n(&directory[region], __ATOMIC_ACQUIRE);
        if (leaf && !walk_leaf(walk, leaf, (uint64_t)region << REGION_SHIFT))
            return;
    }
}

struct each {
    bool (*visit)(const struct hs_live_block *block, void *context);
    void *context;
};

static bool visit_block(uint64_t *word, uint64_t granule, void *context)
{
    const struct each *each = context;
    uint64_t value = __atomic_load_n(word, __ATOMIC_ACQUIRE);
    if (word_stack(value) == 0)
        return true;
    struct hs_live_block block = {
        .address = granule | (value >> 38 & 3) << 3,
        .stack = word_stack(value),
        .birth_epoch = value >> 28 & EPOCH_MAX,
    };
    block.size = word_size(value, block.address);
    return each->visit(&block, each->context);
}

void hs_live_each(bool (*visit)(const struct hs_live_block *block, void *context),
                  void *context)
{
    if (hs_sample_rate) {
        hs_sample_each(visit, context);
        return;
    }
    struct each each = {visit, context};
    walk_all(&(struct walk){visit_block, &each});
}

static bool forget_epoch(uint64_t *word, uint64_t granule, void *context)
{
    (void)granule;
    (void)context;
    *word &= ~((uint64_t)EPOCH_MAX << 28);
    return true;
}

uint32_t hs_live_advance_epoch(void)
{
    if (current_epoch == EPOCH_MAX) {
        walk_all(&(struct walk){forget_epoch, NULL});
        hs_handle_forget_epochs();
        hs_mapping_forget_epochs();
        hs_sample_forget_epochs();
        current_epoch = 0;
    }
    current_epoch++;
    hs_control->epoch = current_epoch;
    return current_epoch;
}

void hs_live_deinit(void)
{
    size_t size =
        sizeof(struct leaf) + plane_words() * (1 + second_plane) * sizeof(uint64_t);
    for (size_t group = 0; directory && group < REGION_COUNT / PAGE_WORDS; group++) {
        struct leaf **leaves = &directory[group * PAGE_WORDS];
        for (size_t i = 0; directory_touched[group] && i < PAGE_WORDS; i++)
            hs_raw_unmap(leaves[i], size);
        directory_touched[group] = 0;
    }
    if (directory)
        hs_raw_unmap(directory, REGION_COUNT * sizeof(*directory));
    directory = NULL;
    hs_raw_unuse(bytes_used);
    bytes_used = dropped = foreign_frees = 0;
}

// SPDX-License-Identifier: MIT

/*
 * The arrays come in chunks, because stack ids lie close together: those of one thread in
 * a few places. Counts are in 65536ths while blocks are sampled.
 */

#include "probes/tracker/ever.h"

#include <stddef.h>

#include "probes/tracker/guard.h"
#include "probes/tracker/raw.h"
#include "probes/tracker/sample.h"

#define CHUNK 1024u
#define CHUNKS ((1u << 24) / CHUNK) /* stack ids in blocks have 24 bits */

struct sum {
    uint64_t count, bytes;
};

struct table {
    struct table *next;
    struct sum *chunks[CHUNKS];
};

bool hs_ever_is_on;
static struct table *tables;
static uint64_t dropped;

static struct table *table_create(void)
{
    struct table *table = hs_raw_map(sizeof(*table));
    if (!table)
        return NULL;
    table->next = __atomic_load_n(&tables, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&tables, &table->next, table, true,
                                        __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        ;
    return table;
}

/* NULL without memory, or for ids that no block has. */
static struct sum *sum_get(struct hs_thread *thread, uint32_t stack)
{
    if (stack / CHUNK >= CHUNKS || (!thread->ever && !(thread->ever = table_create())))
        return NULL;
    struct sum **chunk = &((struct table *)thread->ever)->chunks[stack / CHUNK];
    if (HS_UNLIKELY(!*chunk))
        __atomic_store_n(chunk, hs_raw_map_used(CHUNK * sizeof(struct sum)),
                         __ATOMIC_RELEASE);
    return *chunk ? &(*chunk)[stack % CHUNK] : NULL;
}

void hs_ever_count(uint32_t stack, uint64_t size)
{
    struct hs_thread *thread = hs_thread_get();
    struct sum *sum = thread ? sum_get(thread, stack) : NULL;
    if (HS_UNLIKELY(!sum)) {
        __atomic_fetch_add(&dropped, 1, __ATOMIC_RELAXED);
        return;
    }
    uint64_t count = 1, bytes = size;
    if (hs_sample_rate) {
        count = hs_sample_weight(size);
        bytes = (uint64_t)((unsigned __int128)count * size >> 16);
    }
    __atomic_store_n(&sum->count, sum->count + count, __ATOMIC_RELAXED);
    __atomic_store_n(&sum->bytes, sum->bytes + bytes, __ATOMIC_RELAXED);
}

void hs_ever_each(void (*visit)(uint32_t stack, uint64_t count, uint64_t bytes,
                                void *context),
                  void *context)
{
    unsigned shift = hs_sample_rate ? 16 : 0;
    for (const struct table *table = __atomic_load_n(&tables, __ATOMIC_ACQUIRE); table;
         table = table->next)
        for (uint32_t i = 0; i < CHUNKS; i++) {
            const struct sum *chunk =
                __atomic_load_n(&table->chunks[i], __ATOMIC_ACQUIRE);
            for (uint32_t j = 0; chunk && j < CHUNK; j++) {
                uint64_t count = __atomic_load_n(&chunk[j].count, __ATOMIC_RELAXED);
                if (count)
                    visit(i * CHUNK + j, count >> shift,
                          __atomic_load_n(&chunk[j].bytes, __ATOMIC_RELAXED), context);
            }
        }
}

void hs_ever_forget(void)
{
    for (struct table *table = tables; table; table = table->next)
        for (uint32_t i = 0; i < CHUNKS; i++)
            if (table->chunks[i]) {
                hs_raw_unmap_used(table->chunks[i], CHUNK * sizeof(struct sum));
                table->chunks[i] = NULL;
            }
    dropped = 0;
}

uint64_t hs_ever_dropped_count(void)
{
    return __atomic_load_n(&dropped, __ATOMIC_RELAXED);
}

// SPDX-License-Identifier: MIT

/*
 * From chunks to blocks: those in use, and mappings, in address order, and their index. A block
 * is what the program may write into, which is 8 bytes more than up to the next chunk's
 * header, except where a mapping ends.
 */

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "libheapsnap/heap/making.h"

#define HEADER 16u

static void add(struct hs_making *making, uint64_t address, uint64_t size, uint32_t flags)
{
    making->scan_blocks[making->n_blocks] =
        (struct hs_scan_block){.start = address, .size = size};
    making->blocks[making->n_blocks++] = (struct hs_capture_block){
        .address = address,
        .size = size,
        .stack = HS_STACK_UNKNOWN,
        .id = hs_making_id(making),
        .flags = flags,
    };
}

static void add_chunk(struct hs_making *making, const struct hs_chunk *chunk)
{
    if (chunk->state != HS_CHUNK_USED)
        return;
    uint64_t size = chunk->size - (chunk->is_mapped ? HEADER : HEADER / 2);
    add(making, chunk->address + HEADER, size, HS_BLOCK_USABLE);
    making->header.usable_bytes += size;
}

/* Up to `limit`; `next` is where to go on. */
static void add_chunks(struct hs_making *making, uint64_t limit, size_t *next)
{
    const struct hs_glibc *heap = &making->heap;
    while (*next < heap->chunks.count && heap->chunks.at[*next].address < limit)
        add_chunk(making, &heap->chunks.at[(*next)++]);
}

static void merge(struct hs_making *making)
{
    const struct hs_glibc *heap = &making->heap;
    size_t chunk = 0, mapped = 0;
    for (size_t i = 0; i <= making->mappings.count; i++) {
        bool is_end = i == making->mappings.count;
        uint64_t limit = is_end ? UINT64_MAX : making->mappings.at[i].start;
        for (; mapped < heap->mapped.count && heap->mapped.at[mapped].address < limit;
             mapped++) {
            add_chunks(making, heap->mapped.at[mapped].address, &chunk);
            add_chunk(making, &heap->mapped.at[mapped]);
        }
        add_chunks(making, limit, &chunk);
        if (!is_end)
            add(making, limit, making->mappings.at[i].end - limit,
                HS_BLOCK_MAPPING | HS_BLOCK_READ | HS_BLOCK_WRITE);
    }
}

/* hs_scan_map has no context: whose index is being built. */
static __thread struct hs_making *indexing;

static void *map(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    struct hs_span span = {(uint64_t)(uintptr_t)memory,
                           (uint64_t)(uintptr_t)memory + size};
    if (hs_array_push(&indexing->index_memory, span))
        return memory;
    munmap(memory, size);
    return NULL;
}

void hs_making_free_index(struct hs_making *making)
{
    for (size_t i = 0; i < making->index_memory.count; i++) {
        const struct hs_span *span = &making->index_memory.at[i];
        munmap((void *)(uintptr_t)span->start, (size_t)(span->end - span->start));
    }
    free(making->index_memory.at);
    making->index = NULL;
}

int hs_making_blocks(struct hs_making *making)
{
    const struct hs_glibc *heap = &making->heap;
    size_t most = heap->chunks.count + heap->mapped.count + making->mappings.count + 1;
    if (most >= UINT32_MAX / 4)
        return -ENOMEM;
    making->blocks = malloc(most * sizeof(*making->blocks));
    making->scan_blocks = malloc(most * sizeof(*making->scan_blocks));
    if (!making->blocks || !making->scan_blocks)
        return -ENOMEM;
    merge(making);
    free(making->heap.chunks.at); /* half as much memory as the blocks */
    making->heap.chunks.at = NULL;
    making->heap.chunks.count = making->heap.chunks.room = 0;
    indexing = making;
    making->index =
        hs_scan_index_create(making->scan_blocks, (uint32_t)making->n_blocks, map);
    return making->index ? 0 : -ENOMEM;
}

const struct hs_capture_block *hs_making_find(const struct hs_making *making,
                                              uint64_t address)
{
    uint32_t inside, found = hs_scan_find(making->index, address, &inside);
    if (found == UINT32_MAX || inside == HS_SCAN_PAST_END)
        return NULL;
    return &making->blocks[found];
}

uint64_t hs_making_next_block(const struct hs_making *making, uint64_t address,
                              uint64_t limit)
{
    size_t low = 0, high = making->n_blocks;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (making->blocks[middle].address < address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < making->n_blocks && making->blocks[low].address < limit)
        return making->blocks[low].address;
    return limit;
}

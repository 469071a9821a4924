// SPDX-License-Identifier: MIT

/*
 * The bootstrap arena: a bump pointer over static memory, then over mapped chunks. The
 * word before a block holds its size. Lock-free, because two threads may be looking for
 * their first function at once.
 */

#include "probes/tracker/arena.h"

#include "probes/tracker/raw.h"

struct chunk {
    struct chunk *next;
    size_t size;
};

char hs_arena[HS_ARENA_SIZE] __attribute__((aligned(16)));
void *hs_arena_more;

static size_t used;

static void *place(char *base, size_t start, size_t size, size_t alignment)
{
    uintptr_t block = (uintptr_t)base + start + sizeof(size_t);
    block = (block + alignment - 1) & ~(alignment - 1);
    ((size_t *)block)[-1] = size;
    return (void *)block;
}

/* A chunk for this block alone: the handful that does not fit is not worth more. */
static void *alloc_mapped(size_t size, size_t alignment, size_t need)
{
    size_t bytes = need + sizeof(struct chunk);
    if (bytes < need)
        return NULL;
    bytes = (bytes + 4095) & ~(size_t)4095;
    struct chunk *chunk = bytes ? hs_raw_map(bytes) : NULL;
    if (!chunk)
        return NULL;
    chunk->size = bytes;
    chunk->next = __atomic_load_n((struct chunk **)&hs_arena_more, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n((struct chunk **)&hs_arena_more, &chunk->next,
                                        chunk, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        ;
    return place((char *)chunk, sizeof(struct chunk), size, alignment);
}

void *hs_arena_alloc(size_t size, size_t alignment)
{
    size_t need;
    if (alignment < 16)
        alignment = 16;
    if (__builtin_add_overflow(size, alignment + 2 * sizeof(size_t), &need)
        || need > SIZE_MAX - 8192)
        return NULL;
    need = (need + 15) & ~(size_t)15;

    size_t start = __atomic_load_n(&used, __ATOMIC_RELAXED);
    do {
        if (need > HS_ARENA_SIZE - start)
            return alloc_mapped(size, alignment, need);
    } while (!__atomic_compare_exchange_n(&used, &start, start + need, true,
                                          __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return place(hs_arena, start, size, alignment);
}

size_t hs_arena_size(const void *memory)
{
    return ((const size_t *)memory)[-1];
}

bool hs_arena_more_holds(const void *memory)
{
    for (const struct chunk *chunk =
             __atomic_load_n((struct chunk **)&hs_arena_more, __ATOMIC_ACQUIRE);
         chunk; chunk = chunk->next)
        if ((uintptr_t)memory - (uintptr_t)chunk < chunk->size)
            return true;
    return false;
}

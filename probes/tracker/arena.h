// SPDX-License-Identifier: MIT

/*
 * Memory for the few allocations made while the real allocator is being looked up.
 * Blocks are aligned to 16 bytes, zeroed, never reused; free ignores them.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_ARENA_H
#define HEAPSNAP_PROBES_TRACKER_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HS_ARENA_SIZE ((size_t)128 << 10)

extern char hs_arena[HS_ARENA_SIZE];
extern void *hs_arena_more; /* chunks mapped when that was not enough */

/* NULL without memory. Alignment is a power of two. */
void *hs_arena_alloc(size_t size, size_t alignment);

/* The size asked for; `memory` is a block of the arena. */
size_t hs_arena_size(const void *memory);

bool hs_arena_more_holds(const void *memory);

/* Asked at every free, so it is one comparison in nearly every process. */
static inline bool hs_arena_holds(const void *memory)
{
    if (__builtin_expect((uintptr_t)memory - (uintptr_t)hs_arena < HS_ARENA_SIZE, 0))
        return true;
    return __builtin_expect(hs_arena_more != NULL, 0) && hs_arena_more_holds(memory);
}

#endif

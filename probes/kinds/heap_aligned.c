// SPDX-License-Identifier: MIT

/*
 * The allocation functions that take an alignment: all alike, so the hooks are made by one
 * macro from the name, the parameters, and where the size is among them.
 */

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

#include "probes/kinds/heap.h"

/* The real allocator of a program may lack any of these. */
static void *missing(void)
{
    errno = ENOMEM;
    return NULL;
}

#define ALIGNED(name, parameters, arguments)                    \
    HS_NEXT(void *, name, parameters)                           \
    HS_NOT_INLINE static void *name##_exact parameters          \
    {                                                           \
        bool entered = hs_guard_try();                          \
        void *block = next_##name##_ arguments;                 \
        if (entered) {                                          \
            hs_heap_record(block, size, HS_HOOK_FRAME);         \
            hs_guard_drop();                                    \
        }                                                       \
        return block;                                           \
    }                                                           \
    HS_NOT_INLINE static void *name##_sampled parameters        \
    {                                                           \
        void *block = next_##name##_ arguments;                 \
        hs_heap_sample(block, size, HS_HOOK_FRAME);             \
        return block;                                           \
    }                                                           \
    HS_EXPORT void *name parameters                             \
    {                                                           \
        if (!hs_next_##name())                                  \
            return missing();                                   \
        enum hs_heap_way way = hs_heap_way(size);               \
        if (way == HS_WAY_EXACT)                                \
            return name##_exact arguments;                      \
        return way == HS_WAY_SAMPLE ? name##_sampled arguments  \
                                    : next_##name##_ arguments; \
    }

ALIGNED(memalign, (size_t alignment, size_t size), (alignment, size))
ALIGNED(aligned_alloc, (size_t alignment, size_t size), (alignment, size))
ALIGNED(valloc, (size_t size), (size))
ALIGNED(pvalloc, (size_t size), (size))

HS_NEXT(int, posix_memalign, (void **, size_t, size_t))

HS_NOT_INLINE static int posix_memalign_exact(void **ret, size_t alignment, size_t size)
{
    bool entered = hs_guard_try();
    int result = next_posix_memalign_(ret, alignment, size);
    if (entered) {
        if (result == 0)
            hs_heap_record(*ret, size, HS_HOOK_FRAME);
        hs_guard_drop();
    }
    return result;
}

HS_NOT_INLINE static int posix_memalign_sampled(void **ret, size_t alignment, size_t size)
{
    int result = next_posix_memalign_(ret, alignment, size);
    hs_heap_sample(result == 0 ? *ret : NULL, size, HS_HOOK_FRAME);
    return result;
}

HS_EXPORT int posix_memalign(void **ret, size_t alignment, size_t size)
{
    if (!hs_next_posix_memalign())
        return ENOMEM;
    enum hs_heap_way way = hs_heap_way(size);
    if (way == HS_WAY_EXACT)
        return posix_memalign_exact(ret, alignment, size);
    return way == HS_WAY_SAMPLE ? posix_memalign_sampled(ret, alignment, size)
                                : next_posix_memalign_(ret, alignment, size);
}

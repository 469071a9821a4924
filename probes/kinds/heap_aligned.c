// SPDX-License-Identifier: MIT

/*
 * The allocation functions that take an alignment.
 */

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

#include "probes/kinds/heap.h"

HS_NEXT(void *, memalign, (size_t, size_t))
HS_NEXT(void *, aligned_alloc, (size_t, size_t))
HS_NEXT(int, posix_memalign, (void **, size_t, size_t))
HS_NEXT(void *, valloc, (size_t))
HS_NEXT(void *, pvalloc, (size_t))

/* The real allocator of a program may lack any of these. */
static void *missing(void)
{
    errno = ENOMEM;
    return NULL;
}

HS_EXPORT void *memalign(size_t alignment, size_t size)
{
    if (!hs_next_memalign())
        return missing();
    if (!hs_guard_try())
        return next_memalign_(alignment, size);
    void *block = next_memalign_(alignment, size);
    hs_heap_record(block, size, HS_HOOK_FRAME);
    hs_guard_drop();
    return block;
}

HS_EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
    if (!hs_next_aligned_alloc())
        return missing();
    if (!hs_guard_try())
        return next_aligned_alloc_(alignment, size);
    void *block = next_aligned_alloc_(alignment, size);
    hs_heap_record(block, size, HS_HOOK_FRAME);
    hs_guard_drop();
    return block;
}

HS_EXPORT int posix_memalign(void **ret, size_t alignment, size_t size)
{
    if (!hs_next_posix_memalign())
        return ENOMEM;
    if (!hs_guard_try())
        return next_posix_memalign_(ret, alignment, size);
    int result = next_posix_memalign_(ret, alignment, size);
    if (result == 0)
        hs_heap_record(*ret, size, HS_HOOK_FRAME);
    hs_guard_drop();
    return result;
}

HS_EXPORT void *valloc(size_t size)
{
    if (!hs_next_valloc())
        return missing();
    if (!hs_guard_try())
        return next_valloc_(size);
    void *block = next_valloc_(size);
    hs_heap_record(block, size, HS_HOOK_FRAME);
    hs_guard_drop();
    return block;
}

HS_EXPORT void *pvalloc(size_t size)
{
    if (!hs_next_pvalloc())
        return missing();
    if (!hs_guard_try())
        return next_pvalloc_(size);
    void *block = next_pvalloc_(size);
    hs_heap_record(block, size, HS_HOOK_FRAME);
    hs_guard_drop();
    return block;
}

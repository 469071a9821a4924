// SPDX-License-Identifier: MIT

/*
 * The allocation functions that take an alignment. They are never what dlsym calls, but a
 * program's constructor may, before the search for the real one is over.
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

__attribute__((constructor(102))) static void resolve(void)
{
    hs_next_memalign();
    hs_next_aligned_alloc();
    hs_next_posix_memalign();
    hs_next_valloc();
    hs_next_pvalloc();
}

/* No real function to call: the arena while it is being looked up, else out of memory. */
static void *from_arena(size_t size, size_t alignment)
{
    void *block = NULL;
    if (hs_next_is_searching() && (alignment & (alignment - 1)) == 0)
        block = hs_arena_alloc(size, alignment);
    if (!block)
        errno = ENOMEM;
    return block;
}

HS_EXPORT void *memalign(size_t alignment, size_t size)
{
    if (!HS_HEAP_CAN_CALL(memalign))
        return from_arena(size, alignment);
    if (!hs_guard_try())
        return next_memalign_(alignment, size);
    void *block = next_memalign_(alignment, size);
    hs_heap_record(block, size, HS_HOOK_FRAME);
    hs_guard_drop();
    return block;
}

HS_EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
    if (!HS_HEAP_CAN_CALL(aligned_alloc))
        return from_arena(size, alignment);
    if (!hs_guard_try())
        return next_aligned_alloc_(alignment, size);
    void *block = next_aligned_alloc_(alignment, size);
    hs_heap_record(block, size, HS_HOOK_FRAME);
    hs_guard_drop();
    return block;
}

HS_EXPORT int posix_memalign(void **ret, size_t alignment, size_t size)
{
    if (!HS_HEAP_CAN_CALL(posix_memalign)) {
        void *block = from_arena(size, alignment);
        if (block)
            *ret = block;
        return block ? 0 : ENOMEM;
    }
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
    if (!HS_HEAP_CAN_CALL(valloc))
        return from_arena(size, 4096);
    if (!hs_guard_try())
        return next_valloc_(size);
    void *block = next_valloc_(size);
    hs_heap_record(block, size, HS_HOOK_FRAME);
    hs_guard_drop();
    return block;
}

HS_EXPORT void *pvalloc(size_t size)
{
    if (!HS_HEAP_CAN_CALL(pvalloc))
        return from_arena(size, 4096);
    if (!hs_guard_try())
        return next_pvalloc_(size);
    void *block = next_pvalloc_(size);
    hs_heap_record(block, size, HS_HOOK_FRAME);
    hs_guard_drop();
    return block;
}

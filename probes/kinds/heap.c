// SPDX-License-Identifier: MIT

/*
 * malloc and its kin.
 *
 * Memory that other allocation functions hand out in the same breath (strdup, getline) comes
 * from these, inside libc or not; the aligned ones are in heap_aligned.c, realloc in
 * heap_resize.c.
 */

#undef _FORTIFY_SOURCE

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "probes/kinds/heap.h"
#include "probes/tracker/lifecycle.h"

HS_NEXT(void *, malloc, (size_t))
HS_NEXT(void *, calloc, (size_t, size_t))
HS_NEXT(void, free, (void *))
HS_NEXT(void, free_sized, (void *, size_t))
HS_NEXT(void, free_aligned_sized, (void *, size_t, size_t))
HS_NEXT(size_t, malloc_usable_size, (void *))

/* Not in <stdlib.h> of every libc; the names are interposed all the same. */
void cfree(void *block);
void free_sized(void *block, size_t size);
void free_aligned_sized(void *block, size_t alignment, size_t size);

HS_NOT_INLINE static void *malloc_exact(size_t size)
{
    if (HS_UNLIKELY(!hs_guard_try()))
        return hs_next_malloc()(size);
    void *block = hs_next_malloc()(size);
    hs_heap_record(block, size, HS_HOOK_FRAME);
    hs_guard_drop();
    return block;
}

HS_NOT_INLINE static void *malloc_sampled(size_t size)
{
    void *block = hs_next_malloc()(size);
    hs_heap_sample(block, size, HS_HOOK_FRAME);
    return block;
}

HS_NOT_INLINE static void *malloc_first(size_t size)
{
    return hs_lifecycle_begin() ? malloc(size) : hs_next_malloc()(size);
}

HS_EXPORT void *malloc(size_t size)
{
    switch (hs_heap_way(size)) {
    case HS_WAY_EXACT:
        return malloc_exact(size);
    case HS_WAY_SAMPLE:
        return malloc_sampled(size);
    case HS_WAY_BEGIN:
        return malloc_first(size);
    case HS_WAY_PASS:
        break;
    }
    HS_PASS(malloc, malloc_first, size);
}

HS_NOT_INLINE static void *calloc_exact(size_t count, size_t size)
{
    if (HS_UNLIKELY(!hs_guard_try()))
        return hs_next_calloc()(count, size);
    void *block = hs_next_calloc()(count, size);
    hs_heap_record(block, count * size, HS_HOOK_FRAME);
    hs_guard_drop();
    return block;
}

HS_NOT_INLINE static void *calloc_sampled(size_t count, size_t size)
{
    void *block = hs_next_calloc()(count, size);
    hs_heap_sample(block, count * size, HS_HOOK_FRAME);
    return block;
}

HS_NOT_INLINE static void *calloc_first(size_t count, size_t size)
{
    return hs_lifecycle_begin() ? calloc(count, size) : hs_next_calloc()(count, size);
}

HS_EXPORT void *calloc(size_t count, size_t size)
{
    switch (hs_heap_way(count * size)) {
    case HS_WAY_EXACT:
        return calloc_exact(count, size);
    case HS_WAY_SAMPLE:
        return calloc_sampled(count, size);
    case HS_WAY_BEGIN:
        return calloc_first(count, size);
    case HS_WAY_PASS:
        break;
    }
    HS_PASS(calloc, calloc_first, count, size);
}

HS_NOT_INLINE static void free_exact(void *block)
{
    if (HS_UNLIKELY(!block))
        return;
    bool entered = hs_guard_try();
    hs_heap_forget(block, entered);
    hs_next_free()(block);
    if (HS_LIKELY(entered))
        hs_guard_drop();
}

HS_NOT_INLINE static void free_sampled(void *block)
{
    hs_heap_forget_sampled(block, NULL);
    hs_next_free()(block);
}

HS_NOT_INLINE static void free_first(void *block)
{
    hs_next_free()(block);
}

HS_EXPORT void free(void *block)
{
    enum hs_heap_mode mode = hs_heap_mode_now();
    if (mode == HS_HEAP_EXACT) {
        free_exact(block);
        return;
    }
    if (mode == HS_HEAP_SAMPLED && hs_sample_may_hold(block)) {
        free_sampled(block);
        return;
    }
    HS_PASS(free, free_first, block);
}

HS_EXPORT void cfree(void *block)
{
    free(block);
}

/* The block is about to go by another function than free. True: hs_guard_drop() after. */
static bool forget(void *block)
{
    bool entered = false;
    if (hs_heap_mode_now() == HS_HEAP_EXACT) {
        entered = hs_guard_try();
        hs_heap_forget(block, entered);
    } else if (hs_heap_is_sampled(block)) {
        hs_heap_forget_sampled(block, NULL);
    }
    return entered;
}

HS_EXPORT void free_sized(void *block, size_t size)
{
    if (!hs_next_free_sized() || !block) {
        free(block);
        return;
    }
    bool entered = forget(block);
    hs_next_free_sized()(block, size);
    if (entered)
        hs_guard_drop();
}

HS_EXPORT void free_aligned_sized(void *block, size_t alignment, size_t size)
{
    if (!hs_next_free_aligned_sized() || !block) {
        free(block);
        return;
    }
    bool entered = forget(block);
    hs_next_free_aligned_sized()(block, alignment, size);
    if (entered)
        hs_guard_drop();
}

HS_EXPORT size_t malloc_usable_size(void *block)
{
    return hs_next_malloc_usable_size() ? hs_next_malloc_usable_size()(block) : 0;
}

// SPDX-License-Identifier: MIT

/*
 * malloc, calloc, realloc, free and their kin; the aligned forms are in heap_aligned.c.
 */

#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "probes/kinds/heap.h"
#include "probes/tracker/lifecycle.h"

HS_NEXT(void *, malloc, (size_t))
HS_NEXT(void *, calloc, (size_t, size_t))
HS_NEXT(void *, realloc, (void *, size_t))
HS_NEXT(void *, reallocarray, (void *, size_t, size_t))
HS_NEXT(void, free, (void *))
HS_NEXT(void, free_sized, (void *, size_t))
HS_NEXT(void, free_aligned_sized, (void *, size_t, size_t))
HS_NEXT(size_t, malloc_usable_size, (void *))

/* Not in <stdlib.h> of every libc; the names are interposed all the same. */
void cfree(void *block);
void free_sized(void *block, size_t size);
void free_aligned_sized(void *block, size_t alignment, size_t size);

__attribute__((noinline)) static void *malloc_untracked(size_t size)
{
    return hs_lifecycle_begin() ? malloc(size) : hs_next_malloc()(size);
}

HS_EXPORT void *malloc(size_t size)
{
    if (HS_UNLIKELY(!hs_guard_try()))
        return malloc_untracked(size);
    void *block = hs_next_malloc()(size);
    hs_heap_record(block, size, HS_HOOK_FRAME);
    hs_guard_drop();
    return block;
}

__attribute__((noinline)) static void *calloc_untracked(size_t count, size_t size)
{
    return hs_lifecycle_begin() ? calloc(count, size) : hs_next_calloc()(count, size);
}

HS_EXPORT void *calloc(size_t count, size_t size)
{
    if (HS_UNLIKELY(!hs_guard_try()))
        return calloc_untracked(count, size);
    void *block = hs_next_calloc()(count, size);
    hs_heap_record(block, count * size, HS_HOOK_FRAME);
    hs_guard_drop();
    return block;
}

HS_EXPORT void free(void *block)
{
    if (HS_UNLIKELY(!block))
        return;
    bool entered = hs_guard_try();
    hs_heap_forget(block, entered);
    hs_next_free()(block);
    if (HS_LIKELY(entered))
        hs_guard_drop();
}

HS_EXPORT void cfree(void *block)
{
    free(block);
}

HS_EXPORT void free_sized(void *block, size_t size)
{
    if (!hs_next_free_sized() || !block) {
        free(block);
        return;
    }
    bool entered = hs_guard_try();
    hs_heap_forget(block, entered);
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
    bool entered = hs_guard_try();
    hs_heap_forget(block, entered);
    hs_next_free_aligned_sized()(block, alignment, size);
    if (entered)
        hs_guard_drop();
}

/*
 * Around the real realloc. When it fails the old block is still there; when it returned
 * NULL for a size of 0 the block was freed.
 */
struct resize {
    bool entered; /* outermost hook: record the result */
    bool known;   /* `old` is what the table held */
    struct hs_live_block old;
};

static void resize_begin(struct resize *resize, void *block)
{
    resize->entered = hs_guard_try();
    resize->known =
        block && hs_tracking_is_on && hs_live_remove((uint64_t)block, &resize->old);
    if (block && resize->entered && !resize->known)
        hs_live_count_foreign_free();
}

static void resize_end(struct resize *resize, void *result, size_t size, void *hook_frame)
{
    if (!result && size > 0) {
        if (resize->known)
            hs_live_restore(&resize->old);
    } else if (resize->entered) {
        hs_heap_record(result, size, hook_frame);
    } else if (result && resize->known) {
        hs_live_insert((uint64_t)result, size, resize->old.stack);
    }
    if (resize->entered)
        hs_guard_drop();
}

HS_EXPORT void *realloc(void *block, size_t size)
{
    struct resize resize;
    resize_begin(&resize, block);
    void *result = hs_next_realloc()(block, size);
    resize_end(&resize, result, size, HS_HOOK_FRAME);
    return result;
}

HS_EXPORT void *reallocarray(void *block, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    if (!hs_next_reallocarray())
        return realloc(block, bytes);
    struct resize resize;
    resize_begin(&resize, block);
    void *result = hs_next_reallocarray()(block, count, size);
    resize_end(&resize, result, bytes, HS_HOOK_FRAME);
    return result;
}

HS_EXPORT size_t malloc_usable_size(void *block)
{
    return hs_next_malloc_usable_size() ? hs_next_malloc_usable_size()(block) : 0;
}

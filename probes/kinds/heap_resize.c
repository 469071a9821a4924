// SPDX-License-Identifier: MIT

/*
 * realloc: one block goes and another comes, even where the address stays.
 *
 * When the real one fails the old block is still there; when it returned NULL for a size of
 * 0 the block was freed.
 */

#include <errno.h>
#include <stdlib.h>

#include "probes/kinds/heap.h"

HS_NEXT(void *, realloc, (void *, size_t))
HS_NEXT(void *, reallocarray, (void *, size_t, size_t))

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

HS_NOT_INLINE static void *realloc_exact(void *block, size_t size)
{
    struct resize resize;
    resize_begin(&resize, block);
    void *result = hs_next_realloc()(block, size);
    resize_end(&resize, result, size, HS_HOOK_FRAME);
    return result;
}

/* The old block may be sampled, or the new one chosen. */
HS_NOT_INLINE static void *realloc_sampled(void *block, size_t size)
{
    struct hs_live_block old;
    bool is_known = hs_sample_may_hold(block) && hs_heap_forget_sampled(block, &old);
    void *result = hs_next_realloc()(block, size);
    if (!result && size > 0) {
        if (is_known && hs_guard_try()) {
            hs_sample_restore(&old);
            hs_guard_drop();
        }
        return NULL;
    }
    if (!hs_sample_pass(size))
        hs_heap_sample(result, size, HS_HOOK_FRAME);
    return result;
}

HS_NOT_INLINE static void *realloc_first(void *block, size_t size)
{
    return hs_next_realloc()(block, size);
}

HS_EXPORT void *realloc(void *block, size_t size)
{
    enum hs_heap_mode mode = hs_heap_mode_now();
    if (mode == HS_HEAP_EXACT)
        return realloc_exact(block, size);
    if (mode == HS_HEAP_SAMPLED && (hs_sample_may_hold(block) || !hs_sample_pass(size)))
        return realloc_sampled(block, size);
    HS_PASS(realloc, realloc_first, block, size);
}

HS_NOT_INLINE static void *reallocarray_exact(void *block, size_t count, size_t size)
{
    struct resize resize;
    resize_begin(&resize, block);
    void *result = hs_next_reallocarray()(block, count, size);
    resize_end(&resize, result, count * size, HS_HOOK_FRAME);
    return result;
}

HS_EXPORT void *reallocarray(void *block, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    if (hs_heap_mode_now() == HS_HEAP_EXACT && hs_next_reallocarray())
        return reallocarray_exact(block, count, size);
    return realloc(block, bytes); /* the same, without the product */
}

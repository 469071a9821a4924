// SPDX-License-Identifier: MIT

/*
 * One hook a shape, whatever the allocator: which function it stands for comes with the
 * call. Allocators call each other's and their own functions; the outermost counts, as
 * with the hooks of the C library's functions.
 *
 * Operator new may throw through a hook: compiled with -fexceptions, and the guard is a
 * variable with a cleanup. The routine that runs it while unwinding is in libgcc_s, which
 * a C program does not have: the reference is weak, because who throws has it loaded.
 */

#include "probes/patch/hooks.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "probes/kinds/heap.h"

__asm__(".weak __gcc_personality_v0\n.weak _Unwind_Resume");

static void guard_release(bool *entered)
{
    if (*entered)
        hs_guard_drop();
}

#define GUARDED __attribute__((cleanup(guard_release))) bool entered = hs_guard_try()

#define HOOK(name)                                                                   \
    static uint64_t name(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, \
                         const struct hs_entry *entry)

/* hs_heap_sample() under the guard that this hook took. */
static void record_sampled(uint64_t block, uint64_t size, void *hook_frame)
{
    if (hs_sample_pass(size) || !hs_sample_choose(size) || !block)
        return;
    uint32_t stack = hs_stack_capture(hook_frame);
    hs_sample_insert(block, size, stack);
    if (hs_ever_is_on)
        hs_ever_count(stack, size);
}

/* The mode is looked at under the guard: the switch waits for it. */
static void record(uint64_t block, uint64_t size, void *hook_frame)
{
    enum hs_heap_mode mode = hs_heap_mode_now();
    if (mode == HS_HEAP_EXACT)
        hs_heap_record((void *)(uintptr_t)block, size, hook_frame);
    else if (mode == HS_HEAP_SAMPLED)
        record_sampled(block, size, hook_frame);
}

#define PASS_WHEN_OFF                       \
    if (hs_heap_mode_now() < HS_HEAP_EXACT) \
    return entry->real(a, b, c, d, e)

/* `size` of a block that the real function returns. */
#define DEFINE_NEW(name, size)                       \
    HOOK(name)                                       \
    {                                                \
        PASS_WHEN_OFF;                               \
        GUARDED;                                     \
        uint64_t block = entry->real(a, b, c, d, e); \
        if (HS_LIKELY(entered))                      \
            record(block, (size), HS_HOOK_FRAME);    \
        return block;                                \
    }

DEFINE_NEW(new_size_a, a)
DEFINE_NEW(new_size_b, b)
DEFINE_NEW(new_count_ab, a *b)
DEFINE_NEW(new_count_bc, b *c)
DEFINE_NEW(new_text, block ? strlen((const char *)(uintptr_t)block) + 1 : 0)

HOOK(new_stored)
{
    PASS_WHEN_OFF;
    GUARDED;
    uint64_t result = entry->real(a, b, c, d, e);
    if (entered && (int)result == 0)
        record(*(uint64_t *)(uintptr_t)a, c, HS_HOOK_FRAME);
    return result;
}

/* Forget a block, also inside another hook: whatever frees it, it must not stay. */
static bool forget(uint64_t block, bool entered, struct hs_live_block *ret)
{
    if (!block || (!entered && !hs_guard_word))
        return false;
    if (hs_heap_mode_now() == HS_HEAP_SAMPLED)
        return hs_sample_may_hold((void *)(uintptr_t)block)
               && hs_sample_remove(block, ret);
    bool is_known = hs_live_remove(block, ret);
    if (!is_known && entered)
        hs_live_count_foreign_free();
    return is_known;
}

HOOK(free_one)
{
    enum hs_heap_mode mode = hs_heap_mode_now();
    if (mode < HS_HEAP_EXACT
        || (mode == HS_HEAP_SAMPLED && !hs_sample_may_hold((void *)(uintptr_t)a)))
        return entry->real(a, b, c, d, e);
    GUARDED;
    forget(a, entered, NULL);
    return entry->real(a, b, c, d, e);
}

/*
 * After a real realloc. When it failed the old block is still there, unless it is `freed`
 * then; when it returned NULL for a size of 0 the block was freed.
 */
static void resized(const struct hs_live_block *old, bool entered, uint64_t result,
                    uint64_t size, bool freed, void *hook_frame)
{
    bool is_sampled = hs_heap_mode_now() == HS_HEAP_SAMPLED;
    if (!result && size > 0) {
        if (old && !freed)
            (is_sampled ? hs_sample_restore : hs_live_restore)(old);
    } else if (entered) {
        record(result, size, hook_frame);
    } else if (result && old && !is_sampled) {
        hs_live_insert(result, size, old->stack);
    }
}

#define DEFINE_RESIZE(name, block, size, freed)                             \
    HOOK(name)                                                              \
    {                                                                       \
        PASS_WHEN_OFF;                                                      \
        GUARDED;                                                            \
        struct hs_live_block old;                                           \
        bool is_known = forget(block, entered, &old);                       \
        uint64_t result = entry->real(a, b, c, d, e);                       \
        if (HS_LIKELY(entered) || is_known)                                 \
            resized(is_known ? &old : NULL, entered, result, (size), freed, \
                    HS_HOOK_FRAME);                                         \
        return result;                                                      \
    }

DEFINE_RESIZE(resize_ab, a, b, false)
DEFINE_RESIZE(resize_bc, b, c, false)
DEFINE_RESIZE(resize_abc, a, b *c, false)
DEFINE_RESIZE(resize_bcd, b, c *d, false)
DEFINE_RESIZE(resize_or_free, a, b, true)

hs_entry_hook *hs_shape_hook(enum hs_shape shape)
{
    static hs_entry_hook *const hooks[HS_SHAPES] = {
        [HS_SHAPE_SIZE_A] = new_size_a,     [HS_SHAPE_SIZE_B] = new_size_b,
        [HS_SHAPE_COUNT_AB] = new_count_ab, [HS_SHAPE_COUNT_BC] = new_count_bc,
        [HS_SHAPE_STORED] = new_stored,     [HS_SHAPE_TEXT] = new_text,
        [HS_SHAPE_FREE] = free_one,         [HS_SHAPE_RESIZE_AB] = resize_ab,
        [HS_SHAPE_RESIZE_BC] = resize_bc,   [HS_SHAPE_RESIZE_ABC] = resize_abc,
        [HS_SHAPE_RESIZE_BCD] = resize_bcd, [HS_SHAPE_RESIZE_OR_FREE] = resize_or_free,
    };
    return hooks[shape];
}

// SPDX-License-Identifier: MIT

/*
 * Operator new and delete in all their forms. Allocators like jemalloc and tcmalloc bring
 * their own, which never call malloc; the C++ library's call it inside our guard.
 *
 * Operator new may throw: this file is compiled with -fexceptions, and the guard is a
 * variable with a cleanup. The routine that runs the cleanup while unwinding is in
 * libgcc_s, which a C program does not have: the reference is weak, because who throws
 * has it loaded.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "probes/kinds/cxx.h"
#include "probes/kinds/heap.h"

__asm__(".weak __gcc_personality_v0\n.weak _Unwind_Resume");

static void guard_release(bool *entered)
{
    if (*entered)
        hs_guard_drop();
}

/*
 * One operator: an exported function `alias` under the mangled `name`, and the pointer to
 * the real one, looked up at the first call.
 */
#define DECLARE(result, alias, name, parameters)                      \
    HS_EXPORT result alias parameters __asm__(name);                  \
    static result(*real_##alias) parameters;                          \
    static bool is_whole_##alias;                                     \
    static inline __typeof__(real_##alias) find_##alias(void *caller) \
    {                                                                 \
        __typeof__(real_##alias) found =                              \
            __atomic_load_n(&real_##alias, __ATOMIC_ACQUIRE);         \
        if (HS_UNLIKELY(!found)) {                                    \
            found = (__typeof__(found))hs_cxx_find(name, caller);     \
            is_whole_##alias = hs_cxx_is_allocators((void *)found);   \
            __atomic_store_n(&real_##alias, found, __ATOMIC_RELEASE); \
        }                                                             \
        return found;                                                 \
    }

/* `fallback` allocates where no C++ library is to be found. While blocks are sampled, an
 * operator that calls malloc leaves the choice to malloc's hook; of one that does not,
 * whatever it calls inside belongs to the same block. */
#define DEFINE_NEW(alias, name, parameters, arguments, size, fallback)             \
    DECLARE(void *, alias, name, parameters)                                       \
    HS_NOT_INLINE static void *alias##_exact parameters                            \
    {                                                                              \
        __attribute__((cleanup(guard_release))) bool entered = hs_guard_try();     \
        void *block = real_##alias arguments;                                      \
        if (HS_LIKELY(entered))                                                    \
            hs_heap_record(block, size, HS_HOOK_FRAME);                            \
        return block;                                                              \
    }                                                                              \
    HS_NOT_INLINE static void *alias##_sampled parameters                          \
    {                                                                              \
        uint64_t left = hs_sample_left;                                            \
        void *block = real_##alias arguments;                                      \
        hs_sample_left = left;                                                     \
        if (!hs_sample_pass(size))                                                 \
            hs_heap_sample(block, size, HS_HOOK_FRAME);                            \
        return block;                                                              \
    }                                                                              \
    void *alias parameters                                                         \
    {                                                                              \
        __typeof__(real_##alias) real = find_##alias(__builtin_return_address(0)); \
        if (HS_UNLIKELY(!real))                                                    \
            return fallback;                                                       \
        enum hs_heap_mode mode = hs_heap_mode_now();                               \
        if (mode == HS_HEAP_EXACT)                                                 \
            return alias##_exact arguments;                                        \
        if (mode == HS_HEAP_SAMPLED && is_whole_##alias)                           \
            return alias##_sampled arguments;                                      \
        return real arguments;                                                     \
    }

#define DEFINE_DELETE(alias, name, parameters, arguments)                          \
    DECLARE(void, alias, name, parameters)                                         \
    HS_NOT_INLINE static void alias##_exact parameters                             \
    {                                                                              \
        __attribute__((cleanup(guard_release))) bool entered = hs_guard_try();     \
        hs_heap_forget(block, entered);                                            \
        real_##alias arguments;                                                    \
    }                                                                              \
    HS_NOT_INLINE static void alias##_sampled parameters                           \
    {                                                                              \
        hs_heap_forget_sampled(block, NULL);                                       \
        real_##alias arguments;                                                    \
    }                                                                              \
    void alias parameters                                                          \
    {                                                                              \
        if (!block)                                                                \
            return;                                                                \
        __typeof__(real_##alias) real = find_##alias(__builtin_return_address(0)); \
        if (HS_UNLIKELY(!real)) {                                                  \
            free(block);                                                           \
            return;                                                                \
        }                                                                          \
        if (hs_heap_mode_now() == HS_HEAP_EXACT)                                   \
            alias##_exact arguments;                                               \
        else if (is_whole_##alias && hs_heap_is_sampled(block))                    \
            alias##_sampled arguments;                                             \
        else                                                                       \
            real arguments;                                                        \
    }

#define NOTHROW const void *nothrow

DEFINE_NEW(new_one, "_Znwm", (size_t size), (size), size, malloc(size))
DEFINE_NEW(new_array, "_Znam", (size_t size), (size), size, malloc(size))
DEFINE_NEW(new_one_nothrow, "_ZnwmRKSt9nothrow_t", (size_t size, NOTHROW),
           (size, nothrow), size, malloc(size))
DEFINE_NEW(new_array_nothrow, "_ZnamRKSt9nothrow_t", (size_t size, NOTHROW),
           (size, nothrow), size, malloc(size))
DEFINE_NEW(new_one_aligned, "_ZnwmSt11align_val_t", (size_t size, size_t alignment),
           (size, alignment), size, aligned_alloc(alignment, size))
DEFINE_NEW(new_array_aligned, "_ZnamSt11align_val_t", (size_t size, size_t alignment),
           (size, alignment), size, aligned_alloc(alignment, size))
DEFINE_NEW(new_one_aligned_nothrow, "_ZnwmSt11align_val_tRKSt9nothrow_t",
           (size_t size, size_t alignment, NOTHROW), (size, alignment, nothrow), size,
           aligned_alloc(alignment, size))
DEFINE_NEW(new_array_aligned_nothrow, "_ZnamSt11align_val_tRKSt9nothrow_t",
           (size_t size, size_t alignment, NOTHROW), (size, alignment, nothrow), size,
           aligned_alloc(alignment, size))

DEFINE_DELETE(delete_one, "_ZdlPv", (void *block), (block))
DEFINE_DELETE(delete_array, "_ZdaPv", (void *block), (block))
DEFINE_DELETE(delete_one_sized, "_ZdlPvm", (void *block, size_t size), (block, size))
DEFINE_DELETE(delete_array_sized, "_ZdaPvm", (void *block, size_t size), (block, size))
DEFINE_DELETE(delete_one_nothrow, "_ZdlPvRKSt9nothrow_t", (void *block, NOTHROW),
              (block, nothrow))
DEFINE_DELETE(delete_array_nothrow, "_ZdaPvRKSt9nothrow_t", (void *block, NOTHROW),
              (block, nothrow))
DEFINE_DELETE(delete_one_aligned, "_ZdlPvSt11align_val_t",
              (void *block, size_t alignment), (block, alignment))
DEFINE_DELETE(delete_array_aligned, "_ZdaPvSt11align_val_t",
              (void *block, size_t alignment), (block, alignment))
DEFINE_DELETE(delete_one_aligned_sized, "_ZdlPvmSt11align_val_t",
              (void *block, size_t size, size_t alignment), (block, size, alignment))
DEFINE_DELETE(delete_array_aligned_sized, "_ZdaPvmSt11align_val_t",
              (void *block, size_t size, size_t alignment), (block, size, alignment))
DEFINE_DELETE(delete_one_aligned_nothrow, "_ZdlPvSt11align_val_tRKSt9nothrow_t",
              (void *block, size_t alignment, NOTHROW), (block, alignment, nothrow))
DEFINE_DELETE(delete_array_aligned_nothrow, "_ZdaPvSt11align_val_tRKSt9nothrow_t",
              (void *block, size_t alignment, NOTHROW), (block, alignment, nothrow))

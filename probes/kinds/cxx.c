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
    static inline __typeof__(real_##alias) find_##alias(void *caller) \
    {                                                                 \
        __typeof__(real_##alias) found =                              \
            __atomic_load_n(&real_##alias, __ATOMIC_RELAXED);         \
        if (HS_UNLIKELY(!found)) {                                    \
            found = (__typeof__(found))hs_cxx_find(name, caller);     \
            __atomic_store_n(&real_##alias, found, __ATOMIC_RELAXED); \
        }                                                             \
        return found;                                                 \
    }

/* `fallback` allocates where no C++ library is to be found. */
#define DEFINE_NEW(alias, name, parameters, arguments, size, fallback)             \
    DECLARE(void *, alias, name, parameters)                                       \
    void *alias parameters                                                         \
    {                                                                              \
        __typeof__(real_##alias) real = find_##alias(__builtin_return_address(0)); \
        if (HS_UNLIKELY(!real))                                                    \
            return fallback;                                                       \
        __attribute__((cleanup(guard_release))) bool entered = hs_guard_try();     \
        void *block = real arguments;                                              \
        if (HS_LIKELY(entered))                                                    \
            hs_heap_record(block, size, HS_HOOK_FRAME);                            \
        return block;                                                              \
    }

#define DEFINE_DELETE(alias, name, parameters, arguments)                          \
    DECLARE(void, alias, name, parameters)                                         \
    void alias parameters                                                          \
    {                                                                              \
        if (!block)                                                                \
            return;                                                                \
        __typeof__(real_##alias) real = find_##alias(__builtin_return_address(0)); \
        if (HS_UNLIKELY(!real)) {                                                  \
            free(block);                                                           \
            return;                                                                \
        }                                                                          \
        __attribute__((cleanup(guard_release))) bool entered = hs_guard_try();     \
        hs_heap_forget(block, entered);                                            \
        real arguments;                                                            \
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

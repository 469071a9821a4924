// SPDX-License-Identifier: MIT

/*
 * The real functions: for each interposed name the next definition in lookup order after
 * the shim, whoever that is (Debian's redis brings jemalloc). Never assume glibc's.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_NEXT_H
#define HEAPSNAP_PROBES_TRACKER_NEXT_H

#include <stdbool.h>

/*
 * The next definition of `name`, or NULL. Safe from the very first allocation on: what
 * dlsym allocates meanwhile comes from the bootstrap arena. Not async-signal-safe; keep
 * the result in a static (idempotent, so a race is harmless).
 */
void *hs_next_find(const char *name);

/* True while this thread is inside hs_next_find(): allocate from the arena. */
bool hs_next_is_searching(void);

/* Declare and resolve on first use:  HS_NEXT(int, close, (int fd));  hs_next_close()(fd) */
#define HS_NEXT(result, name, parameters)                                    \
    static result(*next_##name##_) parameters;                               \
    static inline __typeof__(next_##name##_) hs_next_##name(void)            \
    {                                                                        \
        __typeof__(next_##name##_) found =                                   \
            __atomic_load_n(&next_##name##_, __ATOMIC_RELAXED);              \
        if (__builtin_expect(!found, 0)) {                                   \
            found = (__typeof__(found))hs_next_find(#name);                  \
            __atomic_store_n(&next_##name##_, found, __ATOMIC_RELAXED);      \
        }                                                                    \
        return found;                                                        \
    }

#define HS_EXPORT __attribute__((visibility("default")))

#endif

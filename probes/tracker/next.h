// SPDX-License-Identifier: MIT

/*
 * The real functions: for each interposed name the next definition in lookup order after
 * the shim, whoever that is (Debian's redis brings jemalloc). Never assume glibc's.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_NEXT_H
#define HEAPSNAP_PROBES_TRACKER_NEXT_H

#include <stdbool.h>

/*
 * The next definition of `name`, or NULL. Safe from the very first allocation on, in a
 * signal handler and in a child of vfork: takes no lock, allocates nothing, and does not
 * disturb dlerror. Searches the modules loaded at start; when the shim itself was loaded
 * into a running program, those before it.
 */
void *hs_next_find(const char *name);

/* The first definition of `name` in lookup order, the shim's own included, or NULL. */
void *hs_next_find_first(const char *name);

/* Declare and resolve on first use:  HS_NEXT(int, close, (int fd));  hs_next_close()(fd) */
#define HS_NEXT(result, name, parameters)                               \
    static result(*next_##name##_) parameters;                          \
    static inline __typeof__(next_##name##_) hs_next_##name(void)       \
    {                                                                   \
        __typeof__(next_##name##_) found =                              \
            __atomic_load_n(&next_##name##_, __ATOMIC_RELAXED);         \
        if (__builtin_expect(!found, 0)) {                              \
            found = (__typeof__(found))hs_next_find(#name);             \
            __atomic_store_n(&next_##name##_, found, __ATOMIC_RELAXED); \
        }                                                               \
        return found;                                                   \
    }

#define HS_EXPORT __attribute__((visibility("default")))

#endif

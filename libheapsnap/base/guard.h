// SPDX-License-Identifier: MIT

/*
 * Scope guards: a resource is released where its variable goes out of scope.
 *
 * Declare the guard where the resource is born, and hand it on with hs_take():
 *
 *     hs_auto_free char *text = read_all(file);
 *     ...
 *     *ret = hs_take(text);
 */

#ifndef HEAPSNAP_BASE_GUARD_H
#define HEAPSNAP_BASE_GUARD_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void hs_guard_free(void *pointer)
{
    free(*(void **)pointer);
}

static inline void hs_guard_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void hs_guard_fclose(FILE **file)
{
    if (*file)
        fclose(*file);
}

#define hs_auto_free __attribute__((cleanup(hs_guard_free)))
#define hs_auto_close __attribute__((cleanup(hs_guard_close)))
#define hs_auto_fclose __attribute__((cleanup(hs_guard_fclose)))

/* Release by `function`, which takes the variable's value and accepts NULL. */
#define HS_DEFINE_GUARD(name, type, function) \
    static inline void name(type *pointer)    \
    {                                         \
        function(*pointer);                   \
    }
#define hs_auto(guard) __attribute__((cleanup(guard)))

/* The value of `variable`, which no longer owns it. */
#define hs_take(variable)                       \
    ({                                          \
        __typeof__(variable) taken_ = variable; \
        variable = NULL;                        \
        taken_;                                 \
    })

/* The same for descriptors, whose "nothing" is -1. */
#define hs_take_fd(variable)   \
    ({                         \
        int taken_ = variable; \
        variable = -1;         \
        taken_;                \
    })

#endif

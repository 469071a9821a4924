// SPDX-License-Identifier: MIT

/*
 * Looking up the real functions while the program cannot allocate yet.
 *
 * dlsym itself may allocate, and the first allocation is what makes us call dlsym. What
 * is asked for in between comes from the bootstrap arena: never reused, and recognised
 * for as long as the process lives.
 */

#include "probes/tracker/next.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

#include "probes/tracker/guard.h"

/* volatile: dlsym is declared as never calling back into this file, but its allocations do. */
static __thread volatile uint32_t depth;

bool hs_next_is_searching(void)
{
    return depth != 0;
}

void *hs_next_find(const char *name)
{
    uint32_t word = hs_guard_word;
    hs_guard_word = word | HS_GUARD_HELD; /* what dlsym allocates is not the program's */
    depth++;
    void *found = dlsym(RTLD_NEXT, name);
    if (!found)
        dlerror(); /* frees the message while the search is still on */
    depth--;
    hs_guard_word = word;
    return found;
}

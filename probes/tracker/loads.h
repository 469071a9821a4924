// SPDX-License-Identifier: MIT

/*
 * Has a module gone without a word? A library that binds dlclose to libc itself
 * (RTLD_DEEPBIND) passes our hook by, and what we remember of its code goes stale.
 *
 * The loader counts what it has ever loaded, and what is loaded now, in a variable of its
 * own that is exported without a description. The two counters are taken for what they are
 * only if they said the right numbers before and after a load of ours; where they are not
 * found, such modules stay unseen, as they were before.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_LOADS_H
#define HEAPSNAP_PROBES_TRACKER_LOADS_H

#include <stdint.h>

#include "probes/tracker/hidden.h"

/* Zeros until they are found. The loader writes them under its lock; we only compare. */
extern HS_HIDDEN const uint64_t *hs_loads_ever;
extern HS_HIDDEN const uint32_t *hs_loads_present;

/* Around a dlopen, once, from the constructor. */
void hs_loads_look(void);
void hs_loads_look_again(void);

/* How many modules are gone, or some other number that stays the same until one goes. */
static inline uint64_t hs_loads_gone(void)
{
    return __atomic_load_n(hs_loads_ever, __ATOMIC_RELAXED)
           - __atomic_load_n(hs_loads_present, __ATOMIC_RELAXED);
}

#endif

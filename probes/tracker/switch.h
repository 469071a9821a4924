// SPDX-License-Identifier: MIT

/*
 * What the hooks of the heap do: one byte that each of them loads first, so that a hook
 * that has nothing to do costs a load and a branch.
 *
 * hs_tracking_is_on says the same to all other hooks; the two change together, here.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_SWITCH_H
#define HEAPSNAP_PROBES_TRACKER_SWITCH_H

#include <stdbool.h>
#include <stdint.h>

#include "probes/tracker/hidden.h"

enum hs_heap_mode {
    HS_HEAP_NEW = 0, /* no hook has run yet: begin */
    HS_HEAP_OFF,     /* dormant, or not tracked at all */
    HS_HEAP_EXACT,
    HS_HEAP_SAMPLED,
};

extern HS_HIDDEN uint8_t hs_heap_mode;

static inline enum hs_heap_mode hs_heap_mode_now(void)
{
    return (enum hs_heap_mode)__atomic_load_n(&hs_heap_mode, __ATOMIC_RELAXED);
}

/*
 * Is the shim at work in this process, be it dormant? Set at start, and for a child that
 * is not tracked.
 */
bool hs_switch_is_armed(void);
void hs_switch_arm(bool is_armed);

/*
 * Map the tables and begin to record, in the mode that the options ask for. Allocates
 * nothing, async-signal-safe. False without memory: then it stays off.
 */
bool hs_switch_on(void);

/* Hooks that begin from now on do nothing; what is recorded stays. */
void hs_switch_off(void);

/*
 * Forget everything that was recorded and give its memory back. Only while every other
 * thread stands still outside of all hooks, and after hs_switch_off().
 */
void hs_switch_forget(void);

#endif

// SPDX-License-Identifier: MIT

/*
 * What each stack has ever allocated, with the option totals=1.
 *
 * A thread counts in an array of its own, indexed by stack id, so counting is two plain
 * additions. The array outlives the thread: whoever takes over its state goes on with it.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_EVER_H
#define HEAPSNAP_PROBES_TRACKER_EVER_H

#include <stdbool.h>
#include <stdint.h>

#include "probes/tracker/hidden.h"

extern HS_HIDDEN bool hs_ever_is_on;

/* One more allocation, or by the size's weight more while blocks are sampled. Under the
 * guard. */
void hs_ever_count(uint32_t stack, uint64_t size);

/* Each stack of each thread that is not 0; a stack comes once a thread. Safe in the frozen
 * image and beside running threads. */
void hs_ever_each(void (*visit)(uint32_t stack, uint64_t count, uint64_t bytes,
                                void *context),
                  void *context);

/* Back to nothing; only while no other thread is inside a hook. */
void hs_ever_forget(void);

uint64_t hs_ever_dropped_count(void);

#endif

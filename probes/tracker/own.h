// SPDX-License-Identifier: MIT

/*
 * Which memory is the shim's own, so that no scan for pointers ever looks into it: its
 * tables name every block there is.
 *
 * Async-signal-safe, thread-safe; the frozen image finds the table complete but for what a
 * stopped thread was about to enter, and in that nothing has been written yet.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_OWN_H
#define HEAPSNAP_PROBES_TRACKER_OWN_H

#include <stdbool.h>
#include <stdint.h>

#define HS_OWN_MAX 16384u

void hs_own_note(uint64_t start, uint64_t size);
void hs_own_forget(uint64_t start);

/* False when it has overflown: there is memory of ours that it does not know. */
bool hs_own_each(void (*visit)(uint64_t start, uint64_t size, void *context),
                 void *context);

#endif

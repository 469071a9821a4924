// SPDX-License-Identifier: MIT

/*
 * Turning tracking on and off in the running program.
 */

#ifndef HEAPSNAP_PROBES_FREEZE_SWITCHING_H
#define HEAPSNAP_PROBES_FREEZE_SWITCHING_H

#include <stdbool.h>

struct hs_slot;

/* A tool asks for it (the phase is REQUESTED). `own` is the calling thread, a signal
 * handler's. */
void hs_switching_serve(const struct hs_slot *own, bool on);

/* The signal of switch= came: on when it is off, off when it is on. */
void hs_switching_toggle(const struct hs_slot *own);

/* This thread has left its hook: a switch that came inside of it is asked for again. */
void hs_switching_resume(void);

#endif

// SPDX-License-Identifier: MIT

/*
 * A system call that our signal interrupted goes on as if nothing had been.
 */

#ifndef HEAPSNAP_PROBES_FREEZE_RESTART_H
#define HEAPSNAP_PROBES_FREEZE_RESTART_H

/* At the end of a handler of ours: when `context` would return EINTR from a call that
 * means the same when made again, make it again instead. */
void hs_restart_interrupted(void *context);

#endif

// SPDX-License-Identifier: MIT

/*
 * A system call that our signal interrupted goes on as if nothing had been, and takes no
 * longer in all. Left with EINTR, as after any signal: poll, epoll_wait and others that
 * wait a limited time and do not say how much of it is left.
 */

#ifndef HEAPSNAP_PROBES_FREEZE_RESTART_H
#define HEAPSNAP_PROBES_FREEZE_RESTART_H

/* At the end of a handler of ours: when `context` would return EINTR from a call that
 * means the same when made again, make it again instead. */
void hs_restart_interrupted(void *context);

#endif

// SPDX-License-Identifier: MIT

/*
 * A system call that our signal interrupted goes on as if nothing had been, and takes no
 * longer in all: made again by the registers, or, where what is left of its limit is not
 * known from them, by our hook around it (wait.c).
 */

#ifndef HEAPSNAP_PROBES_FREEZE_RESTART_H
#define HEAPSNAP_PROBES_FREEZE_RESTART_H

#include <stdbool.h>
#include <stdint.h>

/* The thread's innermost hook around a call that waits. */
struct hs_wait {
    uintptr_t frame; /* of the hook; 0: none */
    bool is_cut;     /* the call returns EINTR because of us alone */
};

extern __thread struct hs_wait hs_wait;

/* At the end of a handler of ours: when `context` would return EINTR from a call that
 * means the same when made again, make it again instead, or tell the hook around it. */
void hs_restart_interrupted(void *context);

#endif

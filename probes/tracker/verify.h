// SPDX-License-Identifier: MIT

/*
 * verify=stacks: our own walk against libunwind's, frame by frame. For tests: it costs
 * microseconds a frame. One line on stderr at the end says how it went.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_VERIFY_H
#define HEAPSNAP_PROBES_TRACKER_VERIFY_H

#include "probes/tracker/walk.h"

/* `walk` as hs_walk left it, NULL when it declined. Keeps errno. */
void hs_verify_walk(struct hs_thread *thread, void *hook_frame,
                    const struct hs_walk *walk);

/* Is `node` the stack that the memo is? */
void hs_verify_node(const struct hs_thread *thread, uint32_t node);

/* The line. */
void hs_verify_report(void);

#endif

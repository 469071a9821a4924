// SPDX-License-Identifier: MIT

/*
 * Under a seccomp filter a system call may be death, a signal's return included. What the
 * filter forbids is known before it is in force, when the program installs it, and found
 * out at start by a child's death when it was installed before.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_SANDBOX_H
#define HEAPSNAP_PROBES_TRACKER_SANDBOX_H

#include <stdbool.h>

struct hs_sandbox {
    const char *no_tracking;  /* a system call that kills, as a clause; NULL: none */
    const char *no_snapshots; /* also set when there is no tracking */
    bool no_report;           /* not even a line on stderr */
    bool is_child;            /* of a tracked fork: many alike, which say nothing */
    bool no_close;            /* descriptors and memory are to stay as they are */
};
extern struct hs_sandbox hs_sandbox;

/* At start, before any call that the loader does not make, too. `options` is the value of
 * HEAPSNAP_OPTIONS or NULL. Does its work once. */
void hs_sandbox_look(const char *options);

#endif

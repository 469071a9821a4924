// SPDX-License-Identifier: MIT

/*
 * This process's side of the control page (layout and phases: probes/abi.h), and the
 * descriptors behind it. They sit high in the descriptor table with CLOEXEC set; the fd
 * kind hides them from the program's close, close_range and dup2.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_CONTROL_H
#define HEAPSNAP_PROBES_TRACKER_CONTROL_H

#include <stdbool.h>

#include "probes/abi.h"

/* Never NULL: before hs_control_create(), and when it failed, a private static page. */
extern struct hs_control *hs_control;

/* Create the memfds and the page. False: no snapshots on request, the rest works. */
bool hs_control_create(void);

/* In a forked child that is tracked: drop the parent's, make our own. */
bool hs_control_recreate(void);

/* In a forked child that is not tracked: close the parent's descriptors. */
void hs_control_abandon(void);

int hs_control_fd(void);               /* -1: none */
int hs_control_identity_fd(int index); /* 0 or 1; -1: none */

/* Is `fd` one of the shim's own? */
bool hs_control_owns_fd(int fd);

/* The lowest of the shim's own descriptors from `first` on; -1: none. */
int hs_control_next_fd(unsigned first);

/* Descriptors of ours that are open for a moment only (a capture being made). */
void hs_control_own_fd(int fd);
void hs_control_disown_fd(int fd);

/* Give `fd` a high number with CLOEXEC and close the low one; -errno when none is free. */
int hs_control_raise_fd(int fd);

#endif

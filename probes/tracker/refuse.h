// SPDX-License-Identifier: MIT

/*
 * When the shim must not track the process it was loaded into.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_REFUSE_H
#define HEAPSNAP_PROBES_TRACKER_REFUSE_H

#include <stdbool.h>

/* The value of `name`, or NULL. getenv() is not ready when the constructor runs. */
const char *hs_environment_find(char **environment, const char *name);

/* A set-id program: nothing from the environment may be believed. */
bool hs_refuse_silently(void);

/*
 * With follow=0: is this the one process to be tracked? The first that sees the options
 * is, and says so in its environment, so that those it executes in children are not.
 */
bool hs_refuse_is_chosen(char **environment);

/* Why the process cannot be tracked, one clause; NULL when it can. From the first
 * allocation on. */
const char *hs_refuse_reason(void);

#endif

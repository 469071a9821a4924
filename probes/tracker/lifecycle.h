// SPDX-License-Identifier: MIT

/*
 * When tracking begins and ends.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_LIFECYCLE_H
#define HEAPSNAP_PROBES_TRACKER_LIFECYCLE_H

#include <stdbool.h>

/*
 * At the first allocation: set up the tables. True once, when tracking has just begun.
 * Allocates nothing.
 */
bool hs_lifecycle_begin(void);

#endif

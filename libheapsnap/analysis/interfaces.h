// SPDX-License-Identifier: MIT

/*
 * JavaScript's literal objects have no constructor, so DevTools groups them by the
 * properties they share: {x, y}. An object belongs to the interface with most properties
 * among those whose properties it all has.
 */

#ifndef HEAPSNAP_ANALYSIS_INTERFACES_H
#define HEAPSNAP_ANALYSIS_INTERFACES_H

#include <stdbool.h>

#include "heapsnap/analysis.h"

/* Give the literal objects their classes: by the interfaces of `like`, or else by those
 * this snapshot suggests, which are kept. False when memory ends. */
bool hs_interfaces_apply(struct hs_analysis *analysis, const struct hs_analysis *like);
void hs_interfaces_destroy(struct hs_interfaces *interfaces);

#endif

// SPDX-License-Identifier: MIT

/*
 * The compiler's switch for hidden symbols says nothing of declarations: what a header
 * declares would be looked up through the table of addresses. For the few variables that
 * every hook reads that is a load each.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_HIDDEN_H
#define HEAPSNAP_PROBES_TRACKER_HIDDEN_H

#define HS_HIDDEN __attribute__((visibility("hidden")))

#endif

// SPDX-License-Identifier: MIT

/* Work that needs more stack than the program's `ulimit -s`, which is ours as well. */

#ifndef HEAPSNAP_TOOLS_ROOMY_H
#define HEAPSNAP_TOOLS_ROOMY_H

/* Run `work`, with room for libdw's frames where that can be had, and wait for its end. */
void hs_tool_run_roomy(void (*work)(void *context), void *context);

#endif

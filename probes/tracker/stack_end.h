// SPDX-License-Identifier: MIT

/*
 * Where stacks end. What libc tells costs no system call and may be asked for everywhere.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_STACK_END_H
#define HEAPSNAP_PROBES_TRACKER_STACK_END_H

#include <stdint.h>

/* Of the first thread's stack, where the kernel put the arguments; NULL: libc does not
 * tell. Looked up at the first call. */
void *hs_stack_end_of_main(void);

/* Of the stack that `address` is on, when that is the calling thread's own; 0: unknown. */
uint64_t hs_stack_end_above(uint64_t address);

#endif

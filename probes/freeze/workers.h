// SPDX-License-Identifier: MIT

/*
 * Threads of the image: kernel threads in its memory, on stacks of their own, without
 * anything that libc knows of a thread. They share the frozen thread's thread pointer, so
 * no thread-local variable and no function of the program's may be used in them.
 */

#ifndef HEAPSNAP_PROBES_FREEZE_WORKERS_H
#define HEAPSNAP_PROBES_FREEZE_WORKERS_H

#include <stdbool.h>
#include <stdint.h>

#define HS_WORKERS_MAX 4

/* Is there a seccomp filter, so that calls nobody has tried may be death? */
bool hs_workers_are_filtered(void);

/* How many may compute at the same time; one where more may be forbidden. */
uint32_t hs_workers_useful(void);

/*
 * Run body(context, number) in `count` threads at once, the caller's being number 0, and
 * return when all have ended. Where threads cannot be made the caller's is the only one:
 * `body` must take its work from where all take it.
 */
void hs_workers_run(uint32_t count, void (*body)(void *context, uint32_t number),
                    void *context);

/* The number of the calling thread; 0 outside of hs_workers_run(). Signal-safe. */
uint32_t hs_workers_current(void);

#endif

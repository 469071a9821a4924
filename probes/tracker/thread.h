// SPDX-License-Identifier: MIT

/*
 * The guard: is this thread already inside our code?
 *
 * A hook that runs while the guard is held (the real allocator calling mmap, libunwind
 * calling malloc, a signal handler in the middle of a capture) passes straight through
 * and records nothing. The guard is a thread-local word: no lock, no system call.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_THREAD_H
#define HEAPSNAP_PROBES_TRACKER_THREAD_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Begin a hook's own work. False: pass through to the real function and do nothing else
 * (tracking is off, or this thread is inside a hook already). After true, exactly one
 * hs_guard_leave() must follow. Both keep errno. Async-signal-safe.
 */
bool hs_guard_enter(void);
void hs_guard_leave(void);

/* Turn tracking off for good ("stop tracking, say so once, go on"). `why` is a literal. */
void hs_tracker_stop(const char *why);

/* True from the first allocation on, before the constructor has read the options. False
 * after hs_tracker_stop() and in an untracked child. A vfork child shares the answer with
 * its parent: check hs_tracker_is_this_process() where that matters. */
bool hs_tracker_is_on(void);

/* A system call: does the shim's state belong to the calling process? False in a child
 * that shares or copied our memory without going through fork handlers. */
bool hs_tracker_is_this_process(void);

#endif

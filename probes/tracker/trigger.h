// SPDX-License-Identifier: MIT

/*
 * When a snapshot is taken: a tool's request, a signal, exit, a timer, a threshold, the
 * C API. The tracker knows when; the freeze, which is built upon it, does it.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_TRIGGER_H
#define HEAPSNAP_PROBES_TRACKER_TRIGGER_H

#include <stdbool.h>
#include <stdint.h>

#include "probes/abi.h"

/* Choose the private signal: before there is a control page, which is to name it from its
 * first moment on. */
void hs_trigger_prepare(void);

/* Install handlers and timers as hs_options say, and answer who has asked already. From
 * the constructor, one thread. */
void hs_trigger_start(void);

/*
 * No snapshot is taken from now on, no signal of ours comes any more, and whoever asks is
 * told `why`. Returns when no thread is inside a handler; keeps threads that wait in one
 * no longer than a snapshot takes.
 */
void hs_trigger_end(const char *why);

/* After fork in a tracked child: timers are not inherited, state of other threads is. */
void hs_trigger_fork_child(void);

/* The program ends at once with `status`, running no exit handlers: take the exit snapshot
 * when asked for, and wait until its file is complete. At most once. */
void hs_trigger_exit(int status);

/*
 * The same from an exit handler, `status` being its exit code or 0 when unknown. With
 * check=1 the helper looks for leaks, too. `handler_frame` is the handler's
 * __builtin_frame_address(0). Returns the status that the process must end
 * with instead of its own, or 0.
 */
int hs_trigger_last(int status, void *handler_frame);

/* Our exit() was called by a frame whose stack pointer then was `caller_stack`. Not for
 * inlining: the registers are those of the caller of this. */
void hs_trigger_ending(const void *caller_stack);

/* Live bytes have moved by a batch (thread.c flushes them); may take a snapshot. */
void hs_trigger_bytes(int64_t live_bytes);

/*
 * Take a snapshot now from the calling thread, started for `trigger`. With `path` (may
 * be NULL) the helper writes exactly that file. `wait`: return when the file is complete.
 * 0 or -errno; errors are also reported once on stderr. Async-signal-safe.
 */
int hs_trigger_run(enum hs_trigger trigger, const char *path, bool wait);

#endif

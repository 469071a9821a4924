// SPDX-License-Identifier: MIT

/*
 * Private to image/: all threads of a process stopped by ptrace. What this does belongs to
 * the calling thread: only it may use the stop, and when it ends the kernel lets go of
 * everything, also of threads that did not arrive in time.
 */

#ifndef HEAPSNAP_IMAGE_MEMORY_STOP_H
#define HEAPSNAP_IMAGE_MEMORY_STOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "heapsnap/error.h"
#include "libheapsnap/base/array.h"

struct hs_stopped_thread {
    pid_t tid;
    bool is_stopped;       /* false: it did not arrive: in vfork(), or uninterruptible */
    bool is_gone;          /* it ended */
    bool is_group_stopped; /* by SIGSTOP or the terminal: stays so when it is let go */
    int signal;            /* that it was about to get, and gets when it is let go */
};

struct hs_stop {
    pid_t pid;
    HS_ARRAY(struct hs_stopped_thread) threads;
    uint64_t first_ns, last_ns; /* CLOCK_MONOTONIC before the first, after the last */
};

/* Stop all threads. On failure nothing stays stopped. Errors: see memory_refusal.h. */
int hs_stop_all(struct hs_stop *stop, pid_t pid, struct hs_error *err);

/* Stop one thread only, into a stop of its own; -errno. */
int hs_stop_one(struct hs_stop *stop, pid_t pid, pid_t tid);

/* Let all go on; the stop is empty then. */
void hs_stop_release(struct hs_stop *stop);

/* The next state of `tid` as waitpid() tells it; waits up to `milliseconds`. False: none. */
bool hs_stop_wait(pid_t tid, unsigned int milliseconds, int *ret_status);

uint64_t hs_monotonic_ns(void);

#endif

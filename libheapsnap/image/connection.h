// SPDX-License-Identifier: MIT

/*
 * Private to image/: an open connection, and the steps it is made of.
 *
 * The control page is shared with a process that may write anything into it at any time:
 * numbers are loaded once, texts copied with a bound, and nothing in it is a pointer.
 */

#ifndef HEAPSNAP_IMAGE_CONNECTION_H
#define HEAPSNAP_IMAGE_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "heapsnap/error.h"
#include "heapsnap/process.h"
#include "probes/abi.h"

struct hs_process {
    pid_t pid;           /* as seen from here */
    int pidfd;           /* -1: the kernel has none */
    uint64_t start_time; /* /proc's; with `pid`, which process this is */
    bool is_inside;      /* the process is in a pid namespace below ours */
    struct hs_control *control;
    uint64_t control_inode; /* of the memfd: an exec replaces it */
};

/* Loads and stores of the shared words. */
#define hs_control_load(field) __atomic_load_n((field), __ATOMIC_ACQUIRE)
#define hs_control_store(field, value) \
    __atomic_store_n((field), (value), __ATOMIC_RELEASE)

/* What the process says of itself in error_text, fit to print. */
void hs_control_text(const struct hs_control *control,
                     char ret[sizeof(control->error_text)]);

/*
 * Find and map the control page of `pid` (control_page.c). -ENODATA when the process has
 * none of its own, -EACCES when its descriptors may not be listed, -ESRCH, -EPROTO.
 * The descriptor is not kept.
 */
int hs_control_map(pid_t pid, struct hs_control **ret, uint64_t *ret_inode,
                   struct hs_error *err);
void hs_control_unmap(struct hs_control *control);

/* Does `pid` still hold the control page with this inode? */
bool hs_control_is_held(pid_t pid, uint64_t inode);

/*
 * Open /proc/PID/fd/`number` for reading and writing when it is a memfd of that name,
 * sealed against shrinking; -errno otherwise.
 */
int hs_control_open_memfd(pid_t pid, int number, const char *name, struct hs_error *err);

/*
 * Was `pid`, which has no control page, executed under the shim and is meant to be
 * tracked? Then it may have one in a moment (starting.c). In the middle of execve, and
 * while it ends, a process has no environment that could tell.
 */
enum hs_starting { HS_STARTING_NO, HS_STARTING_YES, HS_STARTING_UNKNOWN };
enum hs_starting hs_process_is_starting(pid_t pid);

/* Is it still the process that was opened, and not a zombie? */
bool hs_process_is_alive(const struct hs_process *process);

/*
 * The process may have executed another program: after a moment, connect to the page it
 * has now. False, and nothing changed, when it gets none.
 */
bool hs_process_reopen(struct hs_process *process);

/*
 * Say why `pid`, which has no control page we can open, cannot be talked to (refusal.c).
 * `reason` is ESRCH, EACCES or ENODATA. Returns -reason or what fits better.
 */
int hs_process_refuse(pid_t pid, int reason, struct hs_error *err);

#endif

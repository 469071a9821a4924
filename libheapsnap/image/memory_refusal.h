// SPDX-License-Identifier: MIT

/* Private to image/: why a process cannot be stopped and read, in a sentence. */

#ifndef HEAPSNAP_IMAGE_MEMORY_REFUSAL_H
#define HEAPSNAP_IMAGE_MEMORY_REFUSAL_H

#include <sys/types.h>

#include "heapsnap/error.h"

/*
 * `reason` is the errno of what failed on `pid`. Returns -ESRCH when there is no such
 * process (any more), -EPERM with what forbids it, or -reason.
 */
int hs_memory_refuse(pid_t pid, int reason, struct hs_error *err);

/* Is it a 64-bit program of this machine's kind? 0, -ENOEXEC, or what hs_memory_refuse()
 * says when that cannot be found out. */
int hs_memory_check_machine(pid_t pid, struct hs_error *err);

#endif

// SPDX-License-Identifier: MIT

/*
 * Private to image/: what /proc says about one process. Every function is a single
 * look, valid for that instant only; a process that is gone gives "no answer".
 */

#ifndef HEAPSNAP_IMAGE_PROC_H
#define HEAPSNAP_IMAGE_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct hs_proc_state {
    char state;          /* R S D T t Z X … */
    uint64_t start_time; /* clock ticks after boot: together with the pid, an identity */
};

/* False: no such process. */
bool hs_proc_state(pid_t pid, struct hs_proc_state *ret);

/*
 * A field of /proc/PID/status, "NSpid" or "SigCgt": the text behind the colon, without
 * the newline. False: no process or no such field.
 */
bool hs_proc_status_field(pid_t pid, const char *name, char *ret, size_t size);

/* The pid as the process itself sees it; `ret_depth` counts the namespaces it is in. */
bool hs_proc_inner_pid(pid_t pid, pid_t *ret, int *ret_depth);

/* A process seen from here whose own pid is `inner` in the namespace of `pid`; 0: none. */
pid_t hs_proc_outer_pid(pid_t pid, pid_t inner);

/* The command line, blanks between the words, cut to `size`; the bare name in brackets
 * when there is none. "?" for a process that is gone. */
void hs_proc_command(pid_t pid, char *ret, size_t size);

/* Does the process catch `signal`? */
bool hs_proc_catches(pid_t pid, int signal);

/* Call `visit` for every pid in /proc until it returns false. -errno without a /proc. */
int hs_proc_each(bool (*visit)(pid_t pid, void *context), void *context);

#endif

// SPDX-License-Identifier: MIT

/*
 * What a seccomp filter would answer: a small interpreter for the programs that seccomp
 * takes (classic BPF with words of struct seccomp_data for a packet). A filter that is
 * about to be installed can so be asked about our system calls while there is still time.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_FILTER_H
#define HEAPSNAP_PROBES_TRACKER_FILTER_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest program the kernel takes, in instructions. */
#define HS_FILTER_MAX 4096

/*
 * Run `program` over `call`; the answer is SECCOMP_RET_*. False: the kernel would not
 * take such a program; nothing outside of it is touched, and it always ends.
 */
bool hs_filter_run(const struct sock_filter *program, size_t length,
                   const struct seccomp_data *call, uint32_t *ret_answer);

/* Does the call go on, be it with an error instead of a result? Not: the caller dies, gets
 * a signal, or waits for what another process says. */
bool hs_filter_is_survived(uint32_t answer);

/* Is the call really made? */
bool hs_filter_is_granted(uint32_t answer);

#endif

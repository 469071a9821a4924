// SPDX-License-Identifier: MIT

/* Private to image/: what the sandbox of a thread says to a system call. */

#ifndef HEAPSNAP_IMAGE_MEMORY_SANDBOX_H
#define HEAPSNAP_IMAGE_MEMORY_SANDBOX_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * May the stopped thread do all the calls that making and ending an image take? False also
 * when it cannot be found out: a wrong guess would end the program.
 */
bool hs_sandbox_allows_image(pid_t tid);

/* The verdict of one filter; SECCOMP_RET_KILL_PROCESS for a program that is not right. */
uint32_t hs_sandbox_run(const struct sock_filter *filter, size_t count,
                        const struct seccomp_data *data);

#endif

// SPDX-License-Identifier: MIT

/*
 * Running a target program under the shim and talking to it, one line each way.
 */

#ifndef HEAPSNAP_TESTS_FREEZE_SUPPORT_H
#define HEAPSNAP_TESTS_FREEZE_SUPPORT_H

#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "heapsnap/capture.h"

struct program {
    pid_t pid;
    FILE *input, *output;
    char errors[64]; /* file with its stderr */
};

/* Start the target in `mode` with HEAPSNAP_OPTIONS and wait until it is ready. A limit
 * (RLIMIT_…) below 0 means none. */
struct program program_start(const char *mode, const char *options, int limit,
                             uint64_t value);

/* Send a line, get the answer without its newline; good until the next call. */
const char *program_ask(struct program *program, const char *line);

/* End its input; its exit status, or 128 + signal. */
int program_end(struct program *program);

/* What it wrote to stderr so far; good until the next call. */
const char *program_errors(struct program *program);

/* Wait at most ten seconds until stderr contains `text`. */
int program_awaits_error(struct program *program, const char *text);

/* A capture that must succeed; hs_capture_close() it. */
struct hs_capture program_capture(pid_t pid);

size_t count_blocks(const struct hs_capture *capture, uint64_t size);

/* Map the control page of the process, writable; the test owns nothing of it. */
struct hs_control *program_control(pid_t pid);

/* A thread's function: a capture of the struct hs_process that it is given, dropped at once.
 * How it went is in capture_result. */
void *capture_in_thread(void *process);
extern int capture_result;

#endif

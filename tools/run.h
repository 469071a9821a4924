// SPDX-License-Identifier: MIT

/* What `heapsnap run` asks and prepares before it hands over to the program. */

#ifndef HEAPSNAP_TOOLS_RUN_H
#define HEAPSNAP_TOOLS_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heapsnap/error.h"
#include "tools/check.h"

/* As a shell reports a command that it could not start. */
enum { HS_EXIT_NOT_EXECUTABLE = 126, HS_EXIT_NOT_FOUND = 127 };

/* The options as given; NULL or 0 where there was none. */
struct hs_run_arguments {
    char **command;
    const char *directory;
    const char *output;
    const char *track; /* "heap", "mmap" and "fd" with commas */
    int every_ms;
    uint64_t over_bytes;
    uint64_t sample_rate;
    uint64_t memory_limit;
    int signal;
    int switch_signal;
    bool no_exit_snapshot;
    bool follow;
    bool is_dormant;
    bool with_totals;
    bool with_strings;
    bool verbose;
    struct hs_check_arguments check;
};

/* Set LD_PRELOAD and the shim's variables, or say why that would not work (environment.c). */
int hs_run_prepare(const struct hs_run_arguments *arguments, bool for_other_libc,
                   struct hs_error *err);

/*
 * Find `name` as execvp() would, and make sure that the loader will preload into it.
 * 0 and the file in `ret`, or the exit status to end with, and `err` (command.c).
 * `ret_other_libc`: it takes the shim for musl.
 */
int hs_command_find(const char *name, char *ret, size_t size, bool *ret_other_libc,
                    struct hs_error *err);

/* The absolute path of this program and of the shim that belongs to it (find_shim.c). */
int hs_find_self(char *ret, size_t size, struct hs_error *err);
int hs_find_shim(bool for_other_libc, char *ret, size_t size, struct hs_error *err);

#endif

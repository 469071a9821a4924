// SPDX-License-Identifier: MIT

/*
 * `heapsnap run --check`: from a capture to a report of leaks and an exit status.
 *
 * Three steps, a file each: what was asked for (check_options.c), which blocks are leaks
 * by whom (check_groups.c), and the report for people or programs (check_print.c,
 * check_json.c).
 */

#ifndef HEAPSNAP_TOOLS_CHECK_H
#define HEAPSNAP_TOOLS_CHECK_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "heapsnap/capture.h"
#include "heapsnap/error.h"
#include "heapsnap/graph.h"
#include "heapsnap/suppression.h"
#include "heapsnap/symbols.h"
#include "libheapsnap/base/array.h"

struct hs_check_options {
    int status;     /* to end with when there are leaks; 0: the program's own */
    uint32_t kinds; /* 1 << enum hs_leak_kind for each that is a leak */
    bool is_off, is_off_at_exit;
    bool is_strict;       /* mappings hold nothing */
    bool is_json, is_log; /* `report` is LeakSanitizer's log_path: the pid is added */
    bool hides_used;      /* do not say which suppressions matched */
    bool shows_unused;
    uint32_t max_groups;           /* in the report; 0: all */
    char *report;                  /* file to append to; NULL: stderr */
    HS_ARRAY(char *) suppressions; /* files */
};

/* Defaults, then what the program, LSAN_OPTIONS and the command line say, which the helper
 * finds in its environment. */
int hs_check_options_read(struct hs_check_options *ret, struct hs_error *err);
void hs_check_options_deinit(struct hs_check_options *options);

/* "definite,possible" as bits; -EINVAL names what is wrong. */
int hs_check_parse_kinds(const char *text, uint32_t *ret, struct hs_error *err);

/* What the options of `run` that are about checks said (check_arguments.c). */
struct hs_check_arguments {
    bool is_wanted; /* --check */
    bool is_json, is_strict, shows_unused;
    const char *status, *kinds, *report;
    HS_ARRAY(const char *) suppressions;
};
extern const struct argp hs_check_argp; /* its input: a struct hs_check_arguments */

/* Put them into the environment for the helper, after making sure that files can be read
 * and written. */
int hs_check_prepare(const struct hs_check_arguments *arguments, struct hs_error *err);

/* Leaks of one kind with one stack. */
struct hs_check_group {
    uint32_t stack;
    enum hs_leak_kind kind;
    uint64_t count, bytes;
};

struct hs_check {
    const struct hs_capture *capture;
    const struct hs_check_options *options;
    struct hs_symbols *symbols;
    struct hs_suppressions *suppressions;
    HS_ARRAY(struct hs_check_group) groups; /* worst kind first, then largest */
    uint64_t count, bytes;                  /* of all groups */
};

/* `check` holds capture, options, symbols and suppressions; fills in the rest. */
int hs_check_find(struct hs_check *check, struct hs_error *err);

/* "/usr/lib/libx.so", or "" where no module holds the frame `node` of a stack. */
const char *hs_check_module(const struct hs_check *check, uint32_t node);

void hs_check_print(const struct hs_check *check, FILE *out);
int hs_check_print_json(const struct hs_check *check, FILE *out);

/*
 * All of it: read the options, find the leaks, report them. `ret_status`: what the
 * program has to end with, or 0; HS_CHECK_STATUS when the check failed.
 */
int hs_check_capture(const struct hs_capture *capture, int *ret_status,
                     struct hs_error *err);

#endif

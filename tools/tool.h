// SPDX-License-Identifier: MIT

/*
 * What every verb shares: its place in the table of verbs, exit statuses, and the one
 * way to tell the user that something failed.
 */

#ifndef HEAPSNAP_TOOLS_TOOL_H
#define HEAPSNAP_TOOLS_TOOL_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "heapsnap/error.h"

enum hs_exit {
    HS_EXIT_FINE = 0,
    HS_EXIT_FAILED = 1,
    HS_EXIT_USAGE = 2,
    HS_EXIT_LEAK_EVENT = 3,
};

struct hs_verb {
    const char *name;
    const char *summary; /* one line for `heapsnap --help`; NULL hides the verb */
    /* argv[0] is "heapsnap VERB", for argp's messages. Returns an exit status. */
    int (*run)(int argc, char **argv);
};

extern const struct hs_verb hs_verbs[]; /* ends with a NULL name */

int hs_verb_run(int argc, char **argv);
int hs_verb_attach(int argc, char **argv);
int hs_verb_detach(int argc, char **argv);
int hs_verb_snap(int argc, char **argv);
int hs_verb_ls(int argc, char **argv);
int hs_verb_watch(int argc, char **argv);
int hs_verb_info(int argc, char **argv);
int hs_verb_verify(int argc, char **argv);
int hs_verb_summary(int argc, char **argv);
int hs_verb_lost(int argc, char **argv);
int hs_verb_tree(int argc, char **argv);
int hs_verb_retainers(int argc, char **argv);
int hs_verb_diff(int argc, char **argv);
/* Started by the image with a capture descriptor; not for people. */
int hs_verb_write(int argc, char **argv);

/* Print "heapsnap: <text>" on stderr and return HS_EXIT_FAILED. */
int hs_tool_fail(const struct hs_error *err);

/* Arguments (arguments.c): the whole text must fit; outputs stay untouched if not. */
bool hs_tool_parse_int(const char *text, int *ret);   /* 0 … INT_MAX */
bool hs_tool_parse_pid(const char *text, pid_t *ret); /* 1 … */
bool hs_tool_parse_ms(const char *text, int *ret);    /* seconds "2", "0.5", as ms > 0 */
bool hs_tool_parse_size(const char *text, uint64_t *ret); /* "512M", powers of 1024 */

/* For a verb of exactly one PID: what its argp parser does with a key it does not know. */
error_t hs_tool_pid_argument(int key, const char *argument, struct argp_state *state,
                             pid_t *ret);
/* The same for a verb of exactly one file, into `*ret`, which begins as NULL. `hint` is what
 * else the user may be told who gives two. */
error_t hs_tool_file_argument(int key, const char *argument, struct argp_state *state,
                              const char *hint, const char **ret);

#endif

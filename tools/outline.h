// SPDX-License-Identifier: MIT

/*
 * Trees in the terminal: what `heapsnap tree` and `heapsnap retainers` have in common.
 */

#ifndef HEAPSNAP_TOOLS_OUTLINE_H
#define HEAPSNAP_TOOLS_OUTLINE_H

#include <argp.h>

#include "tools/node.h"
#include "tools/view.h"

struct hs_outline_view {
    struct hs_view view;
    enum hs_outline_kind kind;
    const char *file;
    const char *node; /* "@123" …; NULL is the root */
    int depth;        /* levels; set to the verb's default before parsing */
    bool has_depth;   /* the user said so */
    bool is_complete; /* --all */
    bool has_weak;    /* --weak */
};

/* An argp child for FILE, the node, --depth, --weak and the options of all views; its
 * input is a struct hs_outline_view. */
extern const struct argp hs_outline_argp;

/* All that the verb does after its command line is read; an exit status. */
int hs_outline_run(const struct hs_outline_view *view);

/* On stdout; false when it cannot be written. */
bool hs_outline_print(const struct hs_opened *opened, const struct hs_outline *outline,
                      const struct hs_outline_view *view);
bool hs_outline_print_csv(const struct hs_opened *opened,
                          const struct hs_outline *outline);
bool hs_outline_print_json(const struct hs_opened *opened,
                           const struct hs_outline *outline);

/* "whole", "cycle", "elsewhere" or "folded". */
const char *hs_outline_mark_name(enum hs_outline_mark mark);

#endif

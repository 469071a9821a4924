// SPDX-License-Identifier: MIT

/*
 * `heapsnap diff`'s result: the rows of a comparison with what a person wants to know
 * about each, and the leak events among them.
 */

#ifndef HEAPSNAP_TOOLS_COMPARE_H
#define HEAPSNAP_TOOLS_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heapsnap/analysis.h"
#include "heapsnap/leak.h"
#include "tools/view.h"

struct hs_compare_options {
    struct hs_view view;
    enum hs_comparison_by by;
    bool has_threshold;
    struct hs_threshold threshold;
    const char *const *files;
    size_t file_count; /* at least 2; the first is compared with the last */
};

struct hs_compare_row {
    const struct hs_comparison_row *row; /* borrowed */
    char *name;
    char *stack;       /* who allocated most of what is new; NULL = unknown */
    char *held_by;     /* the shortest way to something new; NULL = see is_lost */
    bool is_lost;      /* nothing holds what is new */
    bool is_explained; /* the three above are filled in */
    int64_t *steps;    /* growth in bytes from file to file: file_count - 1 entries */
    char *reason;      /* of the leak event; NULL = none */
};

struct hs_compare {
    struct hs_snapshot *before, *after;
    struct hs_analysis *before_analysis, *after_analysis;
    struct hs_comparison *comparison;
    struct hs_compare_row *rows; /* those that the view wants, largest growth first */
    size_t row_count;
    size_t event_count;
};

/* Load, compare and explain; `ret` is the caller's storage. */
int hs_compare_init(struct hs_compare *ret, const struct hs_compare_options *options,
                    struct hs_error *err);
void hs_compare_deinit(struct hs_compare *compare);

/* How a row's event is told; the strings are borrowed from the row. */
struct hs_growth hs_compare_growth(const struct hs_compare_row *row);

/* On stdout; false when it cannot be written. */
bool hs_compare_print(const struct hs_compare *compare,
                      const struct hs_compare_options *options);
bool hs_compare_print_json(const struct hs_compare *compare,
                           const struct hs_compare_options *options);

#endif

// SPDX-License-Identifier: MIT

/*
 * What every verb that shows rows has in common: --json, --top, --min-bytes, --filter.
 */

#ifndef HEAPSNAP_TOOLS_VIEW_H
#define HEAPSNAP_TOOLS_VIEW_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hs_view {
    bool json;
    bool csv;
    bool has_top;
    size_t top; /* rows; 0 = all */
    uint64_t min_bytes;
    const char *filter; /* part of a name, case ignored; NULL = all */
};

/* An argp child; its input is a struct hs_view. */
extern const struct argp hs_view_argp;

/* How many of `count` rows to show: everything as JSON or CSV, 20 for people, unless the
 * user said otherwise. */
size_t hs_view_limit(const struct hs_view *view, size_t count);

bool hs_view_matches(const struct hs_view *view, const char *name, uint64_t bytes);

#endif

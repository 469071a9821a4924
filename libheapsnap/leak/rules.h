// SPDX-License-Identifier: MIT

/* Suppressions as the parser leaves them for the matcher. */

#ifndef HEAPSNAP_LEAK_RULES_H
#define HEAPSNAP_LEAK_RULES_H

#include "heapsnap/suppression.h"
#include "libheapsnap/base/array.h"

enum hs_rule_sort {
    HS_RULE_ANYWHERE, /* LeakSanitizer's only line: function, file or module of any frame */
    HS_RULE_FUNCTION, /* fun: */
    HS_RULE_OBJECT,   /* obj: */
    HS_RULE_SOURCE,   /* src: */
    HS_RULE_FRAMES,   /* "...": any number of frames */
};

struct hs_rule_line {
    enum hs_rule_sort sort;
    const char *pattern;
};

struct hs_rule {
    struct hs_suppression public;
    uint32_t kinds;
    size_t first_line, n_lines; /* in hs_suppressions.lines */
};

struct hs_suppressions {
    HS_ARRAY(struct hs_rule) rules;
    HS_ARRAY(struct hs_rule_line) lines;
    HS_ARRAY(char *) texts; /* owned; what everything above points into */
};

#endif

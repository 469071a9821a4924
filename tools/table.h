// SPDX-License-Identifier: MIT

/*
 * Tables for people, as wide as the terminal, and the same rows as CSV for programs.
 */

#ifndef HEAPSNAP_TOOLS_TABLE_H
#define HEAPSNAP_TOOLS_TABLE_H

#include <stdbool.h>
#include <stddef.h>

struct hs_table;

enum hs_align {
    HS_ALIGN_RIGHT,    /* numbers */
    HS_ALIGN_LEFT_CUT, /* the name, last, cut to the terminal's width */
};

struct hs_column {
    const char *name;
    enum hs_align align;
};

/* NULL without memory. With `csv` the rows are printed as they are added. */
struct hs_table *hs_table_create(const struct hs_column *columns, size_t count, bool csv);
void hs_table_destroy(struct hs_table *table);

/* One text a column, copied; "red" or another libsmartcols colour for the line, or NULL. */
bool hs_table_add(struct hs_table *table, const char *const *cells, const char *colour);
bool hs_table_print(struct hs_table *table);

/* Escape sequences are welcome on stdout. */
bool hs_is_coloured(void);

#endif

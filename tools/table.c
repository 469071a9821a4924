// SPDX-License-Identifier: MIT

/*
 * libsmartcols does the layout. It must not "encode" anything: our texts are UTF-8
 * whatever the locale says, and have no control characters left.
 */

#include "tools/table.h"

#include <langinfo.h>
#include <libsmartcols.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct hs_table {
    struct libscols_table *scols; /* NULL for CSV */
    size_t columns;
};

bool hs_is_coloured(void)
{
    const char *no = getenv("NO_COLOR"), *terminal = getenv("TERM");
    return isatty(STDOUT_FILENO) && (!no || !*no) && terminal
           && strcmp(terminal, "dumb") != 0;
}

/* Widths of characters come from the locale; ours has to know UTF-8. */
static void use_utf8(void)
{
    setlocale(LC_CTYPE, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        setlocale(LC_CTYPE, "C.UTF-8");
}

static bool add_columns(struct libscols_table *scols, const struct hs_column *columns,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool is_number = columns[i].align == HS_ALIGN_RIGHT;
        if (!scols_table_new_column(scols, columns[i].name, is_number ? 0 : 0.4,
                                    is_number ? SCOLS_FL_RIGHT : SCOLS_FL_TRUNC))
            return false;
    }
    return true;
}

static bool print_csv(const char *const *cells, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            putchar(',');
        if (!strpbrk(cells[i], ",\"\r\n")) {
            fputs(cells[i], stdout);
            continue;
        }
        putchar('"');
        for (const char *at = cells[i]; *at; at++) {
            if (*at == '"')
                putchar('"');
            putchar(*at);
        }
        putchar('"');
    }
    return putchar('\n') != EOF;
}

struct hs_table *hs_table_create(const struct hs_column *columns, size_t count, bool csv)
{
    struct hs_table *table = calloc(1, sizeof(*table));
    if (!table)
        return NULL;
    table->columns = count;
    if (csv) {
        for (size_t i = 0; i < count; i++)
            printf("%s%s", i > 0 ? "," : "", columns[i].name);
        putchar('\n');
        return table;
    }
    use_utf8();
    scols_init_debug(0);
    table->scols = scols_new_table();
    if (!table->scols || !add_columns(table->scols, columns, count)) {
        hs_table_destroy(table);
        return NULL;
    }
    scols_table_enable_noencoding(table->scols, 1);
    scols_table_enable_colors(table->scols, hs_is_coloured());
    return table;
}

void hs_table_destroy(struct hs_table *table)
{
    if (!table)
        return;
    scols_unref_table(table->scols);
    free(table);
}

bool hs_table_add(struct hs_table *table, const char *const *cells, const char *colour)
{
    if (!table->scols)
        return print_csv(cells, table->columns);
    struct libscols_line *line = scols_table_new_line(table->scols, NULL);
    if (!line)
        return false;
    for (size_t i = 0; i < table->columns; i++)
        if (scols_line_set_data(line, i, cells[i]) != 0)
            return false;
    return !colour || scols_line_set_color(line, colour) == 0;
}

bool hs_table_print(struct hs_table *table)
{
    return !table->scols || scols_print_table(table->scols) == 0;
}

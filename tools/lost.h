// SPDX-License-Identifier: MIT

/*
 * `heapsnap lost`'s rows, and how they are printed.
 */

#ifndef HEAPSNAP_TOOLS_LOST_H
#define HEAPSNAP_TOOLS_LOST_H

#include "tools/node.h"
#include "tools/view.h"

#define HS_STACK_TEXT 4096 /* room for a stack */

struct hs_lost_rows {
    const struct hs_opened *opened;
    const struct hs_lost *lost;
    const struct hs_lost_group **at; /* those that the view wants */
    size_t count;
    size_t shown;
};

/* The class, without "Detached" where all are. */
const char *hs_lost_class_text(const struct hs_opened *opened,
                               const struct hs_lost_group *group,
                               char buffer[HS_NODE_TEXT]);

/* The stack that allocated most of it; empty where the file has none. */
const char *hs_lost_stack_text(const struct hs_opened *opened,
                               const struct hs_lost_group *group,
                               char buffer[HS_STACK_TEXT]);

/* On stdout; false when it cannot be written. */
bool hs_lost_print(const struct hs_lost_rows *rows);
bool hs_lost_print_csv(const struct hs_lost_rows *rows);
bool hs_lost_print_json(const struct hs_lost_rows *rows);

#endif

// SPDX-License-Identifier: MIT

/*
 * What a pointer between two blocks is called by the type of the block that holds it.
 */

#ifndef HEAPSNAP_ASSEMBLE_FIELD_NAME_H
#define HEAPSNAP_ASSEMBLE_FIELD_NAME_H

#include "libheapsnap/assemble/assembly.h"

struct hs_fields {
    struct hs_assembly *assembly;
    uint32_t *strings; /* by number of the slot; UINT32_MAX = not asked yet */
};

/* 0 or -ENOMEM. */
int hs_fields_init(struct hs_fields *fields, struct hs_assembly *assembly);
void hs_fields_deinit(struct hs_fields *fields);

/* Type and name of the edge for `edge`; false when no type tells. */
bool hs_fields_name(struct hs_fields *fields, const struct hs_capture_edge *edge,
                    enum hs_edge_type *ret_type, uint32_t *ret_name);

/* Does a pointer beside `edge` hold what `edge` only borrows? False for owners. */
bool hs_fields_is_borrowed(const struct hs_fields *fields,
                           const struct hs_capture_edge *edge);

/* The same for a pointer that a root holds. */
bool hs_field_root_is_borrowed(const struct hs_assembly *assembly, size_t root_edge);

/* "g_cache.lru.tail": a variable and the place in it, whose slot may be NULL. */
void hs_field_variable_text(const struct hs_variable *variable,
                            const struct hs_place *place, char *buffer, size_t size);

#endif

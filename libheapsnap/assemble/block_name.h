// SPDX-License-Identifier: MIT

/*
 * What a block is called: by its type, by its text, or by who allocated it.
 */

#ifndef HEAPSNAP_ASSEMBLE_BLOCK_NAME_H
#define HEAPSNAP_ASSEMBLE_BLOCK_NAME_H

#include "libheapsnap/assemble/assembly.h"

struct hs_class_name;

struct hs_naming {
    struct hs_assembly *assembly;
    struct hs_class_name *sites; /* by stack */
    size_t next_text;            /* in the capture's texts, as blocks go by */
};

/* 0 or -ENOMEM. */
int hs_naming_init(struct hs_naming *naming, struct hs_assembly *assembly);
void hs_naming_deinit(struct hs_naming *naming);

/* The string of a block's name. Quickest when asked in the order of the blocks. `suffix`
 * stands between the address and the closing bracket. */
uint32_t hs_naming_block(struct hs_naming *naming, uint32_t block, const char *suffix);

#endif

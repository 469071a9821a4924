// SPDX-License-Identifier: MIT

/* See the header. */

#include "libheapsnap/types/dwarf_local.h"

void hs_layout_locals_destroy(struct hs_layout_locals *locals)
{
    (void)locals;
}

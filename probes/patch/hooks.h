// SPDX-License-Identifier: MIT

/*
 * The hooks of functions whose entries were changed.
 */

#ifndef HEAPSNAP_PROBES_PATCH_HOOKS_H
#define HEAPSNAP_PROBES_PATCH_HOOKS_H

#include "probes/patch/entry.h"
#include "probes/patch/names.h"

/* The hook for functions of this shape; never NULL but for HS_SHAPE_NONE. */
hs_entry_hook *hs_shape_hook(enum hs_shape shape);

#endif

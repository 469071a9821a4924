// SPDX-License-Identifier: MIT

/*
 * A capture becomes a snapshot: the mapping of native memory to what DevTools shows.
 *
 *   root ─┬─ (Modules)                 module data; globals are edges by their names
 *         ├─ (Threads)                 stacks; frames are the edges' names; weak where
 *         │                            data owns the block that a frame points to
 *         ├─ (Mappings)                anonymous mappings that nothing points to
 *         ├─ (Handles)                 open descriptors
 *         ├─ (Allocator)               size-class slack
 *         ├─ (Unreachable: leaked)     one node a distinct allocation stack
 *         ├─ (Allocation sites)        call tree; blocks have weak edges into it
 *         └─ (Ignored)                 blocks that the program asked not to call leaks
 */

#ifndef HEAPSNAP_ASSEMBLE_H
#define HEAPSNAP_ASSEMBLE_H

#include <stdbool.h>

#include "heapsnap/capture.h"
#include "heapsnap/error.h"
#include "heapsnap/snapshot.h"

struct hs_assemble_options {
    /* Give every block its address in its name, "<malloc·←·f·(a.c:1) 0x55…>": 1 yes, 0 no,
       -1 yes below a million blocks. */
    int instance_names;
    /* Classes are allocation sites, and fields are offsets: no debug information is read. */
    bool without_types;
    /* URLs to ask for debug information that is missing here; NULL: never. */
    const char *debuginfod;
};

/*
 * Build the snapshot of `capture` (kind HS_REQUEST_SNAPSHOT). `options` may be NULL.
 * The result is the caller's.
 */
HS_API int hs_assemble(const struct hs_capture *capture,
                       const struct hs_assemble_options *options,
                       struct hs_snapshot **ret, struct hs_error *err);

#endif

// SPDX-License-Identifier: MIT

/*
 * Blocks that the dynamic loader allocated for itself.
 *
 * It keeps them by ways no scan can follow: the thread vectors of stacks that glibc has
 * put aside for the next thread, for example, lie in memory that is no thread's any more.
 * As in LeakSanitizer, what the loader's own code allocated counts as held by it.
 */

#ifndef HEAPSNAP_GRAPH_LOADER_H
#define HEAPSNAP_GRAPH_LOADER_H

#include <stdbool.h>

#include "heapsnap/capture.h"
#include "probes/abi.h"

/* Index of the loader in the capture's modules; UINT32_MAX when it is not known. */
static inline uint32_t hs_loader_find(const struct hs_capture *capture)
{
    for (size_t i = 0; i < capture->n_modules; i++)
        if (capture->modules[i].flags & HS_MODULE_LOADER
            && !(capture->modules[i].flags & HS_MODULE_UNLOADED))
            return (uint32_t)i;
    return UINT32_MAX;
}

/* Did the loader itself, and nobody through it, allocate this heap block? */
static inline bool hs_loader_made(const struct hs_capture *capture, uint32_t loader,
                                  uint32_t block)
{
    const struct hs_capture_block *made = &capture->blocks[block];
    return loader != UINT32_MAX && !(made->flags & HS_BLOCK_MAPPING)
           && capture->frames[made->stack].module == loader;
}

#endif

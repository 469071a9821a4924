// SPDX-License-Identifier: MIT

/* From a capture to a file: what `snap`, `watch --snapshot` and the image's helper share. */

#ifndef HEAPSNAP_TOOLS_SAVE_H
#define HEAPSNAP_TOOLS_SAVE_H

#include <stddef.h>

#include "heapsnap/capture.h"
#include "heapsnap/error.h"

/*
 * Where a snapshot goes: `output` exactly, when it is not empty; else
 * `directory`/heap.<pid>.<UTC time>.<seq>.heapsnapshot. -ENAMETOOLONG.
 */
int hs_save_path(const struct hs_capture *capture, const char *directory,
                 const char *output, char *ret, size_t size, struct hs_error *err);

/* Assemble `capture` and write it under `path`. */
int hs_save_capture(const struct hs_capture *capture, const char *path,
                    struct hs_error *err);

#endif

// SPDX-License-Identifier: MIT

/* From a capture to a file: what `snap`, `watch --snapshot` and the image's helper share. */

#ifndef HEAPSNAP_TOOLS_SAVE_H
#define HEAPSNAP_TOOLS_SAVE_H

#include <stddef.h>

#include "heapsnap/capture.h"
#include "heapsnap/error.h"

/*
 * Assemble `capture` and write it: to `output` exactly, when that is not empty; else to
 * `directory`/heap.<pid>.<UTC time>.<seq>.heapsnapshot, with the first seq from the
 * capture's own on that no file has. `ret_path` is what was written. `err` may not be NULL.
 */
int hs_save_capture(const struct hs_capture *capture, const char *directory,
                    const char *output, char *ret_path, size_t size,
                    struct hs_error *err);

#endif

// SPDX-License-Identifier: MIT

/*
 * A capture: the tables that the frozen image of a process left in a memfd.
 *
 * Opening checks everything once (magic, version, section bounds, every index that one
 * table holds into another, ascending order), because the tables come from a process we
 * do not trust. After that the accessors below hand out plain arrays inside the mapping.
 * Layouts and their meaning: probes/abi.h.
 */

#ifndef HEAPSNAP_CAPTURE_H
#define HEAPSNAP_CAPTURE_H

#include <stddef.h>
#include <stdint.h>

#include "heapsnap/error.h"

struct hs_capture_header;

/* Borrowed arrays; they live as long as the capture. */
struct hs_capture {
    const struct hs_capture_header *header;
    const char *strings;
    size_t n_strings; /* bytes; the last one is NUL */
    const struct hs_capture_module *modules;
    size_t n_modules;
    const struct hs_capture_frame *frames;
    size_t n_frames;
    const struct hs_capture_block *blocks;
    size_t n_blocks;
    const struct hs_capture_edge *edges;
    size_t n_edges;
    const struct hs_capture_root *roots;
    size_t n_roots;
    const struct hs_capture_root_edge *root_edges;
    size_t n_root_edges;
    const struct hs_capture_thread *threads;
    size_t n_threads;
    const uint8_t *stacks;
    size_t n_stacks;
    const struct hs_capture_handle *handles;
    size_t n_handles;
    const struct hs_capture_total *totals;
    size_t n_totals;
    const uint64_t *epochs;
    size_t n_epochs;
    const struct hs_capture_word *words;
    size_t n_words;
    const struct hs_capture_text *texts;
    size_t n_texts;
    void *mapping; /* private */
    size_t mapping_size;
};

/*
 * Map and check the capture in `fd` (a memfd sealed against shrinking, or a regular file
 * for tests). `fd` stays the caller's and may be closed afterwards.
 * Errors: -EPROTO for another ABI version, -EINVAL for damage (the text names the table
 * and the index), -ENOMEM, or the errno of mmap.
 */
HS_API int hs_capture_open(int fd, struct hs_capture *ret, struct hs_error *err);

/* Unmap; a zeroed capture is fine. */
HS_API void hs_capture_close(struct hs_capture *capture);

/* The string at `offset`, which hs_capture_open() has checked. */
static inline const char *hs_capture_string(const struct hs_capture *capture,
                                            uint32_t offset)
{
    return capture->strings + offset;
}

#endif

// SPDX-License-Identifier: MIT

/*
 * Private to heap/: a capture's tables, written one after the other into a memfd, which
 * hs_capture_open() then checks and maps like one that came from a process. So a capture
 * has one shape, and what a hostile core file led us to write is caught at the same door.
 */

#ifndef HEAPSNAP_HEAP_SECTION_H
#define HEAPSNAP_HEAP_SECTION_H

#include <stddef.h>
#include <stdint.h>

#include "heapsnap/capture.h"
#include "probes/abi.h"

struct hs_section_writer {
    int fd;
    int error; /* first -errno; nothing more is written then */
    uint64_t offset;
    uint64_t start; /* of the section that is being written */
    size_t used;
    unsigned char *buffer;
};

/* Leaves room for the header. -errno. */
int hs_section_open(struct hs_section_writer *writer);
void hs_section_close(struct hs_section_writer *writer);

void hs_section_begin(struct hs_section_writer *writer);
void hs_section_put(struct hs_section_writer *writer, const void *data, size_t size);
void hs_section_end(struct hs_section_writer *writer, struct hs_capture_section *ret,
                    size_t entry);
/* All three for a table that is complete already. */
void hs_section_write(struct hs_section_writer *writer, struct hs_capture_section *ret,
                      const void *entries, size_t count, size_t entry);

/* Write the header (its size is set here) and open the whole. -errno. */
int hs_section_finish(struct hs_section_writer *writer, struct hs_capture_header *header,
                      struct hs_capture *ret, struct hs_error *err);

#endif

// SPDX-License-Identifier: MIT

/*
 * Reading the image's own memory for pointers: one reader a thread of the image.
 */

#ifndef HEAPSNAP_PROBES_FREEZE_READER_H
#define HEAPSNAP_PROBES_FREEZE_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "libheapsnap/scan/scan.h"

struct hs_reader {
    struct hs_scanner scanner;
    uint64_t scanned_bytes, unscanned_bytes;
    void *scratch; /* for lists of pages; NULL: those never touched are read, too */
};

/* /proc/self/pagemap, for all readers. */
void hs_reader_open_pages(void);
void hs_reader_close_pages(void);

void hs_reader_init(struct hs_reader *reader,
                    bool (*hit)(const struct hs_scan_hit *found, void *context),
                    void *context);

/*
 * Look at [start, end), which the maps call readable; pages that cannot be read after all
 * are counted, those never touched are skipped where there are many. Hits name `source`.
 * False once the visitor has had enough.
 */
bool hs_reader_scan(struct hs_reader *reader, uint64_t start, uint64_t end,
                    uint32_t source);

/* The same for a copy at `memory` of what is called [address, +size). */
bool hs_reader_scan_copy(struct hs_reader *reader, const void *memory, uint64_t size,
                         uint64_t address, uint32_t source);

/* Report what still waits in the batch. */
bool hs_reader_finish(struct hs_reader *reader);

#endif

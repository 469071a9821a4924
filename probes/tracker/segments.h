// SPDX-License-Identifier: MIT

/*
 * The program headers of a loaded module, as they lie in memory. Strangers wrote them: what
 * they say of other places is to be tested before one looks there.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_SEGMENTS_H
#define HEAPSNAP_PROBES_TRACKER_SEGMENTS_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Valid as long as the module is loaded. */
struct hs_segments {
    const ElfW(Phdr) * at;
    size_t count;
};

/* Both lock-free. False: there are none that could be read; *ret may be anything then. */

/* Of the executable, by what the kernel tells. */
bool hs_segments_of_executable(struct hs_segments *ret);

/* Of the module that begins at `start`: in its first page, behind the ELF header. */
bool hs_segments_at(uint64_t start, struct hs_segments *ret);

/* Widen [*start, *end) until all that is loaded is in it; the start is a page's. */
void hs_segments_widen(const struct hs_segments *segments, uint64_t bias, uint64_t *start,
                       uint64_t *end);

#endif

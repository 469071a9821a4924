// SPDX-License-Identifier: MIT

/*
 * The heap of a process that never loaded the shim, as a capture.
 *
 * glibc's malloc is walked from outside: its arenas, the chunks in them, and which of
 * those are free. Then everything that can hold a pointer is scanned, as the shim does it
 * from inside. Who allocated a block, when, and how many bytes were asked for, nobody
 * knows: blocks have no stack, one birth epoch, and the size that malloc made of it.
 * Anonymous mappings of the program are blocks, too (HS_BLOCK_MAPPING).
 */

#ifndef HEAPSNAP_HEAP_H
#define HEAPSNAP_HEAP_H

#include <stddef.h>
#include <stdint.h>

#include "heapsnap/capture.h"
#include "heapsnap/error.h"
#include "heapsnap/memory.h"

/* How the walk went. */
struct hs_heap_report {
    size_t n_arenas;
    size_t n_busy;         /* stopped in the middle of a malloc, in spite of retries */
    size_t n_cached;       /* free chunks that only a list says to be free */
    size_t n_mapped;       /* blocks with a mapping of their own */
    size_t n_damages;      /* places where chunks contradict each other */
    uint64_t first_damage; /* address */
    uint64_t
        unclear_bytes; /* where chunks could not be told apart; scanned as weak roots */
};

/*
 * Make the capture of `memory`, which the caller goes on to own; hs_capture_close() frees
 * the result. An arena whose lock is held is looked at again some times: the process then
 * runs on for milliseconds in between. `report` may be NULL.
 * Errors: -ENOTSUP when its allocator cannot be walked (musl, jemalloc, tcmalloc, mimalloc,
 * Go, a static program without malloc; the text says which, and what to do), -ESTALE when
 * the image ended before its time, -ENOMEM.
 */
HS_API int hs_heap_capture(struct hs_memory *memory, struct hs_capture *ret,
                           struct hs_heap_report *report, struct hs_error *err);

#endif

// SPDX-License-Identifier: MIT

/*
 * Memory for code within reach of a 4-byte jump from a module, and the protection of the
 * pages that jumps are written into.
 */

#ifndef HEAPSNAP_PROBES_PATCH_NEAR_H
#define HEAPSNAP_PROBES_PATCH_NEAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writable memory less than 1 GiB from `address`, never where the heap of brk(2) is to
 * grow; NULL when there is none. */
void *hs_near_map(uint64_t address, size_t size);
void hs_near_unmap(void *memory, size_t size);

/* A few bytes of code that are to be written, and how their pages are protected. */
struct hs_near_site {
    uint64_t address;
    int protection; /* PROT_*; -1: unknown, or shared with others */
};

/* Read from /proc/self/maps what may be done at each of the sites. */
void hs_near_protections(struct hs_near_site **sites, size_t count);

#endif

// SPDX-License-Identifier: MIT

/*
 * A glibc heap drawn by hand: an arena in the data of a "libc.so.6", and chunks one after
 * the other. The layout is that of 64-bit glibc 2.31 to 2.41 (malloc/malloc.c), written
 * down here a second time so that tests do not believe what they test.
 */

#ifndef HEAPSNAP_TESTS_UNIT_HEAP_PICTURE_H
#define HEAPSNAP_TESTS_UNIT_HEAP_PICTURE_H

#include <stdint.h>

#include "heapsnap/heap.h"
#include "tests/support/fake_memory.h"

#define LIBC 0x7f1000000000ull
#define LIBC_DATA (LIBC + 0x10000)
#define LIBC_END (LIBC + 0x14000)
#define ARENA (LIBC_DATA + 0xc80)
#define BREAK 0x555500000000ull
#define BREAK_SIZE 0x40000ull
#define HEAPS 0x7e0000000000ull /* for other arenas: 64 MB apart */
#define MAPPED 0x7d0000000000ull

struct picture {
    struct fake_memory *fake;
    uint64_t at; /* where the next chunk begins */
};

/* An empty main heap at BREAK and the data of libc. More may be mapped above BREAK's end
 * and below LIBC before picture_libc(). */
struct picture picture_create(void);
void picture_libc(struct picture *picture);
void picture_destroy(struct picture *picture);

/* All lists empty. */
void picture_arena(struct picture *picture, uint64_t arena, uint64_t next, uint64_t top,
                   uint64_t system_size);

/* A chunk of `size` with `flags` in its size word; returns the user's address. */
uint64_t picture_chunk(struct picture *picture, uint64_t size, uint64_t flags);

/* Mark the chunk of user address `memory` as free: its successor says so. */
void picture_free(struct picture *picture, uint64_t memory);

/* The rest up to `end` becomes the top of `arena`. */
void picture_top(struct picture *picture, uint64_t arena, uint64_t end);

/* libc, the main arena and its top behind the chunks so far: all that most tests need. */
void picture_finish(struct picture *picture);

/* What the walk makes of it; ends the test when it fails. */
struct hs_capture picture_walk(struct picture *picture, struct hs_heap_report *report);

/* Is there a block of exactly this address and size? */
bool picture_has(const struct hs_capture *capture, uint64_t address, uint64_t size);

#endif

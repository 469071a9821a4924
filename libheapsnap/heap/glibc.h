// SPDX-License-Identifier: MIT

/*
 * Private to heap/: what glibc's malloc has handed out, found without symbols.
 *
 * The steps, in order: the arena in libc's data (glibc_find.c), the ring of arenas and
 * their heaps (glibc_arenas.c), the runs of the main arena (glibc_main.c), the chunks of
 * every run (glibc_chunks.c), those that lie freed in lists (glibc_lists.c), and chunks
 * with a mapping of their own (glibc_mapped.c). Everything read is doubted: the memory is
 * a stranger's, was stopped at any instant, and may be damaged.
 *
 * Layouts are those of 64-bit glibc 2.27 to 2.41 (malloc/malloc.c, malloc/arena.c).
 */

#ifndef HEAPSNAP_HEAP_GLIBC_H
#define HEAPSNAP_HEAP_GLIBC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libheapsnap/base/array.h"
#include "libheapsnap/heap/reader.h"

/* ---- struct malloc_state ---- */

#define HS_ARENA_FLAGS 4
#define HS_ARENA_FASTBINS 16
#define HS_ARENA_N_FASTBINS 10
#define HS_ARENA_TOP 96
#define HS_ARENA_BINS 112 /* [0] belongs to the unsorted bin */
#define HS_ARENA_N_BINS 127
#define HS_ARENA_NEXT 2160
#define HS_ARENA_SYSTEM_MEM 2184
#define HS_ARENA_MAX_SYSTEM_MEM 2192
#define HS_ARENA_SIZE 2200
#define HS_ARENA_NONCONTIGUOUS 2u /* in the flags */

/* ---- struct heap_info: arena, previous heap, size, size that was made writable ---- */

#define HS_HEAP_SIZE 16
#define HS_HEAP_WRITABLE 24

/* ---- chunks: the size word, whose low bits are flags, lies 8 bytes inside ---- */

#define HS_HEAD_PREVIOUS_USED 1u
#define HS_HEAD_MAPPED 2u
#define HS_HEAD_NOT_MAIN 4u
#define HS_HEAD_FLAGS 7u
#define HS_CHUNK_MIN 32u

enum hs_chunk_state {
    HS_CHUNK_USED,
    HS_CHUNK_FREE,   /* in a bin */
    HS_CHUNK_CACHED, /* in a fastbin or a thread's cache */
    HS_CHUNK_CACHE,  /* the record of a thread's cache itself */
};

struct hs_chunk {
    uint64_t address;
    uint64_t size : 60; /* with its header of 16 bytes, of which the next one lends 8 */
    uint64_t state : 3; /* enum hs_chunk_state */
    uint64_t is_mapped : 1;
};

struct hs_span {
    uint64_t start, end;
};

struct hs_glibc_arena {
    uint64_t address;
    uint64_t top;      /* the chunk of free memory at its end */
    uint64_t top_size; /* 0: not known */
    uint64_t system_size;
    bool is_main;
    bool is_contiguous;
    bool is_busy; /* its lock is held: somebody was stopped inside */
};

/* Memory that should be chunks from `start` on. */
struct hs_glibc_run {
    uint64_t start, end;
    uint32_t arena; /* index */
    bool is_open;   /* where it ends is found by walking */
};

struct hs_glibc {
    struct hs_reader *reader;
    uint64_t main_arena;
    bool is_unused;                         /* malloc was never called */
    HS_ARRAY(struct hs_glibc_arena) arenas; /* the main one first */
    HS_ARRAY(struct hs_glibc_run) runs;
    HS_ARRAY(struct hs_chunk) chunks; /* ascending */
    HS_ARRAY(struct hs_chunk) mapped; /* ascending */
    HS_ARRAY(struct hs_span) owned;   /* the allocator's memory: no root */
    HS_ARRAY(struct hs_span) unclear; /* chunks could not be told apart there */
    size_t n_busy;
    size_t n_damages;
    uint64_t first_damage;
    size_t n_cached;
};

/*
 * Look for the main arena and list all arenas. -ENODATA when there is none (another
 * allocator), -ENOMEM.
 */
int hs_glibc_open(struct hs_glibc *heap, struct hs_reader *reader);

/* Fill everything else. -ENOMEM. */
int hs_glibc_walk(struct hs_glibc *heap);
void hs_glibc_close(struct hs_glibc *heap);

/* ---- the steps; each returns 0 or -ENOMEM unless it says otherwise ---- */

/* The address of the main arena, 0: none. */
uint64_t hs_glibc_find(struct hs_glibc *heap);
bool hs_glibc_is_arena(struct hs_glibc *heap, uint64_t address);
int hs_glibc_list_arenas(struct hs_glibc *heap);
int hs_glibc_list_heaps(struct hs_glibc *heap);
int hs_glibc_list_main_runs(struct hs_glibc *heap);
int hs_glibc_walk_run(struct hs_glibc *heap, const struct hs_glibc_run *run);
/* Do chunks agree with each other from the run's start on? */
bool hs_glibc_is_start(struct hs_glibc *heap, const struct hs_glibc_run *run);
/* Do chunks of the main arena begin at `address`? Where they end, else 0. */
uint64_t hs_glibc_try_run(struct hs_glibc *heap, uint64_t address, uint64_t end);
int hs_glibc_mark_lists(struct hs_glibc *heap);
int hs_glibc_list_mapped(struct hs_glibc *heap);

/* ---- small things ---- */

static inline uint64_t hs_page_up(uint64_t address)
{
    return (address + 4095) & ~4095ull;
}

/* 0 where it cannot be read. */
static inline uint64_t hs_glibc_word(struct hs_glibc *heap, uint64_t address)
{
    uint64_t word;
    return hs_reader_word(heap->reader, address, &word) ? word : 0;
}

/* The chunk that begins at `address`, or NULL. */
struct hs_chunk *hs_glibc_find_chunk(struct hs_glibc *heap, uint64_t address);

void hs_glibc_note_damage(struct hs_glibc *heap, uint64_t address);

#endif

// SPDX-License-Identifier: MIT

/*
 * Private to heap/: a capture while it is made, and the stages that make it, in order.
 */

#ifndef HEAPSNAP_HEAP_MAKING_H
#define HEAPSNAP_HEAP_MAKING_H

#include "heapsnap/heap.h"
#include "libheapsnap/base/array.h"
#include "libheapsnap/heap/glibc.h"
#include "libheapsnap/heap/reader.h"
#include "libheapsnap/heap/section.h"
#include "libheapsnap/scan/scan.h"
#include "probes/abi.h"

/* Numbers of DWARF, and what lies below a stack pointer and still counts. */
#if defined(__x86_64__)
#define HS_REGISTER_SP 7
#define HS_RED_ZONE 128
#else
#define HS_REGISTER_SP 31
#define HS_RED_ZONE 0
#endif

struct hs_making_root {
    uint64_t start, end;
    const void *memory; /* where its words are; NULL: in the process, at `start` */
    uint32_t kind;      /* enum hs_root_kind */
    uint32_t owner;
};

struct hs_making {
    struct hs_memory *memory;
    struct hs_reader reader;
    struct hs_glibc heap;
    struct hs_capture_header header;
    struct hs_section_writer writer;
    HS_ARRAY(char) strings;
    HS_ARRAY(struct hs_capture_module) modules;
    HS_ARRAY(struct hs_making_root) segments; /* of the modules: data and bss */
    uint64_t tls_size;                        /* of all modules, at most */
    uint64_t dynamic;                         /* address of the program's PT_DYNAMIC */
    struct hs_capture_block *blocks;
    struct hs_scan_block *scan_blocks;
    size_t n_blocks;
    struct hs_scan_index *index;
    HS_ARRAY(struct hs_span) index_memory;
    HS_ARRAY(struct hs_capture_thread) threads;
    HS_ARRAY(struct hs_span) taken;    /* spoken for: neither a mapping nor a weak root */
    HS_ARRAY(struct hs_span) mappings; /* the program's own; ascending */
    HS_ARRAY(struct hs_making_root) roots;
    HS_ARRAY(struct hs_capture_word) words;
    uint32_t next_serial;
};

/* Each returns 0 or -errno; none but the first says why, because it is always -ENOMEM. */
int hs_making_modules(struct hs_making *making);
int hs_making_mappings(struct hs_making *making);
int hs_making_blocks(struct hs_making *making);
int hs_making_threads(struct hs_making *making);
int hs_making_roots(struct hs_making *making);
int hs_making_edges(struct hs_making *making); /* writes ROOTS, ROOT_EDGES, EDGES */

/* ---- shared ---- */

/* The offset of a copy of `text`; 0, the empty string, also without memory. */
uint32_t hs_making_string(struct hs_making *making, const char *text);

/* Add the parts of [start, end) that can be read and written as roots. */
int hs_making_add_root(struct hs_making *making, uint64_t start, uint64_t end,
                       enum hs_root_kind kind, uint32_t owner);

/* Make `taken` ascending and disjoint. */
void hs_making_merge_taken(struct hs_making *making);

/* What of [start, end) is not taken, piece by piece, until `visit` fails. */
int hs_making_each_free(struct hs_making *making, uint64_t start, uint64_t end,
                        int (*visit)(struct hs_making *making, uint64_t start,
                                     uint64_t end));

/* The stack that a thread (index) was born with, from its mapping's beginning to libc's
 * record of it; empty when it is not known. */
struct hs_span hs_making_native_stack(const struct hs_making *making, size_t thread);

/* The next odd node id. */
uint32_t hs_making_id(struct hs_making *making);

/* The block that holds `address`, or NULL. */
const struct hs_capture_block *hs_making_find(const struct hs_making *making,
                                              uint64_t address);

/* Where the next block above `address` begins, or `limit` when that is lower. */
uint64_t hs_making_next_block(const struct hs_making *making, uint64_t address,
                              uint64_t limit);

/* Memory for the index; hs_making_blocks() lets it go. */
void hs_making_free_index(struct hs_making *making);

/* Bytes of glibc's struct pthread; it lies at the thread pointer and ends a stack. */
#define HS_THREAD_RECORD 2304u

/* Why its heap cannot be walked; returns -ENOTSUP. 0: nothing speaks against it. */
int hs_allocator_refuse(struct hs_reader *reader, struct hs_error *err);
/* The same when no arena was found. */
int hs_allocator_refuse_missing(struct hs_reader *reader, struct hs_error *err);

#endif

// SPDX-License-Identifier: MIT

/*
 * Inside the image: the tables it gathers, and the stages that fill them in order.
 *
 * Code here runs in a copy of a stranger's process with every lock of the stranger
 * frozen, or (for totals) beside the running program in its memory: raw system calls,
 * no libc state, no thread-local variable.
 */

#ifndef HEAPSNAP_PROBES_FREEZE_IMAGE_H
#define HEAPSNAP_PROBES_FREEZE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libheapsnap/scan/scan.h"
#include "probes/abi.h"

/* ---- scratch.c: memory that is neither tracked nor counted ---- */

void *hs_scratch_map(size_t size); /* NULL without memory */
void hs_scratch_each(void (*visit)(uint64_t start, uint64_t size, void *context),
                     void *context);
void hs_scratch_release(void); /* all of it that is remembered */

/* A growing array. push() returns the new zeroed item, NULL without memory. */
struct hs_vector {
    char *items;
    uint64_t count, room;
    uint32_t size; /* of an item */
};
void *hs_vector_push(struct hs_vector *vector, uint64_t count);

/* Strings of the capture; offset 0 is "". Out of memory gives 0. */
struct hs_strings {
    struct hs_vector bytes;
    uint64_t dropped; /* that found no room */
};
uint32_t hs_strings_add(struct hs_strings *strings, const char *text, size_t length);

/* Read a small /proc file whole; the result is NUL-terminated. -errno on failure. */
long hs_read_file(const char *path, char *buffer, size_t size);

/* ---- writer.c: the capture file ---- */

struct hs_writer {
    int fd;
    int error;       /* first -errno */
    uint64_t offset; /* of what is in the buffer's first byte */
    size_t used;
    char *buffer;
    uint64_t section_start;
};
bool hs_writer_open(struct hs_writer *writer, int fd, uint64_t offset);
void hs_writer_put(struct hs_writer *writer, const void *data, size_t size);
void hs_writer_flush(struct hs_writer *writer);
/* All of it, to a place in the file that is nobody else's; 0 or -errno. */
int hs_write_whole(int fd, const void *data, size_t size, uint64_t offset);
/* Sections are 8-aligned; end() stores place and count. */
void hs_writer_begin(struct hs_writer *writer);
void hs_writer_end(struct hs_writer *writer, struct hs_capture_section *ret,
                   size_t item_size);

/* ---- fault.c: memory that cannot be read after all ---- */

void hs_fault_guard_install(void);
/* Run `body`; false when it touched memory that is not there (`ret_address`). */
bool hs_fault_guard(void (*body)(void *context), void *context, uint64_t *ret_address);

/* ---- maps.c ---- */

struct hs_range {
    uint64_t start, end;
    uint64_t offset;
    uint64_t inode, device;
    uint32_t flags; /* HS_BLOCK_READ … HS_BLOCK_FILE */
    uint32_t path;  /* offset in the text, 0: none */
};
struct hs_maps {
    struct hs_vector text;
    struct hs_vector ranges; /* struct hs_range, ascending */
};
int hs_maps_load(struct hs_maps *maps);
/* The range that holds `address`, or the next one above; NULL when there is none. */
const struct hs_range *hs_maps_find(const struct hs_maps *maps, uint64_t address);
const char *hs_maps_path(const struct hs_maps *maps, const struct hs_range *range);

/* ---- brought.c: libraries that are there because of us ---- */

void hs_brought_collect(void);
bool hs_brought_by_us(uint64_t bias);

/* ---- the gathered state ---- */

struct hs_root_range {
    uint64_t start, end;
    const void *memory; /* where the words are; NULL: at `start` */
    uint32_t kind, owner;
    bool of_allocator;
};

struct hs_image {
    struct hs_capture_header header;
    struct hs_writer writer;
    struct hs_strings strings;
    struct hs_maps maps;
    struct hs_vector modules;     /* struct hs_capture_module */
    struct hs_vector segments;    /* struct hs_root_range: modules' writable segments */
    struct hs_vector blocks;      /* struct hs_capture_block */
    struct hs_vector scan_blocks; /* struct hs_scan_block */
    struct hs_vector threads;     /* struct hs_capture_thread */
    struct hs_vector roots;       /* struct hs_root_range */
    struct hs_vector handles;     /* struct hs_capture_handle */
    struct hs_vector taken;       /* of weak.c */
    bool taken_is_full;
    struct hs_scan_index *index;
    uint64_t unscanned_bytes, scanned_bytes;
};
extern struct hs_image hs_image;

/* ---- stages; each returns 0 or -errno ---- */

int hs_loaded_collect(void);  /* loaded.c: modules and their data segments */
int hs_heap_collect(void);    /* heap.c: blocks, mappings, the index */
int hs_roots_collect(void);   /* roots.c: module data and the loader's own records */
int hs_threads_collect(void); /* threads.c: threads and their roots */
int hs_handles_collect(void); /* descriptors.c */
int hs_identity_assign(void); /* identity.c: ids, and the table for the next time */
void hs_identity_commit(void);
int hs_graph_write(void);    /* edges.c: ROOTS, ROOT_EDGES, and what contents.c writes */
int hs_contents_write(void); /* contents.c: EDGES, WORDS, BLOCKS, TEXTS */
int hs_totals_write(void);   /* totals.c */
uint64_t hs_heap_usable_bytes(void);

/* weak.c: other writable memory. What others have declared taken is none of it. */
bool hs_taken_add(uint64_t start, uint64_t end); /* false without memory */
int hs_weak_collect(void);

/* Add the readable parts of [start, end) as roots. */
int hs_roots_add(uint64_t start, uint64_t end, enum hs_root_kind kind, uint32_t owner);

struct hs_slot;
/* registers.c: those of a thread that may hold pointers, as roots. */
int hs_registers_add(const struct hs_slot *slot, uint32_t owner);

/* The block that holds `address`, or NULL. */
const struct hs_capture_block *hs_heap_find(uint64_t address);

/* Looked up while libc may still be asked: the real malloc and malloc_usable_size, and
 * how libc lays out a thread's memory. NULL or 0: unknown. */
struct hs_known {
    void *malloc;
    void *libc; /* something in it */
    size_t (*usable_size)(void *memory);
    uint64_t tls_below;   /* bytes of static TLS below a thread pointer */
    uint64_t thread_size; /* bytes of libc's thread record from the thread pointer on */
};
extern struct hs_known hs_known;

#endif

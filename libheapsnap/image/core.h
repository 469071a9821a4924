// SPDX-License-Identifier: MIT

/*
 * Private to image/: a core file taken apart. Every number in it is somebody else's: each
 * is held against the size of the file before it is used.
 */

#ifndef HEAPSNAP_IMAGE_CORE_H
#define HEAPSNAP_IMAGE_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libheapsnap/base/array.h"
#include "libheapsnap/image/memory_backend.h"

struct hs_core_file {
    const uint8_t *bytes; /* mapped */
    size_t size;
};

/* One mapping of the process. What the core has of it, and what its file still has. */
struct hs_core_segment {
    uint64_t start, end;
    uint32_t flags;        /* HS_BLOCK_* */
    const uint8_t *filled; /* the first `n_filled` bytes, in the mapped core */
    uint64_t n_filled;
    const char *path;     /* as NT_FILE says, else "" */
    uint64_t file_offset; /* in that file */
    size_t file;          /* index in `files` where the other bytes are; SIZE_MAX: lost */
};

struct hs_core {
    struct hs_memory memory; /* first: the same address */
    struct hs_memory_tables tables;
    const uint8_t *bytes;
    size_t size;
    HS_ARRAY(struct hs_core_segment) segments; /* ascending, disjoint */
    HS_ARRAY(struct hs_core_file) files;
    struct hs_memory_auxv auxv;
    char name[17], arguments[81]; /* NT_PRPSINFO */
};

/* One entry of NT_FILE. */
struct hs_core_mapping {
    uint64_t start, end, file_offset;
    const char *path;
};

/*
 * All notes in `size` bytes: threads, auxiliary vector, names into the core, mapped files
 * to `each`. Damaged ones end the look; what came before stays. False: no memory.
 */
bool hs_core_read_notes(struct hs_core *core, const uint8_t *notes, uint64_t size,
                        bool (*each)(struct hs_core *core,
                                     const struct hs_core_mapping *mapping));

/* The mappings of the core's program headers, and what NT_FILE adds. -EINVAL, -ENOMEM. */
int hs_core_read_segments(struct hs_core *core, const char *path, struct hs_error *err);

/* The index of the first segment that ends behind `address`; their number without one. */
size_t hs_core_find(const struct hs_core *core, uint64_t address);

/* Map a whole file, wherever a stranger's core says it is: -ENOEXEC when it is no regular
 * one or empty, else -errno. */
int hs_core_map(const char *path, const uint8_t **ret_bytes, size_t *ret_size);

/*
 * Take the pages that the core leaves out from the files of its modules, each where the
 * build-id agrees. `executable` is used for the program itself, and refused with -EINVAL
 * when it is another one; NULL: the one that the core names.
 */
int hs_core_find_files(struct hs_core *core, const char *executable,
                       struct hs_error *err);

#endif

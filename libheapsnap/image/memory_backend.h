// SPDX-License-Identifier: MIT

/*
 * Private to image/: what a source of memory must be able to do, and the tables that every
 * source fills the same way. Tables are built on the side and published as a whole, so
 * that an opened hs_memory never shows half of anything.
 */

#ifndef HEAPSNAP_IMAGE_MEMORY_BACKEND_H
#define HEAPSNAP_IMAGE_MEMORY_BACKEND_H

#include "heapsnap/memory.h"
#include "libheapsnap/base/array.h"

#define HS_PAGE_SIZE 4096u /* the unit in which memory is there or missing */

/* What is asked of a source; only `read` and `close` are there always. */
struct hs_memory_backend {
    size_t (*read)(const struct hs_memory *memory, uint64_t address, void *buffer,
                   size_t size);
    const void *(*direct)(const struct hs_memory *memory, uint64_t address, size_t size);
    bool (*present)(const struct hs_memory *memory, uint64_t address, uint64_t end,
                    uint64_t *ret_start, uint64_t *ret_end);
    bool (*is_whole)(const struct hs_memory *memory);
    int (*resume)(struct hs_memory *memory, unsigned int milliseconds,
                  struct hs_error *err);
    void (*close)(struct hs_memory *memory);
};

struct hs_memory_tables {
    HS_ARRAY(struct hs_memory_range) ranges;
    HS_ARRAY(struct hs_memory_thread) threads;
    HS_ARRAY(struct hs_memory_module) modules;
    HS_ARRAY(char *) strings; /* owned; what the paths above point to */
};

/* A copy of the first `length` bytes of `text`, owned by the tables; NULL: no memory. */
const char *hs_tables_string(struct hs_memory_tables *tables, const char *text,
                             size_t length);
void hs_tables_clear(struct hs_memory_tables *tables);
/* Let `memory` show them; main thread first, ranges and modules in order. */
void hs_tables_publish(struct hs_memory_tables *tables, struct hs_memory *memory);

/* The mappings of a process, from its maps file. -ENOMEM, or the errno of opening it. */
int hs_tables_read_maps(struct hs_memory_tables *tables, pid_t pid);

/* What the kernel told the program's loader; 0 where it is not known. */
struct hs_memory_auxv {
    uint64_t program_headers; /* AT_PHDR: lies inside the executable */
    uint64_t loader;          /* AT_BASE: where the loader begins */
    uint64_t vdso;            /* AT_SYSINFO_EHDR: no module of anybody's */
    uint64_t name;            /* AT_EXECFN: address of the executable's path */
    uint64_t program;         /* differs once the process has started another program */
};

/* From pairs of 64-bit words; unaligned and incomplete ones are fine. */
void hs_auxv_parse(const void *data, size_t size, struct hs_memory_auxv *ret);
/* From /proc/PID/auxv; all 0 when it cannot be read. */
void hs_auxv_read(pid_t pid, struct hs_memory_auxv *ret);

/*
 * Find the loaded ELF files among the published ranges by looking at their headers in
 * `memory`, and add them to the tables; publish again afterwards. False: no memory.
 */
bool hs_tables_find_modules(struct hs_memory_tables *tables, struct hs_memory *memory,
                            const struct hs_memory_auxv *auxv);

/* The 64-bit build-id of a note segment's bytes into `module`, if there is one. */
void hs_module_take_build_id(struct hs_memory_module *module, const void *notes,
                             size_t size);

#endif

// SPDX-License-Identifier: MIT

/*
 * The memory of a process that never loaded the shim: stopped and alive, or in a core file.
 *
 * One interface for both, so that walking its heap, scanning it and naming it need not know
 * where the bytes come from. A frozen image of a tracked process has scanned itself and
 * needs none of this.
 */

#ifndef HEAPSNAP_MEMORY_H
#define HEAPSNAP_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "heapsnap/error.h"

/* One mapping, as /proc/PID/maps or the core's program headers and NT_FILE say. */
struct hs_memory_range {
    uint64_t start, end; /* bytes; page-aligned */
    uint32_t flags;      /* HS_BLOCK_READ, _WRITE, _EXECUTE, _SHARED, _FILE */
    uint64_t file_offset;
    const char *path; /* a file's; "[heap]", "[stack]" where it is told; "" anonymous */
};

#define HS_MEMORY_VECTOR_MAX 288 /* all that AVX-512 has */

/* A thread as it stood: numbers of the registers are DWARF's. */
struct hs_memory_thread {
    int32_t tid;
    bool is_stopped; /* false: its registers are not known */
    char name[16];
    uint64_t thread_pointer;
    uint32_t n_registers;
    uint64_t registers[34]; /* as in struct hs_capture_thread */
    /* The words of the vector state that are not 0, in no stated order: only for scanning.
     * None where it is not known. */
    uint64_t vector[HS_MEMORY_VECTOR_MAX];
    uint32_t n_vector;
};

/* A loaded ELF file. */
struct hs_memory_module {
    uint64_t start, end, bias; /* as in struct hs_capture_module */
    const char *path;
    bool is_executable; /* the program itself */
    bool is_loader;
    uint8_t build_id_size;
    uint8_t build_id[20];
};

/* How the memory is looked at. */
enum hs_memory_way {
    HS_MEMORY_IMAGE,   /* a copy that fork made; the process runs on */
    HS_MEMORY_STOPPED, /* the process itself, stopped until hs_memory_close() */
    HS_MEMORY_CORE,
};

struct hs_memory {
    pid_t pid;
    enum hs_memory_way way;
    const char *way_reason; /* why not by an image; "" with one, and for cores */
    bool is_core;
    const char *command;    /* command line, blanks between; "" unknown */
    const char *executable; /* path; "" unknown */
    /* Ascending and disjoint. */
    const struct hs_memory_range *ranges;
    size_t n_ranges;
    const struct hs_memory_thread *threads; /* the main thread first */
    size_t n_threads;
    const struct hs_memory_module *modules; /* ascending */
    size_t n_modules;
    uint64_t stopped_ns; /* CLOCK_MONOTONIC when the last thread stopped; 0 for a core */
    uint64_t pause_ns;   /* until all went on since the first stopped; 0: they did not */
    uint64_t fork_ns;    /* of which the making of the image */

    /* Private: set by whoever made it. */
    const struct hs_memory_backend *backend;
};

/*
 * Copy `size` bytes from `address` of the process into `buffer`. Returns how many bytes
 * could be read from the start, 0 to size: a short count means that the next page is
 * missing (never mapped, left out of the core, truncated away). May be called from several
 * threads. One call costs about a microsecond, so ask for many pages at once.
 */
HS_API size_t hs_memory_read(const struct hs_memory *memory, uint64_t address,
                             void *buffer, size_t size);

/*
 * The next stretch of [address, end) that holds something: pages never touched read as
 * zeros, but reading gigabytes of them is slow and makes the kernel build page tables.
 * Sets `ret_start` and `ret_end`; false when there is nothing any more. What it leaves out
 * is zero or missing; what it gives may still be missing in parts.
 */
HS_API bool hs_memory_present(const struct hs_memory *memory, uint64_t address,
                              uint64_t end, uint64_t *ret_start, uint64_t *ret_end);

/* The mapping that holds `address`, or NULL. Borrowed until hs_memory_close() or
 * hs_memory_resume(). */
HS_API const struct hs_memory_range *hs_memory_find(const struct hs_memory *memory,
                                                    uint64_t address);

/*
 * The same as hs_memory_read() without a copy where the bytes lie in a mapped core file;
 * NULL where they do not or are not all there. Borrowed until hs_memory_close().
 */
HS_API const void *hs_memory_direct(const struct hs_memory *memory, uint64_t address,
                                    size_t size);

/*
 * Stop every thread of `pid` by ptrace, look at its registers, fork an image of it and let
 * it go on: a pause of about 20 ms a GB. Where no image can be made (the text `way_reason`
 * says why), the process stays stopped until hs_memory_close(). It sees no signal, no
 * child, and lives on when this tool is killed; calls that never restart, like epoll_wait,
 * return EINTR once, as after any stop.
 *
 * An image lives at most five seconds, since pages that the program changes meanwhile are
 * copied: after that every read is short, and hs_memory_is_whole() false.
 * Errors: -ESRCH, -EPERM (the text says what forbids it: another user, Yama's scope, a
 * debugger that is attached, a kernel thread), -ENOEXEC (32-bit).
 */
HS_API int hs_memory_open_process(pid_t pid, struct hs_memory **ret,
                                  struct hs_error *err);

/* The same without an image: the process stays stopped until hs_memory_close(). */
HS_API int hs_memory_open_stopped(pid_t pid, struct hs_memory **ret,
                                  struct hs_error *err);

/* Was everything read so far from one and the same moment? False once an image has ended
 * before its time, or the process was killed. */
HS_API bool hs_memory_is_whole(const struct hs_memory *memory);

/*
 * Map the core file `path`. `executable` is the program it came from, or NULL to take the
 * one that the core names. Pages that a core leaves out because files have them come from
 * those files where the build-id agrees.
 * Errors: -ENOEXEC (no core, another machine), -EINVAL damaged, or the errno of open.
 */
HS_API int hs_memory_open_core(const char *path, const char *executable,
                               struct hs_memory **ret, struct hs_error *err);

/* Let threads run on for `milliseconds`, then stop all again and look anew, by an image if
 * the first look was by one; nothing is borrowed across. Only for processes; for cores
 * -EOPNOTSUPP. After a failure only hs_memory_close() is left. */
HS_API int hs_memory_resume(struct hs_memory *memory, unsigned int milliseconds,
                            struct hs_error *err);

/* End the image or let the process go on, and free everything; NULL is fine. */
HS_API void hs_memory_close(struct hs_memory *memory);

#endif

// SPDX-License-Identifier: MIT

/*
 * From addresses to names, outside the observed process and after the freeze.
 *
 * elfutils does the work: separate debug files and build-ids, inlined frames; C++ and
 * Rust names are demangled. Every answer is cached, so asking twice costs a hash look-up.
 * Not thread-safe: one hs_symbols a thread.
 */

#ifndef HEAPSNAP_SYMBOLS_H
#define HEAPSNAP_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heapsnap/capture.h"
#include "heapsnap/error.h"

struct hs_symbols;

/*
 * `capture` is borrowed and must outlive the symbols. Removes DEBUGINFOD_URLS from this
 * process's environment: nothing is ever fetched over the network.
 */
HS_API int hs_symbols_create(const struct hs_capture *capture, struct hs_symbols **ret,
                             struct hs_error *err);
HS_API void hs_symbols_destroy(struct hs_symbols *symbols);

struct hs_symbol_frame {
    const char
        *function; /* demangled; "libfoo.so.1+0x1234" or "JIT 0x7f…" without symbols */
    const char *linker_name; /* as the file has it, "_ZN2ns1fEi"; NULL = unknown */
    const char *file;        /* short source path ("http.c"), NULL = unknown */
    const char *path;        /* full source path, NULL = unknown */
    uint32_t line;           /* 0 = unknown */
    bool is_inlined;         /* was inlined into the next frame */
    bool is_allocator;       /* malloc wrapper that a call site must not be named after:
                             operator new, std::allocator, strdup, g_malloc, xmalloc … */
    const char *module;      /* base name of the file, "" unknown */
};

/*
 * The frames of a return address, innermost (inlined) first. Borrowed until destroy.
 * Always at least one frame.
 */
HS_API size_t hs_symbols_frames(struct hs_symbols *symbols, uint64_t return_address,
                                const struct hs_symbol_frame **ret);

/* The frames of one node of the capture's trie (not of its callers); as above, and also
 * right for code of modules that were unloaded. */
HS_API size_t hs_symbols_stack_frames(struct hs_symbols *symbols, uint32_t stack,
                                      const struct hs_symbol_frame **ret);

/* "session_new (session.c:24)", "malloc (libc.so.6)" without lines, "libx.so+0x12" without
 * a name; returns as snprintf does. */
HS_API int hs_symbols_frame_text(const struct hs_symbol_frame *frame, char *buffer,
                                 size_t size);

/* "ns::f(int, char const*)": a linker name with its parameters, and nothing shortened; the
 * name itself where it is not mangled. Borrowed until destroy. */
HS_API const char *hs_symbols_signature(struct hs_symbols *symbols,
                                        const char *linker_name);

/*
 * A variable's name at `address` in module data: "g_sessions", or "g_table+0x18" inside
 * one; NULL where no symbol covers it. Borrowed until destroy.
 */
HS_API const char *hs_symbols_variable(struct hs_symbols *symbols, uint64_t address);

/*
 * The same for a thread-local variable of the program itself, in the thread whose thread
 * pointer is given; NULL for those of libraries. Borrowed until destroy.
 */
HS_API const char *hs_symbols_thread_variable(struct hs_symbols *symbols,
                                              uint64_t thread_pointer, uint64_t address);

/*
 * Name the class of blocks allocated by stack `stack` (index in frames):
 * "session_new (session.c:24)" – the first frame that is no allocator wrapper.
 * Borrowed until destroy. HS_STACK_UNKNOWN gives "(before tracking)", or "(unknown site)"
 * where there was no tracking.
 */
HS_API const char *hs_symbols_site(struct hs_symbols *symbols, uint32_t stack);

/* "request_new (http.c:40) ← parse_request ← on_read": the site and up to three callers. */
HS_API const char *hs_symbols_stack_text(struct hs_symbols *symbols, uint32_t stack);

/*
 * The function whose frame on the stack of thread `thread` (index in the capture) holds
 * the slot at `address`: "handle_request() worker.c:77". NULL where the stack cannot be
 * unwound so far. Borrowed until destroy; equal frames give the same pointer.
 */
HS_API const char *hs_symbols_slot(struct hs_symbols *symbols, size_t thread,
                                   uint64_t address);

/* What the user should know about missing names, one line each: files that were replaced
 * or deleted since they were loaded. Returns how many; borrowed until the next call. */
HS_API size_t hs_symbols_notes(const struct hs_symbols *symbols, const char *const **ret);

/*
 * What to call module `module` (index in the capture's modules): the last part of its
 * path; the executable by the name it was started as. Borrowed until destroy.
 */
HS_API const char *hs_symbols_module_name(const struct hs_symbols *symbols,
                                          size_t module);

#endif

// SPDX-License-Identifier: MIT

/*
 * Functions that a call site must not be named after.
 */

#ifndef HEAPSNAP_SYMBOLS_WRAPPER_H
#define HEAPSNAP_SYMBOLS_WRAPPER_H

enum hs_wrapper {
    HS_WRAPPER_NONE = 0,
    HS_WRAPPER_LIBRARY,   /* containers and strings of a language: says what, not who */
    HS_WRAPPER_ALLOCATOR, /* operator new, strdup, g_malloc: says nothing at all */
};

/* `function` is a readable name, `path` its source file or NULL. */
enum hs_wrapper hs_wrapper_kind(const char *function, const char *path);

#endif

// SPDX-License-Identifier: MIT

/*
 * UTF-8 that DevTools accepts: names come from other processes and may hold any bytes.
 */

#ifndef HEAPSNAP_SNAPSHOT_UTF8_H
#define HEAPSNAP_SNAPSHOT_UTF8_H

#include <stddef.h>

/* Bytes of the well-formed character at `text` (1 to 4), or 0 when there is none.
 * `size` > 0 bytes may be read. Surrogates and overlong forms are not well-formed. */
size_t hs_utf8_length(const char *text, size_t size);

/* Bytes at the start of `text` that are plain ASCII. */
size_t hs_utf8_ascii_run(const char *text, size_t size);

/* Write the character to `out` (room for 4) and return its length. Surrogates become
 * U+FFFD. */
size_t hs_utf8_encode(unsigned code, char *out);

#endif

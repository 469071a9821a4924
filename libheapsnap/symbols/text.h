// SPDX-License-Identifier: MIT

/*
 * Memory that is given back all at once: names and frames live as long as the symbols.
 */

#ifndef HEAPSNAP_SYMBOLS_TEXT_H
#define HEAPSNAP_SYMBOLS_TEXT_H

#include <stddef.h>

struct hs_text_chunk;

/* Zero-initialise; hs_text_deinit() gives everything back. */
struct hs_text {
    struct hs_text_chunk *newest;
};

void hs_text_deinit(struct hs_text *text);

/* 8-aligned, not zeroed; NULL without memory. */
void *hs_text_allocate(struct hs_text *text, size_t size);

/* Copies; NULL without memory. */
const char *hs_text_copy(struct hs_text *text, const char *string);
const char *hs_text_format(struct hs_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif

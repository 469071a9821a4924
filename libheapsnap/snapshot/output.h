// SPDX-License-Identifier: MIT

/*
 * A file that appears only when it is complete.
 *
 *     struct hs_output out;
 *     result = hs_output_open(&out, path, err);
 *     hs_output_text(&out, "...", 3);
 *     return hs_output_commit(&out, err);   -- or hs_output_abandon(&out)
 *
 * The first failure of a write is remembered and comes out of commit, so that the code
 * between needs no checks. Exactly one of commit and abandon ends it.
 */

#ifndef HEAPSNAP_SNAPSHOT_OUTPUT_H
#define HEAPSNAP_SNAPSHOT_OUTPUT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heapsnap/error.h"

#define HS_OUTPUT_BUFFER ((size_t)256 << 10)

struct hs_output {
    int fd;
    int failure; /* positive errno */
    bool is_new; /* never in the place of another file */
    size_t used;
    char *buffer;
    char path[PATH_MAX];
    char temporary[PATH_MAX]; /* "": the file has no name yet */
};

/*
 * Create a temporary file, mode 0600, beside `path`. A `path` that exists must be a
 * regular file: replacing a device or a symbolic link is never what the user meant.
 */
int hs_output_open(struct hs_output *out, const char *path, struct hs_error *err);

/* Only where there is nothing yet: -EEXIST, also from commit. */
int hs_output_open_new(struct hs_output *out, const char *path, struct hs_error *err);

/* Would hs_output_open() have a chance? For who wants to know before the work is done. */
int hs_output_check(const char *path, struct hs_error *err);

/* Write what is left, sync, and rename; removes the temporary file on any failure. */
int hs_output_commit(struct hs_output *out, struct hs_error *err);

/* Remove the temporary file. */
void hs_output_abandon(struct hs_output *out);

void hs_output_text(struct hs_output *out, const char *text, size_t size);
void hs_output_flush(struct hs_output *out);

/* `number` in decimal, then the character `after`. */
static inline void hs_output_number(struct hs_output *out, uint64_t number, char after)
{
    char digits[21];
    char *at = digits + sizeof(digits);
    *--at = after;
    for (; number >= 10; number /= 10)
        *--at = (char)('0' + number % 10);
    *--at = (char)('0' + number);
    size_t size = (size_t)(digits + sizeof(digits) - at);
    if (HS_OUTPUT_BUFFER - out->used < sizeof(digits))
        hs_output_flush(out);
    for (size_t i = 0; i < size; i++)
        out->buffer[out->used + i] = at[i];
    out->used += size;
}

#endif

// SPDX-License-Identifier: MIT

/* The bytes of a file that is to be read, wherever they come from. */

#ifndef HEAPSNAP_SNAPSHOT_INPUT_H
#define HEAPSNAP_SNAPSHOT_INPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "heapsnap/error.h"

struct hs_input {
    char *at; /* not to be written to */
    size_t size;
    bool is_mapped;
};

/* On failure nothing is open. An empty file is refused; a packed one is unpacked. `ret`
 * must be all zero. */
int hs_input_open(struct hs_input *ret, const char *path, struct hs_error *err);
/* It will be read from the first to the last byte. */
void hs_input_expect_all(const struct hs_input *input);
/* All zero is fine. */
void hs_input_close(struct hs_input *input);

#endif

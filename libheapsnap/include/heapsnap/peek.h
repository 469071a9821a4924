// SPDX-License-Identifier: MIT

/*
 * What a `.heapsnapshot` file says about itself, without reading it: the head and the end
 * of the file are looked at, so it takes milliseconds whatever the size.
 */

#ifndef HEAPSNAP_PEEK_H
#define HEAPSNAP_PEEK_H

#include <stdbool.h>
#include <stdint.h>

#include "heapsnap/error.h"

enum hs_maker {
    HS_MAKER_HEAPSNAP,
    HS_MAKER_NODE,
    HS_MAKER_CHROME,
    HS_MAKER_V8, /* some program with V8 inside; which one is not in what was looked at */
};

struct hs_peek {
    enum hs_maker maker;
    uint64_t file_size;
    uint64_t node_count, edge_count, trace_function_count;
    struct json_t
        *snapshot; /* the object "snapshot" of the file, with "meta"; borrowed */
    bool is_cut;   /* the end of the file is not the end of a snapshot */
};

/*
 * Errors: those of opening; -EINVAL when the head is none of a snapshot, with the byte
 * offset and what was expected there. Counts are the file's own words.
 * The result is the caller's: hs_peek_destroy().
 */
HS_API int hs_peek_create(const char *path, struct hs_peek **ret, struct hs_error *err);
/* NULL is fine. */
HS_API void hs_peek_destroy(struct hs_peek *peek);

#endif

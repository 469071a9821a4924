// SPDX-License-Identifier: MIT

/* Snapshots as people keep them: packed with gzip or Zstandard. */

#ifndef HEAPSNAP_SNAPSHOT_UNPACK_H
#define HEAPSNAP_SNAPSHOT_UNPACK_H

#include <stdbool.h>
#include <stddef.h>

#include "heapsnap/error.h"

/* Do these bytes begin as something that hs_unpack() knows? */
bool hs_is_packed(const char *packed, size_t size);

/*
 * All of it, in memory that is the caller's (free). Ends early, without an error, where
 * `is_hopeless` says of the first bytes that there is no sense in more.
 *
 * Errors: -EINVAL for damaged data, -ENOMEM; `path` is for messages.
 */
int hs_unpack(const char *packed, size_t size, bool (*is_hopeless)(const char *, size_t),
              const char *path, char **ret, size_t *ret_size, struct hs_error *err);

#endif

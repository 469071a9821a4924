// SPDX-License-Identifier: MIT

/*
 * Making the columns of a snapshot, for the two that can: the builder and the reader.
 */

#ifndef HEAPSNAP_SNAPSHOT_STORAGE_H
#define HEAPSNAP_SNAPSHOT_STORAGE_H

#include <stdbool.h>

#include "heapsnap/snapshot.h"
#include "libheapsnap/base/guard.h"
#include "libheapsnap/snapshot/text.h"

/* What hs_snapshot.storage points to: the owner of the strings. */
struct hs_snapshot_storage {
    struct hs_text_table texts; /* a builder's */
    char *text;                 /* a reader's: all strings one after another */
};

/* An empty snapshot with its storage and an empty metadata object, or NULL. */
struct hs_snapshot *hs_snapshot_create(void);

HS_DEFINE_GUARD(hs_guard_snapshot, struct hs_snapshot *, hs_snapshot_destroy)

#endif

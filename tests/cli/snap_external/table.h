// SPDX-License-Identifier: MIT

/* What the subject and its judge share: a file with the addresses of all live blocks. */

#ifndef HEAPSNAP_TESTS_SNAP_EXTERNAL_TABLE_H
#define HEAPSNAP_TESTS_SNAP_EXTERNAL_TABLE_H

#include <stdint.h>

#define SLOTS 120000u
#define THREADS 6u

struct table {
    uint64_t n_ready;      /* threads that have done their operations */
    uint64_t slots[SLOTS]; /* address of a live block, or 0 */
};

#endif

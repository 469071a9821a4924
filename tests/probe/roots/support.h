// SPDX-License-Identifier: MIT

/* Asking a capture about the one block of a size. */

#ifndef HEAPSNAP_TESTS_ROOTS_SUPPORT_H
#define HEAPSNAP_TESTS_ROOTS_SUPPORT_H

#include "heapsnap/graph.h"
#include "tests/probe/freeze/support.h"

/* Its index; fails the test when there is none. */
size_t block_of(const struct hs_capture *capture, uint64_t size);

enum hs_reach reach_of(const struct hs_capture *capture, uint64_t size);

/* Of the first root edge that leads to it: HS_ROOT_*; 0: none does. */
uint32_t root_kind_of(const struct hs_capture *capture, uint64_t size);

#endif

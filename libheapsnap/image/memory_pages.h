// SPDX-License-Identifier: MIT

/* Private to image/: which pages of a live process hold something. */

#ifndef HEAPSNAP_IMAGE_MEMORY_PAGES_H
#define HEAPSNAP_IMAGE_MEMORY_PAGES_H

#include "heapsnap/memory.h"

/* hs_memory_present() by the file `pagemap_fd`; -1: everything may be there. */
bool hs_pages_present(const struct hs_memory *memory, int pagemap_fd, uint64_t address,
                      uint64_t end, uint64_t *ret_start, uint64_t *ret_end);

#endif

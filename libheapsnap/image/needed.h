// SPDX-License-Identifier: MIT

/* What a program links, as far as preloading goes. */

#ifndef HEAPSNAP_IMAGE_NEEDED_H
#define HEAPSNAP_IMAGE_NEEDED_H

#include <stdbool.h>

/* Would the program in `fd` end at once when something is preloaded? False for what is no
 * ELF file, or a damaged one. */
bool hs_needs_no_preload(int fd);

#endif

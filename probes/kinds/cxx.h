// SPDX-License-Identifier: MIT

/*
 * Finding the real operator new and delete.
 */

#ifndef HEAPSNAP_PROBES_KINDS_CXX_H
#define HEAPSNAP_PROBES_KINDS_CXX_H

#include <stdbool.h>

/*
 * The definition of `name` that the module around `caller` would use without us, or NULL:
 * the next one in lookup order; else, for a module loaded with RTLD_LOCAL, the one in its
 * own dependencies; else the C++ library's. What is found stays loaded.
 */
void *hs_cxx_find(const char *name, void *caller);

/* Does the operator `found` come from the allocator itself? Then it need not call malloc.
 * False for NULL. */
bool hs_cxx_is_allocators(void *found);

#endif

// SPDX-License-Identifier: MIT

/*
 * Class names as people write them.
 */

#ifndef HEAPSNAP_TYPES_DISPLAY_H
#define HEAPSNAP_TYPES_DISPLAY_H

#include "libheapsnap/symbols/text.h"

/*
 * "std::vector<Foo>" for "std::vector<Foo, std::allocator<Foo> >": template arguments
 * that nobody writes are left out, inline namespaces of the libraries, too; what is still
 * very long is cut to "name<…>". `name` is what DWARF or the demangler says. The result
 * lives in `text`, or is `name` itself; NULL without memory.
 */
const char *hs_type_display(struct hs_text *text, const char *name);

#endif

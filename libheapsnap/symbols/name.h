// SPDX-License-Identifier: MIT

/*
 * Linker names made readable.
 */

#ifndef HEAPSNAP_SYMBOLS_NAME_H
#define HEAPSNAP_SYMBOLS_NAME_H

/*
 * C++ and Rust names are demangled without parameter lists and hashes, symbol versions
 * and the compiler's clone suffixes (".part.0", ".cold") are dropped, and what template
 * arguments make longer than a line is shortened to "<…>". The caller frees; NULL without
 * memory.
 */
char *hs_name_readable(const char *linker_name);

/* The same for a variable: a static local's number ("counter.3") goes, too. */
char *hs_name_readable_variable(const char *linker_name);

/* All of a C++ or Rust name, with parameters; NULL when it is not mangled, or without
 * memory. The caller frees. */
char *hs_name_signature(const char *linker_name);

/* What stands behind the last slash. */
const char *hs_name_base(const char *path);

#endif

// SPDX-License-Identifier: MIT

/*
 * Names of types as a person would write them.
 */

#ifndef HEAPSNAP_TYPES_LAYOUT_NAME_H
#define HEAPSNAP_TYPES_LAYOUT_NAME_H

/*
 * "std::map<int, std::string>" for what DWARF and the demangler spell out with allocators,
 * comparators and inline namespaces, each in its own order of words; without a leading
 * "struct". Two spellings of one type give one name. The caller frees; NULL without memory.
 */
char *hs_layout_name(const char *spelling);

#endif

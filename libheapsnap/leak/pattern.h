// SPDX-License-Identifier: MIT

/* The two languages in which suppressions name functions and files. */

#ifndef HEAPSNAP_LEAK_PATTERN_H
#define HEAPSNAP_LEAK_PATTERN_H

#include <stdbool.h>

/* LeakSanitizer's: anywhere in `text`, unless "^" begins and "$" ends it; "*" is any
 * text. Nothing matches the empty text. */
bool hs_pattern_is_in(const char *pattern, const char *text);

/* Valgrind's: the whole of `text`; "*" is any text, "?" any character, "\" takes the next
 * one literally. */
bool hs_pattern_is_all(const char *pattern, const char *text);

#endif

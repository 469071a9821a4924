// SPDX-License-Identifier: MIT

/*
 * The texts that are built in more than one group.
 */

#ifndef HEAPSNAP_ASSEMBLE_NAMES_H
#define HEAPSNAP_ASSEMBLE_NAMES_H

#include <stddef.h>
#include <stdint.h>

/* DevTools ends the class of "<class instance>" at the first plain space, so those inside
 * the class must be no-break spaces (U+00A0). */
#define HS_NO_BREAK_SPACE "\u00a0"

/* Copy `text` with every space made a no-break space; cut to `size` between characters.
 * Returns the length written. */
size_t hs_name_without_spaces(char *buffer, size_t size, const char *text);

/* "0x7f12" without leading zeros; returns the length written, without a NUL. */
size_t hs_name_hex(char buffer[19], uint64_t value);

#endif

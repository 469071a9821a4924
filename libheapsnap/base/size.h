// SPDX-License-Identifier: MIT

/*
 * Bytes the way DevTools prints them: powers of 1000, one decimal below 100.
 */

#ifndef HEAPSNAP_BASE_SIZE_H
#define HEAPSNAP_BASE_SIZE_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

#define HS_SIZE_TEXT 32 /* room that is always enough */

/* "12 B", "1.7 kB", "340 kB", "2.3 MB", "1.0 GB"; `buffer` has room for HS_SIZE_TEXT.
 * Returns `buffer`. Does not depend on the locale. */
static inline const char *hs_size_text(uint64_t bytes, char *buffer)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
    const size_t room = HS_SIZE_TEXT - 1; /* hs_size_change_text() starts at the second */
    if (bytes < 1000) {
        snprintf(buffer, room, "%u B", (unsigned)bytes);
        return buffer;
    }
    unsigned unit = 0;
    uint64_t divisor = 1000;
    /* What would round up to 1000 of a unit belongs to the next one. */
    while (unit < 5 && bytes / divisor >= 999 && bytes >= divisor * 1000 - divisor / 2) {
        divisor *= 1000;
        unit++;
    }
    uint64_t whole = bytes / divisor, rest = bytes % divisor;
    uint64_t tenths = whole * 10 + (rest / (divisor / 100) + 5) / 10;
    if (tenths < 1000)
        snprintf(buffer, room, "%u.%u %s", (unsigned)(tenths / 10),
                 (unsigned)(tenths % 10), units[unit]);
    else
        snprintf(buffer, room, "%u %s", (unsigned)(whole + (rest >= divisor / 2)),
                 units[unit]);
    return buffer;
}

/* The same with "+" or "-" in front, "0 B" for nothing. */
static inline const char *hs_size_change_text(int64_t bytes, char *buffer)
{
    if (bytes == 0)
        return hs_size_text(0, buffer);
    buffer[0] = bytes < 0 ? '-' : '+';
    hs_size_text(bytes < 0 ? -(uint64_t)bytes : (uint64_t)bytes, buffer + 1);
    return buffer;
}

#endif

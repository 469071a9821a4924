// SPDX-License-Identifier: MIT

/*
 * Text without stdio where a million nodes need it.
 */

#include "libheapsnap/assemble/names.h"

#include <string.h>

size_t hs_name_without_spaces(char *buffer, size_t size, const char *text)
{
    size_t length = 0;
    for (; *text; text++) {
        size_t wanted = *text == ' ' ? sizeof(HS_NO_BREAK_SPACE) - 1 : 1;
        if (length + wanted >= size)
            break;
        if (*text == ' ')
            memcpy(buffer + length, HS_NO_BREAK_SPACE, wanted);
        else
            buffer[length] = *text;
        length += wanted;
    }
    /* Never half a character: drop the bytes of one that was cut. */
    if (*text && ((unsigned char)*text & 0xc0) == 0x80) {
        while (length > 0 && ((unsigned char)buffer[length - 1] & 0xc0) == 0x80)
            length--;
        if (length > 0)
            length--;
    }
    buffer[length] = '\0';
    return length;
}

size_t hs_name_hex(char buffer[19], uint64_t value)
{
    static const char digits[] = "0123456789abcdef";
    size_t length = 2;
    for (uint64_t rest = value >> 4; rest; rest >>= 4)
        length++;
    length++;
    buffer[0] = '0';
    buffer[1] = 'x';
    for (size_t i = length; i > 2; i--) {
        buffer[i - 1] = digits[value & 15];
        value >>= 4;
    }
    return length;
}

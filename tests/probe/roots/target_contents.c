// SPDX-License-Identifier: MIT

/* Blocks whose bytes say what they are. */

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "target.h"

static const void *const table[2] = {"a", "class"};

void hold_contents(void)
{
    static const size_t sizes[] = {1001, 1002, 1003, 1004, 1005, 1006, 1007};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        kept[i] = allocate(sizes[i]);

    /* 1001: a text that fills it. */
    memset(kept[0], 'x', 1000);
    /* 1002: an object that begins with its class's table and calls a function. */
    uintptr_t *object = kept[1];
    object[0] = (uintptr_t)table;
    object[5] = (uintptr_t)puts;
    object[40] = (uintptr_t)table; /* too far inside */
    /* 1003: a name, and a pointer behind it. */
    strcpy(kept[2], "a name that is long enough");
    ((void **)kept[2])[9] = kept[0];
    /* 1004: a text in a buffer. */
    strcpy(kept[3], "gr\303\274n 0123456789012, \342\202\254 f\303\274r \342\202\254");
    /* 1005: numbers. */
    for (int i = 0; i < 100; i++)
        ((uint64_t *)kept[4])[i] = (uint64_t)i * 1000;
    /* 1006: a text and a pointer to itself. */
    strcpy(kept[5], "this one points to itself");
    ((void **)kept[5])[9] = kept[5];
    /* 1007: a text and the address of a table. */
    strcpy(kept[6], "this one is an object, too");
    ((const void **)kept[6])[9] = table;
}

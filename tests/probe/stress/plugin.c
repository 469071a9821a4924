// SPDX-License-Identifier: MIT

/*
 * A library that allocates: when it is loaded, when it is called, below frames whose size
 * (FRAME_SIZE) differs from build to build while the addresses do not.
 */

#include <stdint.h>
#include <stdlib.h>

static void *own;

void *plugin_make(uint64_t size, uint32_t depth);

__attribute__((constructor)) static void begin(void)
{
    own = malloc(FRAME_SIZE);
}

__attribute__((destructor)) static void end(void)
{
    free(own);
}

void *plugin_make(uint64_t size, uint32_t depth)
{
    volatile char frame[FRAME_SIZE];
    frame[0] = (char)depth;
    void *block = depth > 0 ? plugin_make(size, depth - 1) : malloc(size);
    frame[FRAME_SIZE - 1] = frame[0];
    return block;
}

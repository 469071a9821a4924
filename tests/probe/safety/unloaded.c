// SPDX-License-Identifier: MIT
// A library whose only purpose is to be unloaded. See loads.c.

#include <stdlib.h>

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

/* Frames of another size in each build, so that a rule of one is wrong for the other. */
__attribute__((noinline)) void *JOIN(allocate_in_, NAME)(size_t size);
__attribute__((noinline)) void *JOIN(allocate_in_, NAME)(size_t size)
{
    volatile char frame[FRAME];
    frame[0] = 1;
    void *block = malloc(size);
    frame[FRAME - 1] = frame[0];
    return block;
}

__attribute__((noinline)) void free_block(void *block);
void free_block(void *block)
{
    free(block);
}

typedef void *allocate(size_t);
allocate *allocator(void);
allocate *allocator(void)
{
    return JOIN(allocate_in_, NAME);
}

// SPDX-License-Identifier: MIT

/*
 * A library that is unloaded and loaded again, in two builds: the same code at the same
 * offsets, but for the size of its frames.
 */

#include <stddef.h>

void plugin_run(void (*allocate)(size_t));

__attribute__((noinline)) static void step(void (*allocate)(size_t), int depth)
{
    volatile char frame[FRAME_SIZE];
    frame[0] = (char)depth;
    if (depth > 0)
        step(allocate, depth - 1);
    else
        allocate(64);
    __asm__ volatile("" : : "r"(frame[0]) : "memory");
}

void plugin_run(void (*allocate)(size_t))
{
    for (int depth = 0; depth < 6; depth++)
        step(allocate, depth);
}

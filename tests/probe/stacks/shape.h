// SPDX-License-Identifier: MIT

/*
 * What the programs here share: a shape is a function that allocates below a stack worth
 * looking at, and is called by its name. The program is run with verify=stacks; it checks
 * nothing of stacks itself.
 */

#ifndef HEAPSNAP_TESTS_PROBE_STACKS_SHAPE_H
#define HEAPSNAP_TESTS_PROBE_STACKS_SHAPE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct shape {
    const char *name;
    void (*run)(void);
};

__attribute__((noinline, unused)) static void allocate(size_t size)
{
    void *volatile block = malloc(size);
    free(block);
}

/* The address escapes, so neither the call nor the frame can be left out. */
__attribute__((noinline, unused)) static void deep(int depth, volatile int *outer)
{
    volatile int here = depth;
    if (depth == 0)
        allocate(24);
    else
        deep(depth - 1, &here);
    *outer += here;
}

__attribute__((unused)) static unsigned next_random(void)
{
    static unsigned state = 12345;
    return state = state * 1103515245u + 12345u;
}

__attribute__((unused)) static int shape_run(const struct shape *shapes, size_t count,
                                             int argc, char **argv)
{
    for (size_t i = 0; argc == 2 && i < count; i++)
        if (strcmp(argv[1], shapes[i].name) == 0) {
            shapes[i].run();
            return 0;
        }
    for (size_t i = 0; i < count; i++)
        fprintf(stderr, "%s %s\n", argv[0], shapes[i].name);
    return 2;
}

#define SHAPE_MAIN(shapes)                                                          \
    int main(int argc, char **argv)                                                 \
    {                                                                               \
        return shape_run(shapes, sizeof(shapes) / sizeof((shapes)[0]), argc, argv); \
    }

#endif

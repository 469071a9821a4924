// SPDX-License-Identifier: MIT
// A library whose constructor runs before the shim's own, and allocates below two functions
// of its own. See before.sh.

#include <stdlib.h>

void *block_from_before;

__attribute__((noinline)) void allocate_before(size_t size);
__attribute__((noinline)) void allocate_before(size_t size)
{
    block_from_before = malloc(size);
    ((volatile char *)block_from_before)[0] = 1;
}

__attribute__((noinline)) void prepare_before(void);
__attribute__((noinline)) void prepare_before(void)
{
    allocate_before(72704);
    ((volatile char *)block_from_before)[1] = 2;
}

__attribute__((constructor)) static void start(void)
{
    prepare_before();
}

// SPDX-License-Identifier: MIT

/*
 * Allocates blocks of many sizes, frees some, and prints what glibc says is in use: of
 * its heaps and of what it mapped for big blocks. Then waits for the end of its input.
 * No size is one that the thread cache keeps after a free: glibc counts that as in use.
 */

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *blocks[4000];

int main(void)
{
    char byte;
    for (size_t i = 0; i < 4000; i++)
        blocks[i] = malloc(i % 100 == 0 ? 300000 : 1100 + i * 37 % 9000);
    for (size_t i = 0; i < 4000; i += 3)
        blocks[i] = realloc(blocks[i], 1200 + i % 5000);
    for (size_t i = 1; i < 4000; i += 5) {
        free(blocks[i]);
        blocks[i] = NULL;
    }
    struct mallinfo2 info = mallinfo2();
    printf("%zu\n", info.uordblks + info.hblkhd);
    fflush(stdout);
    return read(STDIN_FILENO, &byte, 1) == 0 ? 0 : 1;
}

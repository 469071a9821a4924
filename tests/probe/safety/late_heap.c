// SPDX-License-Identifier: MIT

/*
 * An executable whose own malloc works only once main() has made a heap for it, as that of
 * GNU Common Lisp. Built so that others see its functions.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HEAP ((size_t)64 << 20)

static char *heap;
static size_t used;

void *malloc(size_t size)
{
    if (!heap)
        abort();
    size_t *block = (size_t *)(heap + used);
    used += (size + 31) & ~(size_t)15;
    if (used > HEAP)
        abort();
    block[0] = size;
    return block + 2;
}

void free(void *block)
{
    if (!heap && block)
        abort();
}

void *calloc(size_t count, size_t size)
{
    void *block = malloc(count * size);
    return memset(block, 0, count * size);
}

void *realloc(void *block, size_t size)
{
    void *other = malloc(size);
    if (block) {
        size_t before = ((size_t *)block)[-2];
        memcpy(other, block, before < size ? before : size);
    }
    return other;
}

int main(void)
{
    heap = mmap(NULL, HEAP, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *text = strdup("a heap made late");
    for (int i = 0; i < 1000; i++)
        text = realloc(text, 20 + (size_t)i);
    puts(text);
    free(text);
    return heap == MAP_FAILED;
}

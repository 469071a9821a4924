// SPDX-License-Identifier: MIT

/*
 * Holds COUNT live blocks, as large programs have them, and waits for the end of its input:
 * many small objects that begin with the address of a table, point to one or two others and
 * to a text of their own, texts, and a few larger buffers that hold no pointers. MEAN bytes
 * a block, from a fixed seed.
 *
 *   blocks COUNT MEAN
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NEAR 100000u /* so many blocks before its own an object points to at most */

static const void *const table[4] = {"a", "table", "of", "a class"};

static uint32_t next_number(void)
{
    static uint64_t state = 88172645463325252ull;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32);
}

static void *allocate(size_t size)
{
    void *memory = malloc(size);
    if (!memory) {
        fprintf(stderr, "blocks: no memory\n");
        exit(1);
    }
    return memory;
}

static void *make_text(void)
{
    char text[64];
    int length =
        snprintf(text, sizeof(text), "value number %u of the table", next_number());
    return memcpy(allocate((size_t)length + 1), text, (size_t)length + 1);
}

static void *make_object(void **all, uint32_t index)
{
    size_t words = 6 + next_number() % 14;
    uintptr_t *object = allocate(words * 8);
    for (size_t i = 0; i < words; i++)
        object[i] = i % 3 ? next_number() % 100000 : 0;
    object[0] = (uintptr_t)table;
    if (index > 0)
        object[2] =
            (uintptr_t)all[index - 1 - next_number() % (index < NEAR ? index : NEAR)];
    return object;
}

/* What the small ones leave of the mean. */
static void *make_buffer(size_t mean)
{
    size_t size = mean * 4 > 400 ? mean * 4 - 288 : 112;
    double *buffer = allocate(size);
    for (size_t i = 0; i < size / 8; i++)
        buffer[i] = (double)next_number() / 7;
    return buffer;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: blocks COUNT MEAN\n");
        return 2;
    }
    uint32_t count = (uint32_t)strtoul(argv[1], NULL, 10);
    size_t mean = strtoul(argv[2], NULL, 10);
    void **all = allocate((count + 1) * sizeof(*all));
    for (uint32_t i = 0; i < count; i++) {
        if (i % 4 == 3)
            all[i] = make_buffer(mean);
        else if (i % 4 == 2)
            all[i] = make_text();
        else
            all[i] = make_object(all, i);
    }
    puts("ready");
    fflush(stdout);
    for (char byte; read(0, &byte, 1) > 0;)
        ;
    return 0;
}

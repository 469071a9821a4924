// SPDX-License-Identifier: MIT

/*
 * A bump allocator: hundreds of thousands of short names would each cost a header and a
 * call to free otherwise.
 */

#include "libheapsnap/symbols/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE (256u * 1024)

struct hs_text_chunk {
    struct hs_text_chunk *older;
    size_t used, size;
    char bytes[];
};

void hs_text_deinit(struct hs_text *text)
{
    while (text->newest) {
        struct hs_text_chunk *chunk = text->newest;
        text->newest = chunk->older;
        free(chunk);
    }
}

void *hs_text_allocate(struct hs_text *text, size_t size)
{
    struct hs_text_chunk *chunk = text->newest;
    size = (size + 7) & ~(size_t)7;
    if (!chunk || chunk->size - chunk->used < size) {
        size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;
        chunk = malloc(sizeof(*chunk) + room);
        if (!chunk)
            return NULL;
        chunk->older = text->newest;
        chunk->used = 0;
        chunk->size = room;
        text->newest = chunk;
    }
    void *memory = chunk->bytes + chunk->used;
    chunk->used += size;
    return memory;
}

const char *hs_text_copy(struct hs_text *text, const char *string)
{
    size_t size = strlen(string) + 1;
    char *copy = hs_text_allocate(text, size);
    return copy ? memcpy(copy, string, size) : NULL;
}

const char *hs_text_format(struct hs_text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *copy = length < 0 ? NULL : hs_text_allocate(text, (size_t)length + 1);
    if (!copy)
        return NULL;
    va_start(arguments, format);
    vsnprintf(copy, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return copy;
}

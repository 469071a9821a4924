// SPDX-License-Identifier: MIT

/*
 * An allocator that a signal handler may call in the middle of anything: memory is taken
 * by adding to a pointer, and never given back. Preloaded behind the shim.
 */

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ROOM ((size_t)8 << 30)

static char room[ROOM] __attribute__((aligned(4096)));
static size_t used;

static void *take(size_t alignment, size_t size)
{
    if (size > ROOM / 4 || alignment > 1 << 20) {
        errno = ENOMEM;
        return NULL;
    }
    size_t wanted = (size + 32 + alignment - 1 + 31) & ~(size_t)31;
    size_t start = __atomic_fetch_add(&used, wanted, __ATOMIC_RELAXED);
    if (start + wanted > ROOM) {
        errno = ENOMEM;
        return NULL;
    }
    size_t address = ((size_t)room + start + 32 + alignment - 1) & ~(alignment - 1);
    ((size_t *)address)[-1] = size;
    return (void *)address;
}

void *malloc(size_t size)
{
    return take(32, size);
}

void *calloc(size_t count, size_t size)
{
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) ? NULL : take(32, bytes);
}

void free(void *block)
{
    if (block)
        memset(block, 0xdf, ((size_t *)block)[-1]);
}

void *realloc(void *block, size_t size)
{
    char *fresh = take(32, size);
    if (!block || !fresh)
        return fresh;
    size_t old = ((size_t *)block)[-1];
    for (size_t i = 0; i < old && i < size; i++)
        fresh[i] = ((char *)block)[i];
    free(block);
    return fresh;
}

void *memalign(size_t alignment, size_t size);
void *memalign(size_t alignment, size_t size)
{
    return take(alignment < 32 ? 32 : alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

int posix_memalign(void **ret, size_t alignment, size_t size)
{
    *ret = memalign(alignment, size);
    return *ret ? 0 : ENOMEM;
}

size_t malloc_usable_size(void *block);
size_t malloc_usable_size(void *block)
{
    return block ? ((size_t *)block)[-1] : 0;
}

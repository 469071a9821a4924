// SPDX-License-Identifier: MIT

/*
 * Preloaded once, without a clock running: how many blocks a program allocates. The count is
 * the first 8 bytes of the file that BENCH_COUNT names, mapped, so that it holds for
 * every child and however the program ends.
 */

#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static _Atomic uint64_t uncounted;
static _Atomic uint64_t *counter = &uncounted;

static void *(*next_malloc)(size_t);
static void *(*next_calloc)(size_t, size_t);
static void *(*next_realloc)(void *, size_t);
static void *(*next_aligned_alloc)(size_t, size_t);
static int (*next_posix_memalign)(void **, size_t, size_t);

/* For calls that come while dlsym itself is at work; never given back. */
static char early[4096] __attribute__((aligned(16)));
static size_t early_used;

static void *early_block(size_t size)
{
    size = (size + 15) & ~(size_t)15;
    if (size > sizeof(early) - early_used)
        abort();
    early_used += size;
    return early + early_used - size;
}

static int is_early(const void *block)
{
    return (const char *)block >= early && (const char *)block < early + sizeof(early);
}

__attribute__((constructor)) static void find(void)
{
    static int at_work;
    if (next_malloc || at_work)
        return;
    at_work = 1;
    next_calloc = dlsym(RTLD_NEXT, "calloc");
    next_realloc = dlsym(RTLD_NEXT, "realloc");
    next_aligned_alloc = dlsym(RTLD_NEXT, "aligned_alloc");
    next_posix_memalign = dlsym(RTLD_NEXT, "posix_memalign");
    next_malloc = dlsym(RTLD_NEXT, "malloc");
    at_work = 0;
    const char *path = getenv("BENCH_COUNT");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *page = mmap(NULL, sizeof(*counter), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (page == MAP_FAILED)
        return;
    *(_Atomic uint64_t *)page += uncounted;
    counter = page;
}

static void count(void)
{
    if (!next_malloc)
        find();
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

void *malloc(size_t size)
{
    count();
    return next_malloc ? next_malloc(size) : early_block(size);
}

void *calloc(size_t number, size_t size)
{
    count();
    return next_malloc ? next_calloc(number, size) : early_block(number * size);
}

void *realloc(void *block, size_t size)
{
    count();
    if (!is_early(block))
        return next_realloc(block, size);
    void *moved = next_malloc(size);
    size_t rest = (size_t)(early + sizeof(early) - (char *)block);
    return moved ? memcpy(moved, block, size < rest ? size : rest) : NULL;
}

void free(void *block)
{
    static void (*next_free)(void *);
    if (is_early(block))
        return;
    if (!next_free)
        next_free = dlsym(RTLD_NEXT, "free");
    next_free(block);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    count();
    return next_aligned_alloc(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size)
{
    count();
    return next_posix_memalign(result, alignment, size);
}

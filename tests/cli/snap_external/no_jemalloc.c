// SPDX-License-Identifier: MIT

/*
 * In the place of libjemalloc.so.2: no malloc in it, so that a program linked with jemalloc
 * allocates from libc. What else Debian's redis-server asks of jemalloc does nothing.
 */

#include <errno.h>
#include <stddef.h>

int mallctl(const char *name, void *old, size_t *old_size, void *new, size_t new_size);
void malloc_stats_print(void (*write)(void *, const char *), void *context,
                        const char *options);
size_t nallocx(size_t size, int flags);

int mallctl(const char *name, void *old, size_t *old_size, void *new, size_t new_size)
{
    (void)name;
    (void)old;
    (void)old_size;
    (void)new;
    (void)new_size;
    return ENOENT;
}

void malloc_stats_print(void (*write)(void *, const char *), void *context,
                        const char *options)
{
    (void)write;
    (void)context;
    (void)options;
}

size_t nallocx(size_t size, int flags)
{
    (void)flags;
    return size;
}

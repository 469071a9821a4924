// SPDX-License-Identifier: MIT

/*
 * Memory for the image: anonymous pages straight from the kernel. The image never gives
 * any back, it exits; one that lives in the program's own memory must remember all it
 * mapped. The image needs to know only what it had mapped before it read
 * its maps, which is little.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "probes/freeze/freeze.h"
#include "probes/freeze/image.h"
#include "probes/tracker/raw.h"

#define REMEMBERED_MAX 4096

static struct piece {
    void *memory;
    size_t size;
} * remembered; /* mapped at the first use: most processes never need it */
static uint32_t n_remembered;

static void *map(size_t size)
{
    long memory = hs_raw(SYS_mmap, 0, size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory < 0 && memory > -4096 ? NULL : (void *)memory;
}

static bool has_room(void)
{
    if (!remembered)
        remembered = map(REMEMBERED_MAX * sizeof(*remembered));
    return remembered && n_remembered < REMEMBERED_MAX;
}

void *hs_scratch_map(size_t size)
{
    bool is_remembered = has_room();
    if (hs_job.shares_memory && !is_remembered)
        return NULL;
    void *memory = map(size);
    if (memory && is_remembered)
        remembered[n_remembered++] = (struct piece){memory, size};
    return memory;
}

void hs_scratch_each(void (*visit)(uint64_t start, uint64_t size, void *context),
                     void *context)
{
    for (uint32_t i = 0; i < n_remembered; i++)
        visit((uint64_t)(uintptr_t)remembered[i].memory, remembered[i].size, context);
    if (remembered)
        visit((uint64_t)(uintptr_t)remembered, REMEMBERED_MAX * sizeof(*remembered),
              context);
}

void hs_scratch_release(void)
{
    while (n_remembered > 0) {
        n_remembered--;
        hs_raw(SYS_munmap, remembered[n_remembered].memory,
               remembered[n_remembered].size);
    }
    if (remembered)
        hs_raw(SYS_munmap, remembered, REMEMBERED_MAX * sizeof(*remembered));
    remembered = NULL;
}

static void *grow(void *memory, size_t old_size, size_t size)
{
    if (!memory)
        return hs_scratch_map(size);
    long moved = hs_raw(SYS_mremap, memory, old_size, size, MREMAP_MAYMOVE);
    if (moved < 0 && moved > -4096)
        return NULL;
    for (uint32_t i = 0; i < n_remembered; i++)
        if (remembered[i].memory == memory) {
            remembered[i].memory = (void *)moved;
            remembered[i].size = size;
        }
    return (void *)moved;
}

void *hs_vector_push(struct hs_vector *vector, uint64_t count)
{
    if (vector->count + count > vector->room) {
        uint64_t room = vector->room ? vector->room * 2 : 65536 / vector->size + 1;
        while (room < vector->count + count)
            room *= 2;
        void *items =
            grow(vector->items, vector->room * vector->size, room * vector->size);
        if (!items)
            return NULL;
        vector->items = items;
        vector->room = room;
    }
    void *item = vector->items + vector->count * vector->size;
    vector->count += count;
    return item;
}

uint32_t hs_strings_add(struct hs_strings *strings, const char *text, size_t length)
{
    struct hs_vector *bytes = &strings->bytes;
    bytes->size = 1;
    if (bytes->count == 0 && !hs_vector_push(bytes, 1))
        return 0;
    if (length == 0)
        return 0;
    uint32_t offset = (uint32_t)bytes->count;
    char *copy =
        bytes->count + length < INT32_MAX ? hs_vector_push(bytes, length + 1) : NULL;
    if (!copy) {
        strings->dropped++;
        return 0;
    }
    memcpy(copy, text, length);
    copy[length] = '\0';
    return offset;
}

long hs_read_file(const char *path, char *buffer, size_t size)
{
    long fd = hs_raw(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    long got, used = 0;
    if (fd < 0)
        return fd;
    while ((got = hs_raw(SYS_read, fd, buffer + used, size - 1 - (size_t)used)) > 0)
        used += got;
    hs_raw(SYS_close, fd);
    buffer[used] = '\0';
    return got < 0 ? got : used;
}

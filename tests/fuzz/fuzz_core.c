// SPDX-License-Identifier: MIT

/* Any bytes as a core file: opened, checked for what the interface promises, all read. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "heapsnap/memory.h"

#define LOOKED_AT 65536 /* bytes of one mapping */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_right)
{
    if (!is_right)
        abort();
}

static void check_range(const struct hs_memory *memory,
                        const struct hs_memory_range *range)
{
    static uint8_t buffer[LOOKED_AT];
    uint64_t length = range->end - range->start, start, end;
    check(hs_memory_find(memory, range->start) == range && range->path);
    size_t wanted = length < sizeof(buffer) ? length : sizeof(buffer);
    size_t got = hs_memory_read(memory, range->start, buffer, wanted);
    check(got <= wanted);
    const void *direct = hs_memory_direct(memory, range->start, got);
    check(!direct || memcmp(direct, buffer, got) == 0);
    uint64_t at = range->start;
    for (int i = 0; i < 16 && hs_memory_present(memory, at, range->end, &start, &end);
         i++) {
        check(start >= at && start < end && end <= range->end);
        check(hs_memory_read(memory, end - 1, buffer, 1) == 1);
        at = end;
    }
}

static void check_memory(const struct hs_memory *memory)
{
    uint64_t end = 0;
    size_t length = strlen(memory->command) + strlen(memory->executable);
    for (size_t i = 0; i < memory->n_ranges; i++) {
        check(memory->ranges[i].start >= end
              && memory->ranges[i].start < memory->ranges[i].end);
        end = memory->ranges[i].end;
        check_range(memory, &memory->ranges[i]);
    }
    end = 0;
    for (size_t i = 0; i < memory->n_modules; i++) {
        check(memory->modules[i].start >= end
              && memory->modules[i].build_id_size <= sizeof(memory->modules[i].build_id));
        end = memory->modules[i].end;
        length += strlen(memory->modules[i].path);
    }
    for (size_t i = 0; i < memory->n_threads; i++)
        check(memory->threads[i].n_vector <= HS_MEMORY_VECTOR_MAX
              && memory->threads[i].n_registers <= 34);
    check(length < SIZE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    int fd = memfd_create("core", MFD_CLOEXEC);
    check(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    struct hs_memory *memory = NULL;
    if (hs_memory_open_core(path, NULL, &memory, NULL) == 0)
        check_memory(memory);
    hs_memory_close(memory);
    close(fd);
    return 0;
}

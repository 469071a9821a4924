// SPDX-License-Identifier: MIT

/*
 * Do two sources show the same process? Each is a process (its number; it is stopped) or a
 * core file. Compared are threads with the registers that calls preserve, modules with
 * their build-ids, and every byte of private memory that the first source has. Files that
 * are merely mapped are left out.
 *
 *   same FIRST SECOND
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heapsnap/memory.h"
#include "probes/abi.h"

static char left_bytes[1 << 20], right_bytes[1 << 20];

static struct hs_memory *open_source(const char *name)
{
    struct hs_memory *memory = NULL;
    struct hs_error err = {0};
    int result = strchr(name, '/') ? hs_memory_open_core(name, NULL, &memory, &err)
                                   : hs_memory_open_stopped(atoi(name), &memory, &err);
    if (result != 0) {
        fprintf(stderr, "same: %s\n", err.text);
        exit(2);
    }
    return memory;
}

static unsigned int compare_thread(const struct hs_memory_thread *left,
                                   const struct hs_memory *right)
{
#if defined(__x86_64__)
    static const unsigned int kept[] = {3, 6, 7, 12, 13, 14, 15, 16};
#else
    static const unsigned int kept[] = {19, 20, 21, 22, 29, 31, 32};
#endif
    for (size_t i = 0; i < right->n_threads; i++) {
        const struct hs_memory_thread *other = &right->threads[i];
        if (other->tid != left->tid)
            continue;
        unsigned int n_different = left->thread_pointer != other->thread_pointer;
        for (size_t k = 0; k < sizeof(kept) / sizeof(*kept); k++)
            n_different += left->registers[kept[k]] != other->registers[kept[k]];
        if (n_different > 0)
            printf("thread %d: %u registers differ\n", (int)left->tid, n_different);
        return n_different;
    }
    printf("thread %d is missing\n", (int)left->tid);
    return 1;
}

static unsigned int compare_module(const struct hs_memory_module *left,
                                   const struct hs_memory *right)
{
    for (size_t i = 0; i < right->n_modules; i++) {
        const struct hs_memory_module *other = &right->modules[i];
        if (left->start == other->start && left->end == other->end
            && left->bias == other->bias && strcmp(left->path, other->path) == 0
            && left->is_executable == other->is_executable
            && left->is_loader == other->is_loader
            && memcmp(left->build_id, other->build_id, sizeof(left->build_id)) == 0)
            return 0;
    }
    printf("module %s is missing or another\n", left->path);
    return 1;
}

static uint64_t count_differences(const struct hs_memory *left,
                                  const struct hs_memory *right, uint64_t start,
                                  uint64_t end, uint64_t *size)
{
    uint64_t n_different = 0;
    for (uint64_t at = start; at < end; at += sizeof(left_bytes)) {
        size_t wanted = end - at < sizeof(left_bytes) ? end - at : sizeof(left_bytes);
        size_t got = hs_memory_read(left, at, left_bytes, wanted);
        size_t there = hs_memory_read(right, at, right_bytes, got);
        /* What was never touched is zeros for one and nothing for the other. */
        memset(right_bytes + there, 0, got - there);
        for (size_t i = 0; i < got; i++)
            n_different += left_bytes[i] != right_bytes[i];
        *size += got;
    }
    return n_different;
}

/* Of other files no core has the bytes, and nothing tells whether they are still those. */
static bool is_of_module(const struct hs_memory *memory,
                         const struct hs_memory_range *range)
{
    for (size_t i = 0; i < memory->n_modules; i++)
        if (range->start >= memory->modules[i].start
            && range->start < memory->modules[i].end)
            return true;
    return false;
}

static unsigned int compare_range(const struct hs_memory *left,
                                  const struct hs_memory *right,
                                  const struct hs_memory_range *range, uint64_t *size)
{
    uint64_t at = range->start, start, end, n_different = 0;
    if (range->flags & HS_BLOCK_SHARED || !(range->flags & HS_BLOCK_READ)
        || strncmp(range->path, "[v", 2) == 0
        || (range->flags & HS_BLOCK_FILE && !is_of_module(left, range)))
        return 0;
    for (; hs_memory_present(left, at, range->end, &start, &end); at = end)
        n_different += count_differences(left, right, start, end, size);
    if (n_different > 0)
        printf("0x%llx %s: %llu bytes differ\n", (unsigned long long)range->start,
               range->path, (unsigned long long)n_different);
    return n_different > 0;
}

int main(int count, char **arguments)
{
    if (count != 3)
        return 2;
    struct hs_memory *left = open_source(arguments[1]);
    struct hs_memory *right = open_source(arguments[2]);
    unsigned int n_different = left->n_threads != right->n_threads;
    uint64_t size = 0;
    for (size_t i = 0; i < left->n_threads; i++)
        n_different += compare_thread(&left->threads[i], right);
    for (size_t i = 0; i < left->n_modules; i++)
        n_different += compare_module(&left->modules[i], right);
    for (size_t i = 0; i < left->n_ranges; i++)
        n_different += compare_range(left, right, &left->ranges[i], &size);
    printf("%zu threads, %zu modules, %llu bytes: %s\n", left->n_threads, left->n_modules,
           (unsigned long long)size, n_different > 0 ? "different" : "the same");
    hs_memory_close(left);
    hs_memory_close(right);
    return n_different > 0;
}

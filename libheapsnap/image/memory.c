// SPDX-License-Identifier: MIT

/*
 * What all sources of memory share: handing calls on to the backend, keeping the tables,
 * finding a mapping. The sources are memory_process.c and core.c.
 */

#include "heapsnap/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/image/memory_backend.h"

size_t hs_memory_read(const struct hs_memory *memory, uint64_t address, void *buffer,
                      size_t size)
{
    if (size == 0)
        return 0;
    if (size - 1 > UINT64_MAX - address)
        size = UINT64_MAX - address;
    return memory->backend->read(memory, address, buffer, size);
}

const void *hs_memory_direct(const struct hs_memory *memory, uint64_t address,
                             size_t size)
{
    return memory->backend->direct ? memory->backend->direct(memory, address, size)
                                   : NULL;
}

bool hs_memory_present(const struct hs_memory *memory, uint64_t address, uint64_t end,
                       uint64_t *ret_start, uint64_t *ret_end)
{
    if (address >= end)
        return false;
    if (memory->backend->present)
        return memory->backend->present(memory, address, end, ret_start, ret_end);
    *ret_start = address;
    *ret_end = end;
    return true;
}

bool hs_memory_is_whole(const struct hs_memory *memory)
{
    return !memory->backend->is_whole || memory->backend->is_whole(memory);
}

int hs_memory_resume(struct hs_memory *memory, unsigned int milliseconds,
                     struct hs_error *err)
{
    if (!memory->backend->resume)
        return hs_error_set(err, EOPNOTSUPP, "a core file cannot go on");
    return memory->backend->resume(memory, milliseconds, err);
}

void hs_memory_close(struct hs_memory *memory)
{
    if (memory)
        memory->backend->close(memory);
}

const struct hs_memory_range *hs_memory_find(const struct hs_memory *memory,
                                             uint64_t address)
{
    size_t low = 0, high = memory->n_ranges;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memory->ranges[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == memory->n_ranges || memory->ranges[low].start > address)
        return NULL;
    return &memory->ranges[low];
}

const char *hs_tables_string(struct hs_memory_tables *tables, const char *text,
                             size_t length)
{
    if (length == 0)
        return "";
    char *copy = strndup(text, length);
    if (copy && !hs_array_push(&tables->strings, copy)) {
        free(copy);
        copy = NULL;
    }
    return copy;
}

void hs_tables_clear(struct hs_memory_tables *tables)
{
    for (size_t i = 0; i < tables->strings.count; i++)
        free(tables->strings.at[i]);
    free(tables->strings.at);
    free(tables->ranges.at);
    free(tables->threads.at);
    free(tables->modules.at);
    *tables = (struct hs_memory_tables){0};
}

static int by_start(const void *left, const void *right)
{
    const struct hs_memory_module *a = left, *b = right;
    return (a->start > b->start) - (a->start < b->start);
}

/* The others keep the order in which they were found. */
static void put_first(struct hs_memory_thread *threads, size_t count, pid_t tid)
{
    for (size_t i = 1; i < count; i++)
        if (threads[i].tid == tid) {
            struct hs_memory_thread main_thread = threads[i];
            memmove(threads + 1, threads, i * sizeof(*threads));
            threads[0] = main_thread;
            return;
        }
}

void hs_tables_publish(struct hs_memory_tables *tables, struct hs_memory *memory)
{
    put_first(tables->threads.at, tables->threads.count, memory->pid);
    if (tables->modules.count > 1)
        qsort(tables->modules.at, tables->modules.count, sizeof(*tables->modules.at),
              by_start);
    memory->ranges = tables->ranges.at;
    memory->n_ranges = tables->ranges.count;
    memory->threads = tables->threads.at;
    memory->n_threads = tables->threads.count;
    memory->modules = tables->modules.at;
    memory->n_modules = tables->modules.count;
}

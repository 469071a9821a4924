// SPDX-License-Identifier: MIT

/*
 * The cache is direct-mapped: a heap is walked upwards, so the newest window of a place
 * is nearly always the right one, and nothing needs to be remembered about use.
 */

#include "libheapsnap/heap/reader.h"

#include <stdlib.h>
#include <string.h>

#include "probes/abi.h"

#define PAGE 4096u
#define WINDOW 65536u
#define EMPTY 1u /* no window starts at an odd address */

bool hs_reader_init(struct hs_reader *reader, const struct hs_memory *memory)
{
    memset(reader, 0, sizeof(*reader));
    reader->memory = memory;
    reader->bytes = malloc((size_t)HS_READER_WINDOWS * WINDOW);
    if (!reader->bytes)
        return false;
    for (uint32_t i = 0; i < HS_READER_WINDOWS; i++) {
        reader->windows[i].start = EMPTY;
        reader->windows[i].bytes = reader->bytes + (size_t)i * WINDOW;
    }
    return true;
}

void hs_reader_deinit(struct hs_reader *reader)
{
    free(reader->bytes);
    memset(reader, 0, sizeof(*reader));
}

size_t hs_reader_range_index(const struct hs_reader *reader, uint64_t address)
{
    const struct hs_memory *memory = reader->memory;
    size_t low = 0, high = memory->n_ranges;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memory->ranges[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool hs_reader_is_data(const struct hs_memory_range *range)
{
    const uint32_t wanted = HS_BLOCK_READ | HS_BLOCK_WRITE;
    return (range->flags & (wanted | HS_BLOCK_SHARED)) == wanted;
}

uint64_t hs_reader_data_end(const struct hs_reader *reader, uint64_t address)
{
    const struct hs_memory *memory = reader->memory;
    uint64_t end = address;
    for (size_t i = hs_reader_range_index(reader, address); i < memory->n_ranges; i++) {
        if (memory->ranges[i].start > end || !hs_reader_is_data(&memory->ranges[i]))
            break;
        end = memory->ranges[i].end;
    }
    return end;
}

/* What of [start, end), which is page-aligned and inside one mapping, can be read. */
static void load_stretch(struct hs_reader *reader, struct hs_reader_window *window,
                         uint64_t start, uint64_t end)
{
    while (start < end) {
        size_t size = (size_t)(end - start);
        unsigned char *to = window->bytes + (start - window->start);
        size_t got = hs_memory_read(reader->memory, start, to, size) / PAGE;
        for (size_t i = 0; i < got; i++)
            window->pages |= 1u << ((start - window->start) / PAGE + i);
        start += ((uint64_t)got + 1) * PAGE;
    }
}

static void load(struct hs_reader *reader, struct hs_reader_window *window,
                 uint64_t start)
{
    const struct hs_memory *memory = reader->memory;
    window->start = start;
    window->pages = 0;
    for (size_t i = hs_reader_range_index(reader, start); i < memory->n_ranges; i++) {
        const struct hs_memory_range *range = &memory->ranges[i];
        if (range->start >= start + WINDOW)
            return;
        uint64_t from = range->start > start ? range->start : start;
        uint64_t to = range->end < start + WINDOW ? range->end : start + WINDOW;
        if (range->flags & HS_BLOCK_READ)
            load_stretch(reader, window, from, to);
    }
}

/* The byte at `address`, and in `ret_left` how many lie in the same page from there on;
 * NULL when it cannot be read. */
static const unsigned char *find(struct hs_reader *reader, uint64_t address,
                                 size_t *ret_left)
{
    uint64_t start = address & ~(uint64_t)(WINDOW - 1);
    struct hs_reader_window *window =
        &reader->windows[(address / WINDOW) % HS_READER_WINDOWS];
    if (start > UINT64_MAX - WINDOW)
        return NULL;
    if (window->start != start)
        load(reader, window, start);
    uint64_t offset = address - start;
    if (!(window->pages >> (offset / PAGE) & 1))
        return NULL;
    *ret_left = PAGE - offset % PAGE;
    return window->bytes + offset;
}

bool hs_reader_copy(struct hs_reader *reader, uint64_t address, void *buffer, size_t size)
{
    unsigned char *to = buffer;
    while (size > 0) {
        size_t left;
        const unsigned char *from = find(reader, address, &left);
        if (!from)
            return false;
        size_t part = size < left ? size : left;
        memcpy(to, from, part);
        to += part;
        address += part;
        size -= part;
    }
    return true;
}

bool hs_reader_word(struct hs_reader *reader, uint64_t address, uint64_t *ret)
{
    size_t left;
    const unsigned char *from = address % 8 ? NULL : find(reader, address, &left);
    if (!from)
        return false;
    memcpy(ret, from, sizeof(*ret));
    return true;
}

// SPDX-License-Identifier: MIT

/*
 * The order of work: arenas, heaps, chunks, and then which of them are free after all.
 */

#include "libheapsnap/heap/glibc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct hs_chunk *hs_glibc_find_chunk(struct hs_glibc *heap, uint64_t address)
{
    size_t low = 0, high = heap->chunks.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (heap->chunks.at[middle].address < address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == heap->chunks.count || heap->chunks.at[low].address != address)
        return NULL;
    return &heap->chunks.at[low];
}

void hs_glibc_note_damage(struct hs_glibc *heap, uint64_t address)
{
    if (heap->n_damages++ == 0)
        heap->first_damage = address;
}

int hs_glibc_open(struct hs_glibc *heap, struct hs_reader *reader)
{
    memset(heap, 0, sizeof(*heap));
    heap->reader = reader;
    heap->main_arena = hs_glibc_find(heap);
    if (heap->main_arena == 0)
        return -ENODATA;
    return hs_glibc_list_arenas(heap);
}

static int by_start(const void *left, const void *right)
{
    const struct hs_glibc_run *a = left, *b = right;
    return a->start < b->start ? -1 : a->start > b->start;
}

/* A run that begins inside the one before it is a lie of one of them. */
static void sort_runs(struct hs_glibc *heap)
{
    size_t kept = 0;
    if (heap->runs.count == 0)
        return;
    qsort(heap->runs.at, heap->runs.count, sizeof(*heap->runs.at), by_start);
    for (size_t i = 0; i < heap->runs.count; i++) {
        const struct hs_glibc_run *run = &heap->runs.at[i];
        if (kept > 0 && run->start < heap->runs.at[kept - 1].end) {
            hs_glibc_note_damage(heap, run->start);
            continue;
        }
        heap->runs.at[kept++] = *run;
    }
    heap->runs.count = kept;
}

static int own_arena(struct hs_glibc *heap)
{
    struct hs_span span = {heap->main_arena, heap->main_arena + HS_ARENA_SIZE};
    return hs_array_push(&heap->owned, span) ? 0 : -ENOMEM;
}

int hs_glibc_walk(struct hs_glibc *heap)
{
    int result = own_arena(heap);
    if (result == 0)
        result = hs_glibc_list_heaps(heap);
    if (result == 0)
        result = hs_glibc_list_main_runs(heap);
    if (result < 0)
        return result;
    sort_runs(heap);
    for (size_t i = 0; i < heap->runs.count && result == 0; i++)
        result = hs_glibc_walk_run(heap, &heap->runs.at[i]);
    if (result == 0)
        result = hs_glibc_mark_lists(heap);
    if (result == 0)
        result = hs_glibc_list_mapped(heap);
    return result;
}

void hs_glibc_close(struct hs_glibc *heap)
{
    free(heap->arenas.at);
    free(heap->runs.at);
    free(heap->chunks.at);
    free(heap->mapped.at);
    free(heap->owned.at);
    free(heap->unclear.at);
    memset(heap, 0, sizeof(*heap));
}

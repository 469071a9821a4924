// SPDX-License-Identifier: MIT

/*
 * The order of work: arenas at rest, chunks, blocks, what holds them, the tables.
 *
 * A lock that is held means that somebody was stopped in the middle of a malloc; a moment
 * later he is through, so another look costs little and gives an exact answer.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libheapsnap/base/guard.h"
#include "libheapsnap/heap/making.h"

#define RETRIES 5u
#define RETRY_MS 2u

uint32_t hs_making_string(struct hs_making *making, const char *text)
{
    size_t length = strlen(text), at = making->strings.count;
    if (length == 0 || at + length >= INT32_MAX
        || !hs_array_reserve(&making->strings, at + length + 1))
        return 0;
    memcpy(making->strings.at + at, text, length + 1);
    making->strings.count += length + 1;
    return (uint32_t)at;
}

uint32_t hs_making_id(struct hs_making *making)
{
    return 2 * making->next_serial++ + 1;
}

static void deinit(struct hs_making *making)
{
    hs_making_free_index(making);
    hs_glibc_close(&making->heap);
    hs_reader_deinit(&making->reader);
    hs_section_close(&making->writer);
    free(making->strings.at);
    free(making->modules.at);
    free(making->segments.at);
    free(making->blocks);
    free(making->scan_blocks);
    free(making->threads.at);
    free(making->taken.at);
    free(making->mappings.at);
    free(making->roots.at);
    free(making->words.at);
}

/* ---- arenas at rest ---- */

static int open_heap(struct hs_making *making, struct hs_error *err)
{
    if (!hs_reader_init(&making->reader, making->memory))
        return hs_error_set(err, ENOMEM, "no memory to read a heap");
    int result = hs_allocator_refuse(&making->reader, err);
    if (result == 0)
        result = hs_glibc_open(&making->heap, &making->reader);
    if (result == -ENODATA)
        return hs_allocator_refuse_missing(&making->reader, err);
    return result == -ENOMEM ? hs_error_set(err, ENOMEM, "no memory to list arenas")
                             : result;
}

static int open_at_rest(struct hs_making *making, struct hs_error *err)
{
    int result = open_heap(making, err);
    for (unsigned i = 0; i < RETRIES && result == 0 && making->heap.n_busy > 0; i++) {
        if (making->memory->is_core)
            return 0;
        hs_glibc_close(&making->heap);
        hs_reader_deinit(&making->reader);
        result = hs_memory_resume(making->memory, RETRY_MS << i, err);
        if (result == 0)
            result = open_heap(making, err);
    }
    return result;
}

/* ---- the tables ---- */

/* 0 is unused; 1 stands for a stack that nobody knows. */
static void write_frames(struct hs_making *making)
{
    const struct hs_capture_frame frames[] = {{.module = UINT32_MAX},
                                              {.module = UINT32_MAX}};
    hs_section_write(&making->writer, &making->header.sections[HS_SECTION_FRAMES], frames,
                     2, sizeof(*frames));
}

static void write_stacks(struct hs_making *making)
{
    unsigned char page[4096];
    hs_section_begin(&making->writer);
    for (size_t i = 0; i < making->threads.count; i++) {
        const struct hs_capture_thread *thread = &making->threads.at[i];
        for (uint64_t done = 0; done < thread->stacks_size;) {
            uint64_t left = thread->stacks_size - done;
            size_t part = left < sizeof(page) ? (size_t)left : sizeof(page);
            memset(page, 0, part);
            (void)hs_memory_read(making->memory, thread->stack_start + done, page, part);
            hs_section_put(&making->writer, page, part);
            done += part;
        }
    }
    hs_section_end(&making->writer, &making->header.sections[HS_SECTION_STACKS], 1);
}

static uint64_t now(clockid_t clock)
{
    struct timespec time = {0};
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static uint32_t allocator_path(const struct hs_making *making)
{
    for (size_t i = 0; i < making->modules.count; i++)
        if (making->heap.main_arena >= making->modules.at[i].start
            && making->heap.main_arena < making->modules.at[i].end)
            return making->modules.at[i].path;
    return 0;
}

static void fill_header(struct hs_making *making, uint64_t started)
{
    const struct hs_memory *memory = making->memory;
    struct hs_capture_header *header = &making->header;
    header->magic = HS_CAPTURE_MAGIC;
    header->version = HS_ABI_VERSION;
    header->kind = HS_REQUEST_SNAPSHOT;
    header->trigger = HS_TRIGGER_REQUEST;
    header->source = memory->is_core ? HS_SOURCE_CORE : HS_SOURCE_PROCESS;
    header->busy_arenas = (uint32_t)making->heap.n_busy;
    header->pid = memory->pid;
    header->sequence = 1;
    header->time = now(CLOCK_REALTIME);
    header->scan_ns = now(CLOCK_MONOTONIC) - started;
    header->fork_ns = memory->fork_ns;
    header->pause_ns = memory->pause_ns;
    if (header->pause_ns == 0 && memory->stopped_ns != 0)
        header->pause_ns = now(CLOCK_MONOTONIC) - memory->stopped_ns;
    header->strings_command = hs_making_string(making, memory->command);
    header->strings_executable = hs_making_string(making, memory->executable);
    header->strings_allocator = allocator_path(making);
}

#define WRITE(making, section, array)                                        \
    hs_section_write(&(making)->writer, &(making)->header.sections[section], \
                     (making)->array.at, (making)->array.count,              \
                     sizeof(*(making)->array.at))

static int write_tables(struct hs_making *making, uint64_t started,
                        struct hs_capture *ret, struct hs_error *err)
{
    fill_header(making, started);
    uint64_t epoch = making->header.time;
    write_frames(making);
    WRITE(making, HS_SECTION_MODULES, modules);
    hs_section_write(&making->writer, &making->header.sections[HS_SECTION_BLOCKS],
                     making->blocks, making->n_blocks, sizeof(*making->blocks));
    WRITE(making, HS_SECTION_THREADS, threads);
    write_stacks(making);
    hs_section_write(&making->writer, &making->header.sections[HS_SECTION_EPOCHS], &epoch,
                     1, sizeof(epoch));
    WRITE(making, HS_SECTION_WORDS, words);
    WRITE(making, HS_SECTION_STRINGS, strings);
    return hs_section_finish(&making->writer, &making->header, ret, err);
}

static void fill_report(const struct hs_making *making, struct hs_heap_report *ret)
{
    const struct hs_glibc *heap = &making->heap;
    struct hs_heap_report report = {
        .n_arenas = heap->arenas.count,
        .n_busy = heap->n_busy,
        .n_cached = heap->n_cached,
        .n_mapped = heap->mapped.count,
        .n_damages = heap->n_damages,
        .first_damage = heap->first_damage,
    };
    for (size_t i = 0; i < heap->unclear.count; i++)
        report.unclear_bytes += heap->unclear.at[i].end - heap->unclear.at[i].start;
    *ret = report;
}

static int make(struct hs_making *making, struct hs_error *err)
{
    static int (*const stages[])(struct hs_making *) = {
        hs_making_modules, hs_making_mappings, hs_making_blocks,
        hs_making_threads, hs_making_roots,    hs_making_edges,
    };
    int result = hs_array_push(&making->strings, '\0') ? 0 : -ENOMEM;
    if (result == 0)
        result = hs_glibc_walk(&making->heap);
    for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]) && result == 0; i++)
        result = stages[i](making);
    if (result < 0)
        return hs_error_set(err, -result, "cannot make a capture of %zu blocks: %s",
                            making->n_blocks, strerror(-result));
    return 0;
}

int hs_heap_capture(struct hs_memory *memory, struct hs_capture *ret,
                    struct hs_heap_report *report, struct hs_error *err)
{
    struct hs_making *making = calloc(1, sizeof(*making));
    if (!making)
        return hs_error_set(err, ENOMEM, "no memory to walk a heap");
    making->memory = memory;
    making->next_serial = HS_FIRST_SERIAL;
    int result = hs_section_open(&making->writer);
    if (result < 0)
        hs_error_set(err, -result, "cannot begin a capture: %s", strerror(-result));
    uint64_t started = now(CLOCK_MONOTONIC);
    if (result == 0)
        result = open_at_rest(making, err);
    if (result == 0)
        result = make(making, err);
    if (result == 0 && !hs_memory_is_whole(memory))
        result =
            hs_error_set(err, ESTALE, "the image of process %d ended before it was read",
                         (int)memory->pid);
    if (result == 0)
        result = write_tables(making, started, ret, err);
    if (result == 0 && report)
        fill_report(making, report);
    deinit(making);
    free(making);
    return result;
}

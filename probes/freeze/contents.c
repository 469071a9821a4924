// SPDX-License-Identifier: MIT

/*
 * What the blocks hold: who points to whom, which words point into modules, what is text.
 *
 * The blocks are cut into chunks, and the image's threads take one after the other. What
 * was found in a chunk is written in the order of the chunks, so that nobody can tell by
 * how many threads it was found.
 *
 * A block is text only if nothing in it is a pointer, and that is known when it has been
 * scanned: the table of the blocks, with their flags, is written last.
 */

#include <errno.h>
#include <linux/futex.h>
#include <string.h>

#include "libheapsnap/scan/content.h"
#include "libheapsnap/scan/shape.h"
#include "probes/freeze/freeze.h"
#include "probes/freeze/image.h"
#include "probes/freeze/reader.h"
#include "probes/freeze/workers.h"
#include "probes/tracker/options.h"
#include "probes/tracker/raw.h"

#define CHUNK 4096u /* blocks */
#define SAME_TARGET_MAX 4
#define RECENT 4096       /* targets remembered for that limit; a power of two */
#define FEW_BLOCKS 65536u /* not worth a second thread */
#define LOOK_UP 64u       /* chunks: now and then see whether anybody waits for us */

struct recent {
    uint32_t from, to;
    uint32_t count;
};

struct worker {
    struct hs_reader reader;
    struct hs_vector edges; /* of the chunk: struct hs_capture_edge */
    struct hs_vector words; /* struct hs_capture_word */
    struct recent *recent;
    bool is_full; /* no memory */
};

/* What all threads share. */
static struct {
    struct hs_content_modules modules;
    uint32_t next_chunk, n_chunks;
    uint32_t turn; /* the chunk that may be written now; a futex */
    int32_t err;
    uint64_t offset; /* of its edges in the capture */
    struct hs_vector words;
    struct worker workers[HS_WORKERS_MAX];
} shared;

static struct hs_capture_block *blocks_of_image(void)
{
    return (struct hs_capture_block *)(void *)hs_image.blocks.items;
}

static bool on_hit(const struct hs_scan_hit *found, void *context)
{
    struct worker *worker = context;
    struct hs_capture_block *source = blocks_of_image() + found->source;
    if (source->flags & HS_BLOCK_TEXT)
        source->flags &= ~HS_BLOCK_TEXT;
    if (found->block == found->source)
        return true;
    struct recent *same =
        &worker->recent[(found->block * 2654435761u >> 16) & (RECENT - 1)];
    if (same->from != found->source || same->to != found->block || same->count == 0)
        *same = (struct recent){found->source, found->block, 0};
    if (same->count == SAME_TARGET_MAX)
        return true;
    same->count++;
    struct hs_capture_edge *edge = hs_vector_push(&worker->edges, 1);
    if (!edge) {
        worker->is_full = true;
        return false;
    }
    uint64_t word = (found->slot - source->address) / 8;
    *edge =
        (struct hs_capture_edge){.from = found->source,
                                 .to = found->block,
                                 .word = word < UINT32_MAX ? (uint32_t)word : UINT32_MAX,
                                 .inside = found->inside};
    return true;
}

/* ---- one block ---- */

struct look {
    struct worker *worker;
    uint32_t number;
    const uint64_t *memory;
    uint64_t size;
    uint64_t skip; /* bytes that need no look-up */
};

static void note_words(struct look *look, uint32_t found)
{
    for (; found; found &= found - 1) {
        uint32_t word = (uint32_t)__builtin_ctz(found);
        struct hs_capture_word *copy = hs_vector_push(&look->worker->words, 1);
        if (!copy) {
            look->worker->is_full = true;
            return;
        }
        *copy = (struct hs_capture_word){look->number, word, look->memory[word]};
    }
}

static void look_inside(void *context)
{
    struct look *look = context;
    struct hs_capture_block *block = blocks_of_image() + look->number;
    uint64_t text = 0, end = 0;
    if (!(block->flags & HS_BLOCK_MAPPING)) {
        text = hs_content_text(look->memory, look->size);
        block->flags |= hs_shape_of(look->memory, look->size) * HS_BLOCK_COUNTED;
    }
    if (text)
        end = hs_content_text_end(text);
    uint32_t words = hs_content_module_words(&shared.modules, look->memory, look->size);
    if (text)
        words &= end < 8 * HS_CONTENT_WORDS ? UINT32_MAX << (end / 8) : 0;
    if (words)
        note_words(look, words);
    else if (text)
        block->flags |= HS_BLOCK_TEXT;
    look->skip = end;
}

/* Where the scan for pointers begins. */
static uint64_t look(struct worker *worker, uint32_t number, uint64_t from, uint64_t to)
{
    struct look look = {.worker = worker,
                        .number = number,
                        .memory = (const uint64_t *)(uintptr_t)from,
                        .size = to - from};
    uint64_t fault;
    if (!hs_fault_guard(look_inside, &look, &fault))
        return from;
    return look.skip < to - from ? from + look.skip : to;
}

/* The readable, private parts of a block; of a mapping only what can be written. */
static bool scan_block(struct worker *worker, uint32_t number,
                       const struct hs_range **range, const struct hs_range *last)
{
    const struct hs_capture_block *block = blocks_of_image() + number;
    uint32_t needed =
        HS_BLOCK_READ | (block->flags & HS_BLOCK_MAPPING ? HS_BLOCK_WRITE : 0);
    uint64_t at = block->address, end = block->address + block->size;

    while (*range < last && (*range)->end <= at)
        ++*range;
    for (const struct hs_range *next = *range; next < last && next->start < end; next++) {
        uint64_t from = next->start > at ? next->start : at;
        uint64_t to = next->end < end ? next->end : end;
        if ((next->flags & needed) != needed || next->flags & HS_BLOCK_SHARED) {
            if (next->flags & HS_BLOCK_READ)
                worker->reader.unscanned_bytes += to - from;
            continue;
        }
        uint64_t begin = from == at ? look(worker, number, from, to) : from;
        if (!hs_reader_scan(&worker->reader, begin, to, number))
            return false;
    }
    return true;
}

/* ---- one chunk ---- */

static bool scan_chunk(struct worker *worker, uint32_t chunk)
{
    const struct hs_capture_block *blocks = blocks_of_image();
    const struct hs_range *last = (const void *)hs_image.maps.ranges.items;
    last += hs_image.maps.ranges.count;
    uint64_t first = (uint64_t)chunk * CHUNK, end = first + CHUNK;
    if (end > hs_image.blocks.count)
        end = hs_image.blocks.count;
    const struct hs_range *range = hs_maps_find(&hs_image.maps, blocks[first].address);

    worker->edges.count = worker->words.count = 0;
    for (uint64_t i = first; range && i < end; i++)
        if (!scan_block(worker, (uint32_t)i, &range, last))
            return false;
    return hs_reader_finish(&worker->reader);
}

static void await_turn(uint32_t chunk)
{
    uint32_t turn;
    while ((turn = __atomic_load_n(&shared.turn, __ATOMIC_ACQUIRE)) != chunk)
        hs_raw(SYS_futex, &shared.turn, FUTEX_WAIT, turn, 0, 0, 0);
}

static void note_error(int err)
{
    int32_t none = 0;
    if (err < 0)
        __atomic_compare_exchange_n(&shared.err, &none, err, false, __ATOMIC_RELAXED,
                                    __ATOMIC_RELAXED);
}

/* Only the place is taken in turn; all may write at once. */
static void write_chunk(struct worker *worker, uint32_t chunk)
{
    uint64_t size = worker->edges.count * sizeof(struct hs_capture_edge);
    await_turn(chunk);
    uint64_t offset = shared.offset;
    shared.offset += size;
    void *words =
        worker->words.count ? hs_vector_push(&shared.words, worker->words.count) : NULL;
    if (words)
        memcpy(words, worker->words.items,
               worker->words.count * sizeof(struct hs_capture_word));
    else if (worker->words.count)
        note_error(-ENOMEM);
    __atomic_store_n(&shared.turn, chunk + 1, __ATOMIC_RELEASE);
    hs_raw(SYS_futex, &shared.turn, FUTEX_WAKE, HS_WORKERS_MAX, 0, 0, 0);
    note_error(hs_write_whole(hs_image.writer.fd, worker->edges.items, size, offset));
}

static bool is_abandoned(uint32_t chunk)
{
    return chunk % LOOK_UP == LOOK_UP - 1 && hs_job.taker_pid > 0
           && hs_process_is_dead(hs_job.taker_pid);
}

static void work(void *context, uint32_t number)
{
    struct worker *worker = &shared.workers[number];
    (void)context;
    for (;;) {
        uint32_t chunk = __atomic_fetch_add(&shared.next_chunk, 1, __ATOMIC_RELAXED);
        if (chunk >= shared.n_chunks)
            return;
        if (__atomic_load_n(&shared.err, __ATOMIC_RELAXED) == 0
            && !scan_chunk(worker, chunk))
            note_error(worker->is_full ? -ENOMEM : -EFAULT);
        write_chunk(worker, chunk);
        if (is_abandoned(chunk))
            note_error(-ESRCH);
    }
}

/* ---- all of them ---- */

static bool prepare_worker(struct worker *worker)
{
    memset(worker, 0, sizeof(*worker));
    worker->edges.size = sizeof(struct hs_capture_edge);
    worker->words.size = sizeof(struct hs_capture_word);
    worker->recent = hs_scratch_map(RECENT * sizeof(*worker->recent));
    hs_reader_init(&worker->reader, on_hit, worker);
    return worker->recent != NULL;
}

/* The loaded modules in order of address. */
static int list_modules(void)
{
    const struct hs_capture_module *modules = (const void *)hs_image.modules.items;
    size_t count = 0;
    struct hs_content_range *ranges =
        hs_scratch_map((hs_image.modules.count + 1) * sizeof(*ranges));
    if (!ranges)
        return -ENOMEM;
    for (uint64_t i = 0; i < hs_image.modules.count; i++) {
        if (modules[i].flags & HS_MODULE_UNLOADED)
            continue;
        size_t at = count++;
        for (; at > 0 && ranges[at - 1].start > modules[i].start; at--)
            ranges[at] = ranges[at - 1];
        ranges[at] = (struct hs_content_range){modules[i].start, modules[i].end};
    }
    hs_content_modules_init(&shared.modules, ranges, count);
    return 0;
}

static int write_edges(void)
{
    struct hs_writer *writer = &hs_image.writer;
    uint32_t n_workers = hs_image.blocks.count < FEW_BLOCKS ? 1 : hs_workers_useful();

    hs_writer_begin(writer);
    hs_writer_flush(writer);
    shared.offset = writer->offset;
    shared.next_chunk = shared.turn = 0;
    shared.n_chunks = (uint32_t)((hs_image.blocks.count + CHUNK - 1) / CHUNK);
    for (uint32_t i = 0; i < n_workers; i++)
        if (!prepare_worker(&shared.workers[i]))
            return -ENOMEM;
    hs_workers_run(n_workers, work, NULL);
    for (uint32_t i = 0; i < n_workers; i++) {
        hs_image.scanned_bytes += shared.workers[i].reader.scanned_bytes;
        hs_image.unscanned_bytes += shared.workers[i].reader.unscanned_bytes;
    }
    writer->offset = shared.offset;
    hs_writer_end(writer, &hs_image.header.sections[HS_SECTION_EDGES],
                  sizeof(struct hs_capture_edge));
    return shared.err;
}

static void write_table(enum hs_section section, const struct hs_vector *table,
                        size_t size)
{
    hs_writer_begin(&hs_image.writer);
    hs_writer_put(&hs_image.writer, table->items, table->count * size);
    hs_writer_end(&hs_image.writer, &hs_image.header.sections[section], size);
}

/* ---- the beginnings of texts ---- */

struct preview {
    const struct hs_capture_block *block;
    struct hs_capture_text text;
};

static void copy_text(void *context)
{
    struct preview *preview = context;
    const char *from = (const char *)(uintptr_t)preview->block->address;
    uint64_t limit = sizeof(preview->text.text);
    if (preview->block->size < limit)
        limit = preview->block->size;
    while (preview->text.length < limit && from[preview->text.length]) {
        preview->text.text[preview->text.length] = from[preview->text.length];
        preview->text.length++;
    }
}

/* A character that the limit has cut is left out. */
static void cut_character(struct hs_capture_text *text)
{
    if (text->length < sizeof(text->text))
        return;
    uint8_t at = text->length;
    while (at > 0 && (text->text[at - 1] & 0xc0) == 0x80)
        at--;
    uint8_t lead = at > 0 ? (uint8_t)text->text[at - 1] : 0;
    unsigned length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    if (at > 0 && at - 1u + length > text->length)
        text->length = (uint8_t)(at - 1);
    memset(text->text + text->length, 0, sizeof(text->text) - text->length);
}

static void write_texts(void)
{
    const struct hs_capture_block *blocks = blocks_of_image();
    uint64_t fault;
    hs_writer_begin(&hs_image.writer);
    for (uint64_t i = 0; hs_options.with_strings && i < hs_image.blocks.count; i++) {
        struct preview preview = {.block = &blocks[i], .text.block = (uint32_t)i};
        if (!(blocks[i].flags & HS_BLOCK_TEXT)
            || !hs_fault_guard(copy_text, &preview, &fault))
            continue;
        cut_character(&preview.text);
        hs_writer_put(&hs_image.writer, &preview.text, sizeof(preview.text));
    }
    hs_writer_end(&hs_image.writer, &hs_image.header.sections[HS_SECTION_TEXTS],
                  sizeof(struct hs_capture_text));
}

int hs_contents_write(void)
{
    memset(&shared, 0, sizeof(shared));
    shared.words.size = sizeof(struct hs_capture_word);
    int err = list_modules();
    if (err == 0)
        err = write_edges();
    if (err < 0)
        return err;
    write_table(HS_SECTION_WORDS, &shared.words, sizeof(struct hs_capture_word));
    write_table(HS_SECTION_BLOCKS, &hs_image.blocks, sizeof(struct hs_capture_block));
    write_texts();
    return hs_image.writer.error;
}

// SPDX-License-Identifier: MIT

/*
 * Who points to whom: every word of the roots and of the blocks is looked up, with the
 * shim's own scanner. Memory comes a megabyte at a time; blocks lie in address order, so
 * one reading serves thousands. Pages never touched are not asked for.
 */

#include <errno.h>
#include <string.h>

#include "libheapsnap/heap/making.h"
#include "libheapsnap/scan/content.h"

#define PAGE 4096ull
#define BUFFER (1u << 20)
#define SAME_TARGET_MAX 4u
#define RECENT 4096u /* targets remembered for that limit; a power of two */

struct recent {
    uint32_t from, to, count;
};

struct edges {
    struct hs_making *making;
    struct hs_scanner scanner;
    unsigned char *buffer; /* page-aligned */
    uint64_t start, end;   /* what is in it */
    struct hs_content_modules modules;
    struct hs_content_range *ranges;
    struct recent *recent;
};

/*
 * Memory from `at` on, `wanted` bytes (at most BUFFER / 2) if they are there: in `ret_size`
 * how many are. NULL: the page is missing. Valid until the next call.
 */
static const unsigned char *look(struct edges *edges, uint64_t at, uint64_t wanted,
                                 size_t *ret_size)
{
    if (at < edges->start || at >= edges->end
        || (wanted > edges->end - at && edges->end - edges->start == BUFFER)) {
        edges->start = at & ~(PAGE - 1);
        edges->end =
            edges->start
            + hs_memory_read(edges->making->memory, edges->start, edges->buffer, BUFFER);
        if (edges->end <= at)
            return NULL;
    }
    *ret_size = (size_t)(edges->end - at);
    return edges->buffer + (at - edges->start);
}

static bool scan_stretch(struct edges *edges, uint64_t at, uint64_t end, uint32_t source)
{
    while (at < end) {
        size_t size;
        const unsigned char *bytes = look(edges, at, 1, &size);
        if (!bytes) {
            uint64_t next = (at & ~(PAGE - 1)) + PAGE;
            next = next < end ? next : end;
            edges->making->header.unscanned_bytes += next - at;
            at = next;
            continue;
        }
        if (size > end - at)
            size = (size_t)(end - at);
        if (!hs_scanner_feed(&edges->scanner, bytes, size, at, source))
            return false;
        edges->making->header.scanned_bytes += size;
        at += size;
    }
    return true;
}

static bool scan(struct edges *edges, uint64_t at, uint64_t end, uint32_t source)
{
    uint64_t from, to;
    if (end - at < BUFFER)
        return scan_stretch(edges, at, end, source);
    while (at < end && hs_memory_present(edges->making->memory, at, end, &from, &to)) {
        if (to <= at || from >= end)
            return true;
        from = from > at ? from : at;
        to = to < end ? to : end;
        if (!scan_stretch(edges, from, to, source))
            return false;
        at = to;
    }
    return true;
}

/* ---- roots ---- */

static bool on_root_hit(const struct hs_scan_hit *found, void *context)
{
    struct hs_making *making = context;
    struct hs_capture_root_edge edge = {.address = found->slot,
                                        .root = found->source,
                                        .to = found->block,
                                        .inside = found->inside};
    hs_section_put(&making->writer, &edge, sizeof(edge));
    return !making->writer.error;
}

static void write_roots(struct hs_making *making)
{
    hs_section_begin(&making->writer);
    for (size_t i = 0; i < making->roots.count; i++) {
        const struct hs_making_root *from = &making->roots.at[i];
        struct hs_capture_root root = {.start = from->start,
                                       .end = from->end,
                                       .kind = from->kind,
                                       .owner = from->owner};
        hs_section_put(&making->writer, &root, sizeof(root));
    }
    hs_section_end(&making->writer, &making->header.sections[HS_SECTION_ROOTS],
                   sizeof(struct hs_capture_root));
}

static bool scan_roots(struct edges *edges)
{
    struct hs_making *making = edges->making;
    bool fine = true;
    edges->scanner = (struct hs_scanner){
        .index = making->index, .hit = on_root_hit, .context = making};
    hs_section_begin(&making->writer);
    for (size_t i = 0; i < making->roots.count && fine; i++) {
        const struct hs_making_root *root = &making->roots.at[i];
        fine = root->memory ? hs_scanner_feed(&edges->scanner, root->memory,
                                              (size_t)(root->end - root->start),
                                              root->start, (uint32_t)i)
                            : scan(edges, root->start, root->end, (uint32_t)i);
    }
    fine = fine && hs_scanner_finish(&edges->scanner);
    hs_section_end(&making->writer, &making->header.sections[HS_SECTION_ROOT_EDGES],
                   sizeof(struct hs_capture_root_edge));
    return fine;
}

/* ---- blocks ---- */

static bool on_block_hit(const struct hs_scan_hit *found, void *context)
{
    struct edges *edges = context;
    struct hs_making *making = edges->making;
    struct hs_capture_block *from = &making->blocks[found->source];
    from->flags &= ~HS_BLOCK_TEXT;
    if (found->block == found->source)
        return true;
    struct recent *same =
        &edges->recent[(found->block * 2654435761u >> 16) & (RECENT - 1)];
    if (same->from != found->source || same->to != found->block || same->count == 0)
        *same = (struct recent){found->source, found->block, 0};
    if (same->count == SAME_TARGET_MAX)
        return true;
    same->count++;
    uint64_t word = (found->slot - from->address) / 8;
    struct hs_capture_edge edge = {.from = found->source,
                                   .to = found->block,
                                   .word =
                                       word < UINT32_MAX ? (uint32_t)word : UINT32_MAX,
                                   .inside = found->inside};
    hs_section_put(&making->writer, &edge, sizeof(edge));
    return !making->writer.error;
}

static bool keep_words(struct edges *edges, uint32_t block, const unsigned char *bytes,
                       size_t size)
{
    uint32_t mask = hs_content_module_words(&edges->modules, bytes, size);
    while (mask) {
        struct hs_capture_word word = {.block = block,
                                       .word = (uint32_t)__builtin_ctz(mask)};
        memcpy(&word.value, bytes + word.word * 8, 8);
        if (!hs_array_push(&edges->making->words, word))
            return false;
        mask &= mask - 1;
    }
    return true;
}

/* Text holds no pointers, so what has been seen to be text is not scanned. */
static bool scan_block(struct edges *edges, uint32_t number)
{
    struct hs_capture_block *block = &edges->making->blocks[number];
    uint64_t at = block->address, end = block->address + block->size;
    uint64_t wanted =
        block->size < HS_CONTENT_TEXT_LIMIT ? block->size : HS_CONTENT_TEXT_LIMIT;
    if (block->flags & HS_BLOCK_MAPPING)
        return scan(edges, at, end, number);
    size_t size;
    const unsigned char *bytes = look(edges, at, wanted, &size);
    if (bytes && size >= wanted) {
        size_t length = hs_content_text(bytes, block->size);
        if (length > 0)
            block->flags |= HS_BLOCK_TEXT;
        else if (!keep_words(edges, number, bytes, (size_t)wanted))
            return false;
        size_t skipped = hs_content_text_end(length);
        at += skipped < block->size ? skipped : block->size;
    }
    return scan(edges, at, end, number);
}

static bool scan_blocks(struct edges *edges)
{
    struct hs_making *making = edges->making;
    bool fine = true;
    edges->scanner = (struct hs_scanner){
        .index = making->index, .hit = on_block_hit, .context = edges};
    hs_section_begin(&making->writer);
    for (size_t i = 0; i < making->n_blocks && fine; i++)
        fine = scan_block(edges, (uint32_t)i);
    fine = fine && hs_scanner_finish(&edges->scanner);
    hs_section_end(&making->writer, &making->header.sections[HS_SECTION_EDGES],
                   sizeof(struct hs_capture_edge));
    return fine;
}

/* ---- all ---- */

static bool init(struct edges *edges, struct hs_making *making)
{
    size_t count = making->modules.count;
    *edges = (struct edges){.making = making};
    edges->buffer = aligned_alloc(PAGE, BUFFER);
    edges->recent = calloc(RECENT, sizeof(*edges->recent));
    edges->ranges = calloc(count + 1, sizeof(*edges->ranges));
    if (!edges->buffer || !edges->recent || !edges->ranges)
        return false;
    for (size_t i = 0; i < count; i++)
        edges->ranges[i] = (struct hs_content_range){making->modules.at[i].start,
                                                     making->modules.at[i].end};
    hs_content_modules_init(&edges->modules, edges->ranges, count);
    return true;
}

int hs_making_edges(struct hs_making *making)
{
    struct edges edges;
    int err = -ENOMEM;
    if (init(&edges, making)) {
        write_roots(making);
        if (scan_roots(&edges) && scan_blocks(&edges))
            err = 0;
        if (making->writer.error)
            err = making->writer.error;
    }
    free(edges.buffer);
    free(edges.recent);
    free(edges.ranges);
    return err;
}

// SPDX-License-Identifier: MIT

/*
 * Who points to whom: every word of the roots and of the blocks is looked up.
 *
 * Pages that were never touched hold nothing and are not read (a read would make the
 * kernel map a page for each), so a reservation of 100 GB costs no more than its entries
 * in the page tables.
 */

#include <errno.h>
#include <fcntl.h>

#include "probes/freeze/image.h"
#include "probes/tracker/raw.h"

#define PAGE 4096ull
#define BIG (1u << 20) /* from here on untouched pages are asked for */
#define SAME_TARGET_MAX 4
#define RECENT 4096 /* targets remembered for that limit; a power of two */

/* ioctl PAGEMAP_SCAN of Linux 6.7; older headers do not have it. */
#define SCAN_REQUEST 0xc0606610ul
#define PAGE_IS_PRESENT_BIT (1u << 3)
#define PAGE_IS_SWAPPED_BIT (1u << 4)
struct page_region {
    uint64_t start, end, categories;
};
struct page_scan {
    uint64_t size, flags, start, end, walk_end, vector, vector_length, max_pages;
    uint64_t inverted, mask, any_of_mask, return_mask;
};

/* Work for the fault guard: kept in memory so that it can go on behind a bad page. */
struct work {
    struct hs_scanner *scanner;
    const char *volatile at;
    const char *volatile end;
    uint64_t address; /* of `at` */
    uint32_t source;
    bool failed;
};

static int pagemap_fd;

static void feed(void *context)
{
    struct work *work = context;
    if (!hs_scanner_feed(work->scanner, work->at, (size_t)(work->end - work->at),
                         work->address, work->source))
        work->failed = true;
    work->at = work->end;
}

static bool scan_stretch(struct hs_scanner *scanner, const void *memory, uint64_t size,
                         uint64_t address, uint32_t source)
{
    struct work work = {.scanner = scanner,
                        .at = memory,
                        .end = (const char *)memory + size,
                        .address = address,
                        .source = source};
    uint64_t fault;

    hs_image.scanned_bytes += size;
    while (work.at < work.end && !hs_fault_guard(feed, &work, &fault)) {
        const char *next = (const char *)(uintptr_t)((fault & ~(PAGE - 1)) + PAGE);
        if (next <= work.at || fault >= (uint64_t)(uintptr_t)work.end)
            return false;
        hs_image.unscanned_bytes += PAGE;
        if (next > work.end)
            next = work.end;
        work.address += (uint64_t)(next - work.at);
        work.at = next;
    }
    return !work.failed;
}

/* Present stretches of [start, end) by the ioctl; false where the kernel has none. */
static bool scan_regions(struct hs_scanner *scanner, uint64_t start, uint64_t end,
                         uint32_t source, bool *ret_fine)
{
    static struct page_region regions[1024];
    for (uint64_t at = start; at < end;) {
        struct page_scan scan = {
            .size = sizeof(scan),
            .start = at,
            .end = end,
            .vector = (uint64_t)(uintptr_t)regions,
            .vector_length = 1024,
            .any_of_mask = PAGE_IS_PRESENT_BIT | PAGE_IS_SWAPPED_BIT,
            .return_mask = PAGE_IS_PRESENT_BIT | PAGE_IS_SWAPPED_BIT,
        };
        long count = hs_raw(SYS_ioctl, pagemap_fd, SCAN_REQUEST, &scan);
        if (count < 0)
            return false;
        for (long i = 0; i < count && *ret_fine; i++)
            *ret_fine =
                scan_stretch(scanner, (const void *)(uintptr_t)regions[i].start,
                             regions[i].end - regions[i].start, regions[i].start, source);
        if (scan.walk_end <= at)
            return false;
        at = scan.walk_end;
    }
    return true;
}

/* The same by reading the page table entries. */
static bool scan_entries(struct hs_scanner *scanner, uint64_t start, uint64_t end,
                         uint32_t source)
{
    static uint64_t pages[4096];
    bool fine = true;
    while (start < end && fine) {
        uint64_t count = (end - start) / PAGE;
        if (count > 4096)
            count = 4096;
        long got = hs_raw(SYS_pread64, pagemap_fd, pages, count * 8, start / PAGE * 8);
        if (got < 8)
            return scan_stretch(scanner, (const void *)(uintptr_t)start, end - start,
                                start, source);
        count = (uint64_t)got / 8;
        for (uint64_t i = 0; i < count && fine;) {
            uint64_t run = i;
            while (run < count && pages[run] >> 62)
                run++;
            if (run > i)
                fine = scan_stretch(scanner, (const void *)(uintptr_t)(start + i * PAGE),
                                    (run - i) * PAGE, start + i * PAGE, source);
            i = run > i ? run : i + 1;
        }
        start += count * PAGE;
    }
    return fine;
}

static bool scan(struct hs_scanner *scanner, uint64_t start, uint64_t end,
                 uint32_t source)
{
    uint64_t first = (start + PAGE - 1) & ~(PAGE - 1), last = end & ~(PAGE - 1);
    if (end - start < BIG || pagemap_fd < 0)
        return scan_stretch(scanner, (const void *)(uintptr_t)start, end - start, start,
                            source);
    bool fine = start == first
                || scan_stretch(scanner, (const void *)(uintptr_t)start, first - start,
                                start, source);
    if (fine && !scan_regions(scanner, first, last, source, &fine))
        fine = scan_entries(scanner, first, last, source);
    return fine
           && (last == end
               || scan_stretch(scanner, (const void *)(uintptr_t)last, end - last, last,
                               source));
}

/* ---- roots ---- */

/*
 * glibc's bins, and its record of the free memory at the end, point 16 bytes before the
 * next chunk's user memory: inside the block before it where that one uses its last word,
 * one past its end where its size is a multiple of 16. Nobody holds it by that.
 */
static bool is_chunk_link(const struct hs_root_range *root,
                          const struct hs_scan_hit *found)
{
    const struct hs_scan_block *blocks = (const void *)hs_image.scan_blocks.items;
    uint64_t size = blocks[found->block].size;
    if (!root->of_allocator || found->inside == 0)
        return false;
    if (found->inside == HS_SCAN_PAST_END)
        return (size & 15) == 0;
    return (found->inside & 15) == 0 && size - found->inside <= 8;
}

static bool on_root_hit(const struct hs_scan_hit *found, void *context)
{
    const struct hs_root_range *roots = (const void *)hs_image.roots.items;
    (void)context;
    if (is_chunk_link(&roots[found->source], found))
        return true;
    struct hs_capture_root_edge edge = {.address = found->slot,
                                        .root = found->source,
                                        .to = found->block,
                                        .inside = found->inside};
    hs_writer_put(&hs_image.writer, &edge, sizeof(edge));
    return !hs_image.writer.error;
}

static int write_roots(void)
{
    const struct hs_root_range *roots = (const void *)hs_image.roots.items;
    struct hs_scanner scanner = {.index = hs_image.index, .hit = on_root_hit};

    hs_writer_begin(&hs_image.writer);
    for (uint64_t i = 0; i < hs_image.roots.count; i++) {
        struct hs_capture_root root = {.start = roots[i].start,
                                       .end = roots[i].end,
                                       .kind = roots[i].kind,
                                       .owner = roots[i].owner};
        hs_writer_put(&hs_image.writer, &root, sizeof(root));
    }
    hs_writer_end(&hs_image.writer, &hs_image.header.sections[HS_SECTION_ROOTS],
                  sizeof(struct hs_capture_root));

    bool fine = true;
    hs_writer_begin(&hs_image.writer);
    for (uint64_t i = 0; i < hs_image.roots.count && fine; i++) {
        uint64_t size = roots[i].end - roots[i].start;
        if (roots[i].memory)
            fine = scan_stretch(&scanner, roots[i].memory, size, roots[i].start,
                                (uint32_t)i);
        else
            fine = scan(&scanner, roots[i].start, roots[i].end, (uint32_t)i);
    }
    fine = hs_scanner_finish(&scanner) && fine;
    hs_writer_end(&hs_image.writer, &hs_image.header.sections[HS_SECTION_ROOT_EDGES],
                  sizeof(struct hs_capture_root_edge));
    return fine ? 0 : hs_image.writer.error ? hs_image.writer.error : -EFAULT;
}

/* ---- blocks ---- */

static struct recent {
    uint32_t from, to;
    uint32_t count;
} recent[RECENT];

static bool on_block_hit(const struct hs_scan_hit *found, void *context)
{
    const struct hs_scan_block *blocks = (const void *)hs_image.scan_blocks.items;
    (void)context;
    if (found->block == found->source)
        return true;
    struct recent *same = &recent[(found->block * 2654435761u >> 16) & (RECENT - 1)];
    if (same->from != found->source || same->to != found->block || same->count == 0)
        *same = (struct recent){found->source, found->block, 0};
    if (same->count == SAME_TARGET_MAX)
        return true;
    same->count++;
    uint64_t word = (found->slot - blocks[found->source].start) / 8;
    struct hs_capture_edge edge = {.from = found->source,
                                   .to = found->block,
                                   .word =
                                       word < UINT32_MAX ? (uint32_t)word : UINT32_MAX,
                                   .inside = found->inside};
    hs_writer_put(&hs_image.writer, &edge, sizeof(edge));
    return !hs_image.writer.error;
}

/* The readable, private parts of a block; of a mapping only what can be written. */
static bool scan_block(struct hs_scanner *scanner, uint32_t number,
                       const struct hs_range **range, const struct hs_range *last)
{
    const struct hs_capture_block *block =
        (const struct hs_capture_block *)(const void *)hs_image.blocks.items + number;
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
                hs_image.unscanned_bytes += to - from;
            continue;
        }
        if (!scan(scanner, from, to, number))
            return false;
    }
    return true;
}

static int write_edges(void)
{
    struct hs_scanner scanner = {.index = hs_image.index, .hit = on_block_hit};
    const struct hs_range *range = (const void *)hs_image.maps.ranges.items;
    const struct hs_range *last = range + hs_image.maps.ranges.count;
    bool fine = true;

    hs_writer_begin(&hs_image.writer);
    for (uint64_t i = 0; i < hs_image.blocks.count && fine; i++)
        fine = scan_block(&scanner, (uint32_t)i, &range, last);
    fine = fine && hs_scanner_finish(&scanner);
    hs_writer_end(&hs_image.writer, &hs_image.header.sections[HS_SECTION_EDGES],
                  sizeof(struct hs_capture_edge));
    return fine ? 0 : hs_image.writer.error ? hs_image.writer.error : -EFAULT;
}

int hs_graph_write(void)
{
    pagemap_fd =
        (int)hs_raw(SYS_openat, AT_FDCWD, "/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    int err = write_roots();
    if (err == 0)
        err = write_edges();
    if (pagemap_fd >= 0)
        hs_raw(SYS_close, pagemap_fd);
    return err;
}

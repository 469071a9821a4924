// SPDX-License-Identifier: MIT

/*
 * Pages that were never touched hold nothing and are not read (a read would make the
 * kernel map a page for each), so a reservation of 100 GB costs no more than its entries
 * in the page tables.
 */

#include "probes/freeze/reader.h"

#include <fcntl.h>

#include "probes/freeze/image.h"
#include "probes/tracker/raw.h"

#define PAGE 4096ull
#define BIG (1u << 20) /* from here on untouched pages are asked for */
#define SCRATCH_SIZE 32768u

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

static int pagemap_fd = -1;

void hs_reader_open_pages(void)
{
    pagemap_fd =
        (int)hs_raw(SYS_openat, AT_FDCWD, "/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
}

void hs_reader_close_pages(void)
{
    if (pagemap_fd >= 0)
        hs_raw(SYS_close, pagemap_fd);
    pagemap_fd = -1;
}

void hs_reader_init(struct hs_reader *reader,
                    bool (*hit)(const struct hs_scan_hit *found, void *context),
                    void *context)
{
    reader->scanner.index = hs_image.index;
    reader->scanner.hit = hit;
    reader->scanner.context = context;
    reader->scanner.count = 0;
    reader->scanned_bytes = reader->unscanned_bytes = 0;
    reader->scratch = hs_scratch_map(SCRATCH_SIZE);
}

static void feed(void *context)
{
    struct work *work = context;
    if (!hs_scanner_feed(work->scanner, work->at, (size_t)(work->end - work->at),
                         work->address, work->source))
        work->failed = true;
    work->at = work->end;
}

bool hs_reader_scan_copy(struct hs_reader *reader, const void *memory, uint64_t size,
                         uint64_t address, uint32_t source)
{
    struct work work = {.scanner = &reader->scanner,
                        .at = memory,
                        .end = (const char *)memory + size,
                        .address = address,
                        .source = source};
    uint64_t fault;

    reader->scanned_bytes += size;
    while (work.at < work.end && !hs_fault_guard(feed, &work, &fault)) {
        const char *next = (const char *)(uintptr_t)((fault & ~(PAGE - 1)) + PAGE);
        if (next <= work.at || fault >= (uint64_t)(uintptr_t)work.end)
            return false;
        reader->unscanned_bytes += PAGE;
        if (next > work.end)
            next = work.end;
        work.address += (uint64_t)(next - work.at);
        work.at = next;
    }
    return !work.failed;
}

static bool scan_stretch(struct hs_reader *reader, uint64_t start, uint64_t end,
                         uint32_t source)
{
    return hs_reader_scan_copy(reader, (const void *)(uintptr_t)start, end - start, start,
                               source);
}

/* Present stretches of [start, end) by the ioctl; false where the kernel has none. */
static bool scan_regions(struct hs_reader *reader, uint64_t start, uint64_t end,
                         uint32_t source, bool *ret_fine)
{
    struct page_region *regions = reader->scratch;
    for (uint64_t at = start; at < end;) {
        struct page_scan scan = {
            .size = sizeof(scan),
            .start = at,
            .end = end,
            .vector = (uint64_t)(uintptr_t)regions,
            .vector_length = SCRATCH_SIZE / sizeof(*regions),
            .any_of_mask = PAGE_IS_PRESENT_BIT | PAGE_IS_SWAPPED_BIT,
            .return_mask = PAGE_IS_PRESENT_BIT | PAGE_IS_SWAPPED_BIT,
        };
        long count = hs_raw(SYS_ioctl, pagemap_fd, SCAN_REQUEST, &scan);
        if (count < 0)
            return false;
        for (long i = 0; i < count && *ret_fine; i++)
            *ret_fine = scan_stretch(reader, regions[i].start, regions[i].end, source);
        if (scan.walk_end <= at)
            return false;
        at = scan.walk_end;
    }
    return true;
}

/* The same by reading the page table entries. */
static bool scan_entries(struct hs_reader *reader, uint64_t start, uint64_t end,
                         uint32_t source)
{
    uint64_t *pages = reader->scratch;
    bool fine = true;
    while (start < end && fine) {
        uint64_t count = (end - start) / PAGE;
        if (count > SCRATCH_SIZE / sizeof(*pages))
            count = SCRATCH_SIZE / sizeof(*pages);
        long got = hs_raw(SYS_pread64, pagemap_fd, pages, count * 8, start / PAGE * 8);
        if (got < 8)
            return scan_stretch(reader, start, end, source);
        count = (uint64_t)got / 8;
        for (uint64_t i = 0; i < count && fine;) {
            uint64_t run = i;
            while (run < count && pages[run] >> 62)
                run++;
            if (run > i)
                fine = scan_stretch(reader, start + i * PAGE, start + run * PAGE, source);
            i = run > i ? run : i + 1;
        }
        start += count * PAGE;
    }
    return fine;
}

bool hs_reader_scan(struct hs_reader *reader, uint64_t start, uint64_t end,
                    uint32_t source)
{
    uint64_t first = (start + PAGE - 1) & ~(PAGE - 1), last = end & ~(PAGE - 1);
    if (end - start < BIG || pagemap_fd < 0 || !reader->scratch)
        return scan_stretch(reader, start, end, source);
    bool fine = start == first || scan_stretch(reader, start, first, source);
    if (fine && !scan_regions(reader, first, last, source, &fine))
        fine = scan_entries(reader, first, last, source);
    return fine && (last == end || scan_stretch(reader, last, end, source));
}

bool hs_reader_finish(struct hs_reader *reader)
{
    return hs_scanner_finish(&reader->scanner);
}

// SPDX-License-Identifier: MIT

/*
 * Which pages of a live process hold something, from /proc/PID/pagemap: a 64-bit word a
 * page, bit 63 "in memory", bit 62 "swapped out" (Documentation/admin-guide/mm/pagemap.rst).
 * Only of private memory without a file does that say all: a page of a file is there
 * without being in the page table.
 */

#include "libheapsnap/image/memory_pages.h"

#include <sys/types.h>
#include <unistd.h>

#include "libheapsnap/image/memory_backend.h"
#include "probes/abi.h"

#define IS_THERE (3ull << 62)
#define ENTRIES 4096 /* by one read: 16 MB of memory */

static uint64_t page_size(void)
{
    return (uint64_t)sysconf(_SC_PAGESIZE);
}

/* The first page of [address, end) that is there (or, `is_there` false, is not); `end`
 * without one. Stretches that cannot be looked up count as there. */
static uint64_t next_page(int fd, uint64_t address, uint64_t end, bool is_there)
{
    uint64_t entries[ENTRIES], size = page_size();
    while (address < end) {
        uint64_t page = address / size, wanted = (end - page * size + size - 1) / size;
        ssize_t got =
            pread(fd, entries, (wanted < ENTRIES ? wanted : ENTRIES) * sizeof(*entries),
                  (off_t)(page * sizeof(*entries)));
        if (got < (ssize_t)sizeof(*entries))
            return is_there ? address : end;
        for (size_t i = 0; i < (size_t)got / sizeof(*entries); i++)
            if (((entries[i] & IS_THERE) != 0) == is_there) {
                uint64_t found = (page + i) * size;
                return found > address ? found : address;
            }
        address = (page + (size_t)got / sizeof(*entries)) * size;
    }
    return end;
}

bool hs_pages_present(const struct hs_memory *memory, int pagemap_fd, uint64_t address,
                      uint64_t end, uint64_t *ret_start, uint64_t *ret_end)
{
    for (size_t i = 0; i < memory->n_ranges && address < end; i++) {
        const struct hs_memory_range *range = &memory->ranges[i];
        if (range->end <= address)
            continue;
        if (range->start > address)
            address = range->start;
        uint64_t until = range->end < end ? range->end : end, start = address;
        if (start >= until)
            break;
        bool is_anonymous = !(range->flags & (HS_BLOCK_FILE | HS_BLOCK_SHARED));
        if (is_anonymous && pagemap_fd >= 0)
            start = next_page(pagemap_fd, address, until, true);
        if (start < until) {
            *ret_start = start;
            *ret_end = is_anonymous && pagemap_fd >= 0
                           ? next_page(pagemap_fd, start, until, false)
                           : until;
            return true;
        }
        address = until;
    }
    return false;
}

// SPDX-License-Identifier: MIT

/*
 * The hooks on mappings, linked into this program, so that its own mmap and munmap are
 * the interposed ones.
 */

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "probes/abi.h"
#include "probes/tracker/guard.h"
#include "probes/tracker/mappings.h"
#include "probes/tracker/options.h"

static size_t page;

static void begin_tracking(void)
{
    page = (size_t)sysconf(_SC_PAGESIZE);
    hs_options.track_mmap = true;
    hs_tracked_pid = getpid();
    hs_tracking_is_on = true;
}

TestSuite(mmap, .init = begin_tracking);

static char *map_pages(size_t count)
{
    void *address = mmap(NULL, count * page, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert(ne(ptr, address, MAP_FAILED));
    return address;
}

/* Bytes of the entry that begins exactly at `address`; 0: there is none. */
static size_t size_at(const char *address)
{
    struct hs_mapping found;
    if (!hs_mapping_find((uint64_t)(uintptr_t)address, &found)
        || found.address != (uint64_t)(uintptr_t)address)
        return 0;
    return found.size;
}

Test(mmap, a_mapping_is_known_in_whole_pages_until_it_is_unmapped)
{
    char *address = mmap(NULL, page + 1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    cr_expect(eq(sz, size_at(address), 2 * page));
    munmap(address, page + 1);

    cr_expect(eq(sz, size_at(address), 0));
}

Test(mmap, unmapping_the_middle_leaves_both_ends)
{
    char *address = map_pages(5);

    munmap(address + 2 * page, page);

    cr_expect(eq(sz, size_at(address), 2 * page));
    cr_expect(eq(sz, size_at(address + 3 * page), 2 * page));
}

Test(mmap, a_fixed_mapping_takes_the_place_of_what_was_there)
{
    char *address = map_pages(3);

    mmap(address + page, page, PROT_READ, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    struct hs_mapping middle = {0};
    hs_mapping_find((uint64_t)(uintptr_t)(address + page), &middle);

    cr_expect(eq(sz, size_at(address), page));
    cr_expect(eq(u64, middle.size, page));
    cr_expect(eq(u32, middle.flags, HS_BLOCK_SHARED));
    cr_expect(eq(sz, size_at(address + 2 * page), page));
}

Test(mmap, a_mapping_can_shrink)
{
    char *address = map_pages(4);

    char *result = mremap(address, 4 * page, page, 0);

    cr_expect(eq(ptr, result, address));
    cr_expect(eq(sz, size_at(address), page));
    cr_expect(eq(sz, size_at(address + page), 0));
}

Test(mmap, a_mapping_can_move_to_a_given_place)
{
    char *address = map_pages(2);
    char *target = map_pages(4);

    char *result =
        mremap(address, 2 * page, 2 * page, MREMAP_MAYMOVE | MREMAP_FIXED, target);

    cr_expect(eq(ptr, result, target));
    cr_expect(eq(sz, size_at(address), 0));
    cr_expect(eq(sz, size_at(target), 2 * page));
    cr_expect(eq(sz, size_at(target + 2 * page), 2 * page));
}

Test(mmap, a_mapping_can_grow_by_moving)
{
    char *address = map_pages(3);
    mmap(address + page, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

    char *result = mremap(address, page, 8 * page, MREMAP_MAYMOVE);

    cr_assert(ne(ptr, result, MAP_FAILED));
    cr_expect(eq(sz, size_at(address), 0));
    cr_expect(eq(sz, size_at(result), 8 * page));
}

Test(mmap, a_refused_mremap_changes_nothing)
{
    char *address = map_pages(3);
    mmap(address + page, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

    void *result = mremap(address, page, 8 * page, 0); /* no room, may not move */

    cr_expect(eq(ptr, result, MAP_FAILED));
    cr_expect(eq(int, errno, ENOMEM));
    cr_expect(eq(sz, size_at(address), page));
}

Test(mmap, a_refused_munmap_changes_nothing)
{
    char *address = map_pages(3);

    cr_expect(eq(int, munmap(address + 1, page), -1));
    cr_expect(eq(int, errno, EINVAL));

    cr_expect(eq(sz, size_at(address), 3 * page));
}

Test(mmap, a_shared_segment_is_known_while_it_is_attached)
{
    int id = shmget(IPC_PRIVATE, 3 * page, 0600);
    char *address = shmat(id, NULL, 0);
    shmctl(id, IPC_RMID, NULL);

    cr_expect(eq(sz, size_at(address), 3 * page));
    shmdt(address);

    cr_expect(eq(sz, size_at(address), 0));
}

static uint32_t flags_at(const char *address)
{
    struct hs_mapping found = {0};
    hs_mapping_find((uint64_t)(uintptr_t)address, &found);
    return found.flags;
}

Test(mmap, what_is_mapped_inside_the_guard_is_the_allocators)
{
    hs_guard_word = HS_GUARD_HELD;
    char *address = map_pages(2);
    char *gone = map_pages(2);
    munmap(gone, 2 * page);
    hs_guard_word = 0;

    cr_expect(eq(sz, size_at(address), 2 * page));
    cr_expect(eq(u32, flags_at(address), HS_MAPPING_OF_ALLOCATOR));
    cr_expect(eq(sz, size_at(gone), 0));
    char *moved = mremap(address, 2 * page, 4 * page, MREMAP_MAYMOVE);
    cr_expect(eq(u32, flags_at(moved), 0));
}

Test(mmap, nothing_is_recorded_when_mappings_are_not_tracked)
{
    hs_options.track_mmap = false;

    char *address = map_pages(2);

    cr_expect(eq(sz, size_at(address), 0));
}

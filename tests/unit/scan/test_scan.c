// SPDX-License-Identifier: MIT

/* Look-ups at every border of a block, and scans against the plain definition. */

#include "libheapsnap/scan/scan.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <sys/mman.h>

static void *map(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static void *map_nothing(size_t size)
{
    (void)size;
    return NULL;
}

static struct hs_scan_index *index_of(const struct hs_scan_block *blocks, uint32_t count)
{
    struct hs_scan_index *index = hs_scan_index_create(blocks, count, map);
    cr_assert(ne(ptr, index, NULL));
    return index;
}

struct hits {
    struct hs_scan_hit found[64];
    size_t count, limit;
};

static bool note(const struct hs_scan_hit *found, void *context)
{
    struct hits *hits = context;
    cr_assert(lt(sz, hits->count, 64));
    hits->found[hits->count++] = *found;
    return hits->limit == 0 || hits->count < hits->limit;
}

Test(scan, every_byte_of_a_block_belongs_to_it)
{
    const struct hs_scan_block blocks[] = {{0x1000, 64}, {0x5000, 3}};
    struct hs_scan_index *index = index_of(blocks, 2);
    uint32_t inside = 0;

    for (uint32_t i = 0; i < 64; i++) {
        cr_expect(eq(u32, hs_scan_find(index, 0x1000 + i, &inside), 0));
        cr_expect(eq(u32, inside, i));
    }
    cr_expect(eq(u32, hs_scan_find(index, 0x5002, NULL), 1));
    cr_expect(eq(u32, hs_scan_find(index, 0x0fff, NULL), UINT32_MAX));
    cr_expect(eq(u32, hs_scan_find(index, 0x1041, NULL), UINT32_MAX));
    cr_expect(eq(u32, hs_scan_find(index, 0x5004, NULL), UINT32_MAX));
}

Test(scan, one_past_the_end_is_the_blocks_only_where_no_other_begins)
{
    const struct hs_scan_block blocks[] = {{0x1000, 0x200}, {0x1200, 16}};
    struct hs_scan_index *index = index_of(blocks, 2);
    uint32_t inside = 0;

    cr_expect(eq(u32, hs_scan_find(index, 0x1200, &inside), 1));
    cr_expect(eq(u32, inside, 0));
    cr_expect(eq(u32, hs_scan_find(index, 0x1210, &inside), 1));
    cr_expect(eq(u32, inside, HS_SCAN_PAST_END));
}

Test(scan, an_end_on_a_granule_border_is_still_found)
{
    const struct hs_scan_block blocks[] = {{0x1000, 0x200}};
    struct hs_scan_index *index = index_of(blocks, 1);
    uint32_t inside = 0;

    cr_expect(eq(u32, hs_scan_find(index, 0x1200, &inside), 0));
    cr_expect(eq(u32, inside, HS_SCAN_PAST_END));
}

Test(scan, an_empty_block_has_one_address)
{
    const struct hs_scan_block blocks[] = {{0x1000, 0}};
    struct hs_scan_index *index = index_of(blocks, 1);
    uint32_t inside = 7;

    cr_expect(eq(u32, hs_scan_find(index, 0x1000, &inside), 0));
    cr_expect(eq(u32, inside, 0));
}

Test(scan, a_huge_block_is_found_at_both_ends_and_saturates)
{
    const uint64_t start = 0x7f0000012000, size = 100ull << 30;
    const struct hs_scan_block blocks[] = {
        {start - 64, 64}, {start, size}, {start + size, 32}};
    struct hs_scan_index *index = index_of(blocks, 3);
    uint32_t inside = 0;

    cr_expect(eq(u32, hs_scan_find(index, start - 1, NULL), 0));
    cr_expect(eq(u32, hs_scan_find(index, start, NULL), 1));
    cr_expect(eq(u32, hs_scan_find(index, start + size - 1, &inside), 1));
    cr_expect(eq(u32, inside, HS_SCAN_PAST_END - 1));
    cr_expect(eq(u32, hs_scan_find(index, start + size, NULL), 2));
}

Test(scan, nothing_is_found_among_no_blocks)
{
    struct hs_scan_index *index = index_of(NULL, 0);
    uint64_t words[4] = {0, 1, 0x1000, UINT64_MAX};
    struct hits hits = {0};

    cr_expect(eq(u32, hs_scan_find(index, 0x1000, NULL), UINT32_MAX));
    cr_expect(hs_scan_words(index, words, sizeof(words), 0x9000, note, &hits));
    cr_expect(eq(sz, hits.count, 0));
}

Test(scan, blocks_beyond_the_address_space_are_refused)
{
    const struct hs_scan_block beyond[] = {{0xffff000000000000, 16}};
    const struct hs_scan_block fine[] = {{0x1000, 16}};

    cr_expect(eq(ptr, hs_scan_index_create(beyond, 1, map), NULL));
    cr_expect(eq(ptr, hs_scan_index_create(fine, 1, map_nothing), NULL));
}

Test(scan, hits_come_in_order_with_slot_and_offset)
{
    const struct hs_scan_block blocks[] = {{0x1000, 64}, {0x2000, 64}};
    struct hs_scan_index *index = index_of(blocks, 2);
    uint64_t words[9] = {0, 0x2008, 5, 0x1fff, 0, 0, 0, 0, 0x1000};
    struct hits hits = {0};

    cr_expect(hs_scan_words(index, words, sizeof(words), 0x9000, note, &hits));

    cr_assert(eq(sz, hits.count, 2));
    cr_expect(eq(u64, hits.found[0].slot, 0x9008));
    cr_expect(eq(u32, hits.found[0].block, 1));
    cr_expect(eq(u32, hits.found[0].inside, 8));
    cr_expect(eq(u64, hits.found[1].slot, 0x9040));
    cr_expect(eq(u32, hits.found[1].block, 0));
}

Test(scan, words_that_are_not_aligned_are_not_looked_at)
{
    const struct hs_scan_block blocks[] = {{0x1000, 64}};
    struct hs_scan_index *index = index_of(blocks, 1);
    uint64_t words[3] = {0x1000, 0x1008, 0x1010};
    struct hits hits = {0};

    cr_expect(hs_scan_words(index, (char *)words + 4, 16, 0x9004, note, &hits));

    cr_assert(eq(sz, hits.count, 1));
    cr_expect(eq(u64, hits.found[0].slot, 0x9008));
}

Test(scan, a_visitor_that_has_enough_ends_the_scan)
{
    const struct hs_scan_block blocks[] = {{0x1000, 64}};
    struct hs_scan_index *index = index_of(blocks, 1);
    uint64_t words[40];
    struct hits hits = {.limit = 3};
    for (size_t i = 0; i < 40; i++)
        words[i] = 0x1000;

    cr_expect(not(hs_scan_words(index, words, sizeof(words), 0x9000, note, &hits)));
    cr_expect(eq(sz, hits.count, 3));
}

Test(scan, small_pieces_share_a_batch_and_keep_their_sources)
{
    const struct hs_scan_block blocks[] = {{0x1000, 64}};
    struct hits hits = {0};
    struct hs_scanner scanner = {
        .index = index_of(blocks, 1), .hit = note, .context = &hits};
    uint64_t word = 0x1010;

    for (uint32_t i = 0; i < 50; i++)
        cr_expect(hs_scanner_feed(&scanner, &word, sizeof(word), 0x9000 + i * 8, i));
    cr_expect(hs_scanner_finish(&scanner));

    cr_assert(eq(sz, hits.count, 50));
    for (uint32_t i = 0; i < 50; i++)
        cr_expect(eq(u32, hits.found[i].source, i));
}

Test(scan, ignored_bits_are_no_part_of_an_address)
{
    const struct hs_scan_block blocks[] = {{0x1000, 64}};
    struct hs_scan_index *index = index_of(blocks, 1);
    uint64_t words[5] = {0x7e00000000001000, 0x0200000000001008, 0x1010,
                         0x8000000000001018, 0x0100000000001020};
    struct hits hits = {0};

#if defined(__x86_64__)
    cr_expect(hs_scan_words(index, words, sizeof(words), 0x9000, note, &hits));
    cr_expect(eq(sz, hits.count, 1));
    cr_expect(eq(u32, hs_scan_find(index, words[0], NULL), UINT32_MAX));
#endif
    hs_scan_index_mask(index, ~(0x3full << 57)); /* LAM_U57 */
    hits.count = 0;
    cr_expect(hs_scan_words(index, words, sizeof(words), 0x9000, note, &hits));
    cr_assert(eq(sz, hits.count, 3));
    cr_expect(eq(u32, hits.found[0].inside, 0));
    cr_expect(eq(u32, hits.found[1].inside, 8));
    cr_expect(eq(u32, hits.found[2].inside, 16));
    cr_expect(eq(u32, hs_scan_find(index, words[0], NULL), 0));
}

/* Random blocks and addresses against a look-up nobody can get wrong. */
static uint32_t find_slowly(const struct hs_scan_block *blocks, uint32_t count,
                            uint64_t address)
{
    for (uint32_t i = 0; i < count; i++)
        if (address >= blocks[i].start && address < blocks[i].start + blocks[i].size)
            return i;
    for (uint32_t i = 0; i < count; i++)
        if (address == blocks[i].start + blocks[i].size)
            return i;
    return UINT32_MAX;
}

Test(scan, a_thousand_random_blocks_are_found_as_a_plain_search_finds_them)
{
    static struct hs_scan_block blocks[1000];
    uint64_t at = 0x555500000000;
    srand(1);
    for (uint32_t i = 0; i < 1000; i++) {
        at += (uint64_t)(rand() % 4 == 0 ? 0 : rand() % 3000);
        blocks[i].start = at;
        blocks[i].size = 1 + (uint64_t)(i % 100 == 0 ? rand() % 9000000 : rand() % 700);
        at += blocks[i].size;
    }
    struct hs_scan_index *index = index_of(blocks, 1000);

    for (int i = 0; i < 20000; i++) {
        const struct hs_scan_block *near = &blocks[rand() % 1000];
        uint64_t address =
            near->start + (uint64_t)(rand() % 4 ? rand() % 800 : (int)near->size) - 20;
        cr_assert(eq(u32, hs_scan_find(index, address, NULL),
                     find_slowly(blocks, 1000, address)));
    }
}

// SPDX-License-Identifier: MIT

/*
 * Live counts and bytes for each allocation stack: all that a watcher needs, and cheap
 * enough to be asked for every second beside the running program.
 */

#include <errno.h>

#include "probes/freeze/freeze.h"
#include "probes/freeze/image.h"
#include "probes/tracker/ever.h"
#include "probes/tracker/live.h"
#include "probes/tracker/mappings.h"
#include "probes/tracker/sample.h"
#include "probes/tracker/stack.h"

struct sum {
    uint64_t count, bytes; /* count in 65536ths while blocks are sampled */
    uint64_t ever_count, ever_bytes;
};

struct sums {
    struct sum *blocks, *mappings; /* one a stack */
    uint32_t count;
};

static struct sum *sum_of(struct sum *sums, uint32_t count, uint32_t stack)
{
    return &sums[stack < count ? stack : HS_STACK_UNKNOWN];
}

static void add_block(struct sum *sum, uint64_t size)
{
    uint64_t weight = hs_sample_weight(size);
    sum->count += weight;
    sum->bytes += (uint64_t)((unsigned __int128)weight * size >> 16);
}

static void on_ever(uint32_t stack, uint64_t count, uint64_t bytes, void *context)
{
    struct sums *sums = context;
    struct sum *sum = sum_of(sums->blocks, sums->count, stack);
    sum->ever_count += count;
    sum->ever_bytes += bytes;
}

static bool on_block(const struct hs_live_block *block, void *context)
{
    struct sums *sums = context;
    add_block(sum_of(sums->blocks, sums->count, block->stack), block->size);
    return true;
}

static bool on_mapping(const struct hs_mapping *mapping, void *context)
{
    struct sums *sums = context;
    if (mapping->flags & HS_MAPPING_OF_ALLOCATOR)
        return true;
    struct sum *sum = sum_of(sums->mappings, sums->count, mapping->stack);
    sum->count += 65536;
    sum->bytes += mapping->size;
    return true;
}

static void gather(struct sums *sums)
{
    hs_ever_each(on_ever, sums);
    if (hs_job.kind == HS_REQUEST_TOTALS) {
        hs_live_each(on_block, sums);
        hs_mapping_each(on_mapping, sums);
        return;
    }
    const struct hs_capture_block *blocks = (const void *)hs_image.blocks.items;
    for (uint64_t i = 0; i < hs_image.blocks.count; i++) {
        bool is_mapping = blocks[i].flags & HS_BLOCK_MAPPING;
        struct sum *sum = sum_of(is_mapping ? sums->mappings : sums->blocks, sums->count,
                                 blocks[i].stack);
        if (!is_mapping) {
            add_block(sum, blocks[i].size);
            continue;
        }
        sum->count += 65536;
        sum->bytes += blocks[i].size;
    }
}

static void put(const struct sum *sum, uint32_t stack, uint32_t flags)
{
    struct hs_capture_total total = {
        .stack = stack,
        .flags = flags,
        .count = (sum->count + 32768) >> 16,
        .bytes = sum->bytes,
        .ever_count = sum->ever_count,
        .ever_bytes = sum->ever_bytes,
    };
    if (sum->count || sum->ever_count)
        hs_writer_put(&hs_image.writer, &total, sizeof(total));
}

int hs_totals_write(void)
{
    struct sums sums = {.count =
                            (uint32_t)hs_image.header.sections[HS_SECTION_FRAMES].count};
    sums.blocks = hs_scratch_map((sums.count + 2ull) * sizeof(*sums.blocks));
    sums.mappings = hs_scratch_map((sums.count + 2ull) * sizeof(*sums.mappings));
    if (!sums.blocks || !sums.mappings)
        return -ENOMEM;
    gather(&sums);
    hs_writer_begin(&hs_image.writer);
    for (uint32_t i = 0; i < sums.count; i++) {
        put(&sums.blocks[i], i, 0);
        put(&sums.mappings[i], i, HS_BLOCK_MAPPING);
    }
    hs_writer_end(&hs_image.writer, &hs_image.header.sections[HS_SECTION_TOTALS],
                  sizeof(struct hs_capture_total));
    return hs_image.writer.error;
}

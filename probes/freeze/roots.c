// SPDX-License-Identifier: MIT

/*
 * Where reachability begins outside the threads: the writable data of every module, and
 * the loader's early records. What a program mapped itself is a block like any other, and
 * what is left is for weak.c. Shared memory is not frozen and says nothing sure, so it is
 * a root only where the program has declared it one.
 *
 * The loader makes its first records (link maps, the main thread's TLS) with an allocator
 * of its own in anonymous memory; the records of libraries loaded later hang from them.
 */

#include <errno.h>
#include <link.h>

#include "probes/freeze/freeze.h"
#include "probes/freeze/image.h"
#include "probes/tracker/loader.h"

#define LINK_MAPS_MAX 10000
#define LINK_MAP_SIZE 1200 /* at least glibc's private struct link_map */

static int push(uint64_t start, uint64_t end, const struct hs_root_range *like)
{
    struct hs_root_range *root = hs_vector_push(&hs_image.roots, 1);
    if (!root)
        return -ENOMEM;
    *root = *like;
    root->start = start;
    root->end = end;
    return 0;
}

/* One root for each readable stretch. */
static int add_readable(const struct hs_root_range *wanted)
{
    const struct hs_range *last = (const void *)hs_image.maps.ranges.items;
    last += hs_image.maps.ranges.count;
    uint64_t start = 0, end = 0;

    for (const struct hs_range *range = hs_maps_find(&hs_image.maps, wanted->start);
         range && range < last && range->start < wanted->end; range++) {
        if (!(range->flags & HS_BLOCK_READ)
            || (range->flags & HS_BLOCK_SHARED && wanted->kind != HS_ROOT_REGION))
            continue;
        uint64_t from = range->start > wanted->start ? range->start : wanted->start;
        uint64_t to = range->end < wanted->end ? range->end : wanted->end;
        if (from == end && end) {
            end = to;
            continue;
        }
        if (end && push(start, end, wanted) < 0)
            return -ENOMEM;
        start = from;
        end = to;
    }
    return end ? push(start, end, wanted) : 0;
}

int hs_roots_add(uint64_t start, uint64_t end, enum hs_root_kind kind, uint32_t owner)
{
    struct hs_root_range wanted = {
        .start = start, .end = end, .kind = kind, .owner = owner};
    return start < end ? add_readable(&wanted) : 0;
}

static uint32_t loader_module(void)
{
    const struct hs_capture_module *modules = (const void *)hs_image.modules.items;
    for (uint32_t i = 0; i < hs_image.modules.count; i++)
        if (modules[i].flags & HS_MODULE_LOADER)
            return i;
    return UINT32_MAX;
}

struct chain {
    const struct link_map *map;
    uint32_t owner;
    int err;
};

static void walk_link_maps(void *context)
{
    struct chain *chain = context;
    for (int i = 0; chain->map && i < LINK_MAPS_MAX && chain->err == 0; i++) {
        uint64_t at = (uint64_t)(uintptr_t)chain->map;
        const struct hs_range *range = hs_maps_find(&hs_image.maps, at);
        if (!range || range->start > at)
            return;
        uint64_t end = at + LINK_MAP_SIZE < range->end ? at + LINK_MAP_SIZE : range->end;
        if (!hs_heap_find(at))
            chain->err = hs_roots_add(at, end, HS_ROOT_MODULE, chain->owner);
        chain->map = chain->map->l_next;
    }
}

int hs_roots_collect(void)
{
    const struct hs_root_range *segments = (const void *)hs_image.segments.items;
    struct chain chain = {.map = hs_loader_modules(), .owner = loader_module()};
    uint64_t fault;

    hs_image.roots.size = sizeof(struct hs_root_range);
    for (uint64_t i = 0; i < hs_image.segments.count; i++)
        if (add_readable(&segments[i]) < 0)
            return -ENOMEM;
    if (chain.owner != UINT32_MAX)
        hs_fault_guard(walk_link_maps, &chain, &fault);
    return chain.err;
}

// SPDX-License-Identifier: MIT

/*
 * A hash table from 64-bit keys (never 0) to 32-bit values: places in DWARF to types,
 * hashes of layouts to types. Zero-initialise.
 */

#ifndef HEAPSNAP_TYPES_LAYOUT_MAP_H
#define HEAPSNAP_TYPES_LAYOUT_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct hs_layout_map {
    struct hs_layout_pair {
        uint64_t key;
        uint32_t value;
    } * at;
    size_t count, room; /* room: 0 or a power of two */
};

#define HS_LAYOUT_ABSENT UINT32_MAX

static inline uint64_t hs_layout_mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15ull;
    return hash ^ (hash >> 29);
}

static inline uint64_t hs_layout_mix_text(uint64_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3ull;
    return hs_layout_mix(hash, 0x5bd1e995);
}

static inline struct hs_layout_pair *hs_layout_map_slot(const struct hs_layout_map *map,
                                                        uint64_t key)
{
    size_t at = (size_t)(hs_layout_mix(0, key) >> 7) & (map->room - 1);
    while (map->at[at].key != 0 && map->at[at].key != key)
        at = (at + 1) & (map->room - 1);
    return &map->at[at];
}

static inline uint32_t hs_layout_map_get(const struct hs_layout_map *map, uint64_t key)
{
    if (map->count == 0)
        return HS_LAYOUT_ABSENT;
    const struct hs_layout_pair *slot = hs_layout_map_slot(map, key);
    return slot->key ? slot->value : HS_LAYOUT_ABSENT;
}

/* False without memory. */
static inline bool hs_layout_map_put(struct hs_layout_map *map, uint64_t key,
                                     uint32_t value)
{
    if (map->count * 2 >= map->room) {
        struct hs_layout_map bigger = {.count = map->count,
                                       .room = map->room ? map->room * 2 : 256};
        bigger.at = calloc(bigger.room, sizeof(*bigger.at));
        if (!bigger.at)
            return false;
        for (size_t i = 0; i < map->room; i++)
            if (map->at[i].key)
                *hs_layout_map_slot(&bigger, map->at[i].key) = map->at[i];
        free(map->at);
        *map = bigger;
    }
    struct hs_layout_pair *slot = hs_layout_map_slot(map, key);
    map->count += slot->key == 0;
    *slot = (struct hs_layout_pair){key, value};
    return true;
}

#endif

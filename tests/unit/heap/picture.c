// SPDX-License-Identifier: MIT

/* See picture.h: an independent description of what the walk has to find. */

#include "picture.h"

struct picture picture_create(void)
{
    struct picture picture = {.fake = fake_memory_create(), .at = BREAK};
    fake_memory_map(picture.fake, BREAK, BREAK_SIZE, FAKE_DATA, "[heap]");
    return picture;
}

void picture_libc(struct picture *picture)
{
    fake_memory_map(picture->fake, LIBC_DATA, LIBC_END - LIBC_DATA, FAKE_DATA,
                    "/lib/libc.so.6");
    fake_memory_module(picture->fake, "/lib/libc.so.6", LIBC, LIBC_END);
}

void picture_destroy(struct picture *picture)
{
    fake_memory_destroy(picture->fake);
}

void picture_arena(struct picture *picture, uint64_t arena, uint64_t next, uint64_t top,
                   uint64_t system_size)
{
    fake_poke(picture->fake, arena + 96, top);
    for (uint64_t i = 0; i < 127; i++) {
        uint64_t bin = arena + 96 + 16 * i;
        fake_poke(picture->fake, bin + 16, bin);
        fake_poke(picture->fake, bin + 24, bin);
    }
    fake_poke(picture->fake, arena + 2160, next);
    fake_poke(picture->fake, arena + 2176, 1);
    fake_poke(picture->fake, arena + 2184, system_size);
    fake_poke(picture->fake, arena + 2192, system_size);
}

uint64_t picture_chunk(struct picture *picture, uint64_t size, uint64_t flags)
{
    uint64_t chunk = picture->at;
    fake_poke(picture->fake, chunk + 8, size | flags);
    picture->at += size;
    return chunk + 16;
}

void picture_free(struct picture *picture, uint64_t memory)
{
    uint64_t size = fake_peek(picture->fake, memory - 8) & ~7ull;
    uint64_t next = memory - 16 + size;
    fake_poke(picture->fake, next, size);
    fake_poke(picture->fake, next + 8, fake_peek(picture->fake, next + 8) & ~1ull);
}

void picture_top(struct picture *picture, uint64_t arena, uint64_t end)
{
    fake_poke(picture->fake, arena + 96, picture->at);
    fake_poke(picture->fake, picture->at + 8, (end - picture->at) | 1);
}

void picture_finish(struct picture *picture)
{
    picture_libc(picture);
    picture_arena(picture, ARENA, ARENA, picture->at, BREAK_SIZE);
    picture_top(picture, ARENA, BREAK + BREAK_SIZE);
}

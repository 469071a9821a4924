// SPDX-License-Identifier: MIT

/*
 * A heap of glibc that anything may have been written into: walking it ends, and gives a
 * capture that is sound, or a reason. The input is a list of words to write into a heap
 * that was right: seven bytes each, namely which mapping (low half) and relative to what
 * (high half), which word of it, and the value.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "heapsnap/graph.h"
#include "heapsnap/heap.h"
#include "tests/unit/heap/picture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RECORD 7u
#define SECOND (HEAPS + 48)
#define STACK 0x7fff00000000ull
#define THREAD (MAPPED + 0x30000)

static const struct {
    uint64_t start, size;
} mappings[] = {
    {BREAK, 0x8000},
    {BREAK, BREAK_SIZE},
    {MAPPED, 0x20000},
    {HEAPS, 0x21000},
    {LIBC_DATA, LIBC_END - LIBC_DATA},
    {ARENA, 2208},
    {STACK, 0x4000},
    {THREAD, 0x4000},
};
#define N_MAPPINGS (sizeof(mappings) / sizeof(mappings[0]))

static void draw_second_arena(struct picture *picture)
{
    fake_poke(picture->fake, ARENA + 2160, SECOND);
    fake_poke(picture->fake, HEAPS, SECOND);
    fake_poke(picture->fake, HEAPS + 16, 0x21000);
    fake_poke(picture->fake, HEAPS + 24, 0x21000);
    picture->at = (SECOND + 2200 + 15) & ~15ull;
    for (int i = 0; i < 10; i++)
        picture_chunk(picture, 0x60, 5);
    picture_arena(picture, SECOND, ARENA, picture->at, 0x21000);
    picture_top(picture, SECOND, HEAPS + 0x21000);
}

/* Chunks in use, free ones, a fastbin, a cache, a mapped chunk, a thread. */
static struct picture draw(void)
{
    struct picture picture = picture_create();
    uint64_t memory[40];
    fake_memory_map(picture.fake, MAPPED, 0x20000, FAKE_DATA, "");
    fake_memory_map(picture.fake, THREAD, 0x4000, FAKE_DATA, "");
    fake_memory_map(picture.fake, HEAPS, 0x21000, FAKE_DATA, "");
    uint64_t cache = picture_chunk(&picture, 0x290, 1);
    for (int i = 0; i < 40; i++)
        memory[i] = picture_chunk(&picture, 0x20u + 0x10u * (unsigned)(i % 7), 1);
    for (int i = 3; i < 30; i += 9)
        picture_free(&picture, memory[i]);
    picture_finish(&picture);
    fake_poke(picture.fake, ARENA + 16, memory[0] - 16);
    fake_poke(picture.fake, memory[0], memory[0] >> 12);
    fake_poke(picture.fake, cache, 1ull << 16);
    fake_poke(picture.fake, cache + 128 + 8, memory[1]);
    fake_poke(picture.fake, memory[1], memory[1] >> 12);
    fake_poke(picture.fake, MAPPED + 8, 0x10002);
    draw_second_arena(&picture);
    fake_memory_map(picture.fake, STACK, 0x4000, FAKE_DATA, "[stack]");
    fake_memory_thread(picture.fake, 4242)->registers[7] = STACK + 0x1000;
    struct hs_memory_thread *thread = fake_memory_thread(picture.fake, 4243);
    thread->registers[7] = THREAD + 0x2000;
    thread->thread_pointer = THREAD + 0x3000;
    return picture;
}

static void write_word(struct fake_memory *fake, const uint8_t *record)
{
    uint8_t where = record[0] & 15, base = record[0] >> 4;
    uint16_t word;
    uint32_t value;
    memcpy(&word, record + 1, sizeof(word));
    memcpy(&value, record + 3, sizeof(value));
    if (where >= N_MAPPINGS)
        return;
    uint64_t offset = word * 8ull % mappings[where].size;
    uint64_t meant = value;
    if (base < N_MAPPINGS)
        meant += mappings[base].start;
    else if (base == 8)
        meant = ~meant;
    fake_poke(fake, mappings[where].start + offset, meant);
}

static void use(const struct hs_capture *capture)
{
    struct hs_graph *graph = NULL;
    if (hs_graph_create(capture, &graph, NULL) != 0)
        abort();
    hs_graph_destroy(graph);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct picture picture = draw();
    struct hs_capture capture = {0};
    struct hs_error err = {0};
    for (size_t at = 0; at + RECORD <= size; at += RECORD)
        write_word(picture.fake, data + at);
    int result = hs_heap_capture(fake_memory(picture.fake), &capture, NULL, &err);
    if (result == 0)
        use(&capture);
    else if (!err.text[0] || capture.mapping || strstr(err.text, "damaged capture"))
        abort(); /* a refusal says why and gives nothing; what we write is sound */
    hs_capture_close(&capture);
    picture_destroy(&picture);
    return 0;
}

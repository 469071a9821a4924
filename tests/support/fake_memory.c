// SPDX-License-Identifier: MIT

/* See fake_memory.h. The ranges are searched one by one: there are few. */

#include "tests/support/fake_memory.h"

#include <stdlib.h>
#include <string.h>

#include "libheapsnap/image/memory_backend.h"
#include "probes/abi.h"

#define RANGES_MAX 32u
#define FEW 8u

struct fake_memory {
    struct hs_memory memory; /* first: the backend is given this */
    struct hs_memory_range ranges[RANGES_MAX];
    unsigned char *bytes[RANGES_MAX];
    struct hs_memory_module modules[FEW];
    struct hs_memory_thread threads[FEW];
    struct hs_memory_backend backend;
    void (*resume)(struct fake_memory *);
};

static unsigned char *find(const struct fake_memory *fake, uint64_t address,
                           size_t *ret_left)
{
    for (size_t i = 0; i < fake->memory.n_ranges; i++) {
        const struct hs_memory_range *range = &fake->ranges[i];
        if (address < range->start || address >= range->end)
            continue;
        *ret_left = (size_t)(range->end - address);
        return fake->bytes[i] + (address - range->start);
    }
    return NULL;
}

static size_t read_bytes(const struct hs_memory *memory, uint64_t address, void *buffer,
                         size_t size)
{
    const struct fake_memory *fake = (const struct fake_memory *)memory;
    size_t done = 0, left;
    const unsigned char *from;
    while (done < size && (from = find(fake, address + done, &left)) != NULL) {
        size_t part = size - done < left ? size - done : left;
        memcpy((unsigned char *)buffer + done, from, part);
        done += part;
    }
    return done;
}

static void close_nothing(struct hs_memory *memory)
{
    (void)memory;
}

static int resume(struct hs_memory *memory, unsigned int milliseconds,
                  struct hs_error *err)
{
    struct fake_memory *fake = (struct fake_memory *)memory;
    (void)milliseconds;
    (void)err;
    fake->resume(fake);
    return 0;
}

struct fake_memory *fake_memory_create(void)
{
    struct fake_memory *fake = calloc(1, sizeof(*fake));
    if (!fake)
        abort();
    fake->backend.read = read_bytes;
    fake->backend.close = close_nothing;
    fake->memory = (struct hs_memory){
        .pid = 4242,
        .way = HS_MEMORY_STOPPED,
        .way_reason = "",
        .command = "fake",
        .executable = "/bin/fake",
        .ranges = fake->ranges,
        .modules = fake->modules,
        .threads = fake->threads,
        .backend = &fake->backend,
    };
    return fake;
}

void fake_memory_destroy(struct fake_memory *fake)
{
    for (size_t i = 0; i < fake->memory.n_ranges; i++)
        free(fake->bytes[i]);
    free(fake);
}

unsigned char *fake_memory_map(struct fake_memory *fake, uint64_t address, uint64_t size,
                               uint32_t flags, const char *path)
{
    size_t index = fake->memory.n_ranges;
    unsigned char *bytes = calloc(1, size);
    if (!bytes || index == RANGES_MAX)
        abort();
    fake->ranges[index] = (struct hs_memory_range){
        .start = address, .end = address + size, .flags = flags, .path = path};
    fake->bytes[index] = bytes;
    fake->memory.n_ranges++;
    return bytes;
}

void fake_memory_module(struct fake_memory *fake, const char *path, uint64_t start,
                        uint64_t end)
{
    if (fake->memory.n_modules == FEW)
        abort();
    fake->modules[fake->memory.n_modules++] = (struct hs_memory_module){
        .path = path, .start = start, .end = end, .bias = start};
}

struct hs_memory_thread *fake_memory_thread(struct fake_memory *fake, int32_t tid)
{
    if (fake->memory.n_threads == FEW)
        abort();
    struct hs_memory_thread *thread = &fake->threads[fake->memory.n_threads++];
    thread->tid = tid;
    thread->is_stopped = true;
    thread->n_registers = 17;
    return thread;
}

void fake_poke(struct fake_memory *fake, uint64_t address, uint64_t word)
{
    size_t left;
    unsigned char *to = find(fake, address, &left);
    if (!to || left < sizeof(word))
        abort();
    memcpy(to, &word, sizeof(word));
}

uint64_t fake_peek(struct fake_memory *fake, uint64_t address)
{
    uint64_t word;
    size_t left;
    const unsigned char *from = find(fake, address, &left);
    if (!from || left < sizeof(word))
        abort();
    memcpy(&word, from, sizeof(word));
    return word;
}

void fake_memory_on_resume(struct fake_memory *fake,
                           void (*on_resume)(struct fake_memory *))
{
    fake->resume = on_resume;
    fake->backend.resume = resume;
}

static bool is_not_whole(const struct hs_memory *memory)
{
    (void)memory;
    return false;
}

void fake_memory_end(struct fake_memory *fake)
{
    fake->backend.is_whole = is_not_whole;
}

struct hs_memory *fake_memory(struct fake_memory *fake)
{
    return &fake->memory;
}

// SPDX-License-Identifier: MIT

/*
 * One growing array a section; fake_write() puts them one after the other behind the
 * header, 8-aligned. Node ids are handed out in order of addition, from HS_FIRST_SERIAL.
 */

#include "tests/support/fake_capture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libheapsnap/base/array.h"

struct fake {
    struct hs_capture_header header;
    HS_ARRAY(uint8_t) bytes[HS_SECTION_COUNT];
    uint32_t next_serial;
};

static const size_t entry_size[HS_SECTION_COUNT] = {
    [HS_SECTION_STRINGS] = 1,
    [HS_SECTION_MODULES] = sizeof(struct hs_capture_module),
    [HS_SECTION_FRAMES] = sizeof(struct hs_capture_frame),
    [HS_SECTION_BLOCKS] = sizeof(struct hs_capture_block),
    [HS_SECTION_EDGES] = sizeof(struct hs_capture_edge),
    [HS_SECTION_ROOTS] = sizeof(struct hs_capture_root),
    [HS_SECTION_ROOT_EDGES] = sizeof(struct hs_capture_root_edge),
    [HS_SECTION_THREADS] = sizeof(struct hs_capture_thread),
    [HS_SECTION_STACKS] = 1,
    [HS_SECTION_HANDLES] = sizeof(struct hs_capture_handle),
    [HS_SECTION_TOTALS] = sizeof(struct hs_capture_total),
    [HS_SECTION_EPOCHS] = sizeof(uint64_t),
    [HS_SECTION_WORDS] = sizeof(struct hs_capture_word),
    [HS_SECTION_TEXTS] = sizeof(struct hs_capture_text),
};

static void require(int condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "fake capture: %s failed\n", what);
    abort();
}

static void append_bytes(struct fake *fake, enum hs_section section, const void *bytes,
                         size_t size)
{
    if (size == 0)
        return;
    size_t count = fake->bytes[section].count;
    require(hs_array_reserve(&fake->bytes[section], count + size), "memory");
    memcpy(fake->bytes[section].at + count, bytes, size);
    fake->bytes[section].count += size;
}

static uint32_t append(struct fake *fake, enum hs_section section, const void *entry)
{
    size_t size = entry_size[section];
    uint32_t index = (uint32_t)(fake->bytes[section].count / size);
    append_bytes(fake, section, entry, size);
    return index;
}

static void *entry_at(struct fake *fake, enum hs_section section, uint32_t index)
{
    require((index + 1) * entry_size[section] <= fake->bytes[section].count, "index");
    return fake->bytes[section].at + index * entry_size[section];
}

static uint32_t next_id(struct fake *fake)
{
    return 2 * fake->next_serial++ + 1;
}

struct fake *fake_create(void)
{
    struct fake *fake = calloc(1, sizeof(*fake));
    require(fake != NULL, "memory");
    fake->next_serial = HS_FIRST_SERIAL;
    fake->header.magic = HS_CAPTURE_MAGIC;
    fake->header.version = HS_ABI_VERSION;
    fake->header.kind = HS_REQUEST_SNAPSHOT;
    fake->header.trigger = HS_TRIGGER_REQUEST;
    fake->header.pid = 4242;
    fake->header.sequence = 1;
    fake->header.epoch = 0;
    append_bytes(fake, HS_SECTION_STRINGS, "", 1);
    fake_frame(fake, 0, 0, UINT32_MAX);
    fake_frame(fake, 0, 0, UINT32_MAX);
    fake_epoch(fake, 0);
    return fake;
}

void fake_destroy(struct fake *fake)
{
    if (!fake)
        return;
    for (size_t i = 0; i < HS_SECTION_COUNT; i++)
        free(fake->bytes[i].at);
    free(fake);
}

struct hs_capture_header *fake_header(struct fake *fake)
{
    return &fake->header;
}

uint32_t fake_string(struct fake *fake, const char *text)
{
    uint32_t offset = (uint32_t)fake->bytes[HS_SECTION_STRINGS].count;
    append_bytes(fake, HS_SECTION_STRINGS, text, strlen(text) + 1);
    return offset;
}

uint32_t fake_module(struct fake *fake, const char *path, uint64_t start, uint64_t end,
                     uint64_t data_size)
{
    struct hs_capture_module module = {
        .start = start,
        .end = end,
        .bias = start,
        .data_size = data_size,
        .path = fake_string(fake, path),
        .id = next_id(fake),
    };
    return append(fake, HS_SECTION_MODULES, &module);
}

uint32_t fake_frame(struct fake *fake, uint32_t parent, uint64_t address, uint32_t module)
{
    struct hs_capture_frame frame = {address, parent, module};
    return append(fake, HS_SECTION_FRAMES, &frame);
}

uint32_t fake_block(struct fake *fake, uint64_t address, uint64_t size, uint32_t stack)
{
    struct hs_capture_block block = {
        .address = address,
        .size = size,
        .stack = stack,
        .id = next_id(fake),
    };
    return append(fake, HS_SECTION_BLOCKS, &block);
}

uint32_t fake_mapping(struct fake *fake, uint64_t address, uint64_t size, uint32_t flags)
{
    uint32_t index = fake_block(fake, address, size, HS_STACK_UNKNOWN);
    fake_block_at(fake, index)->flags = HS_BLOCK_MAPPING | flags;
    return index;
}

void fake_edge(struct fake *fake, uint32_t from, uint32_t word, uint32_t to,
               uint32_t inside)
{
    struct hs_capture_edge edge = {from, to, word, inside};
    append(fake, HS_SECTION_EDGES, &edge);
}

uint32_t fake_root(struct fake *fake, enum hs_root_kind kind, uint32_t owner,
                   uint64_t start, uint64_t end)
{
    struct hs_capture_root root = {start, end, kind, owner};
    return append(fake, HS_SECTION_ROOTS, &root);
}

void fake_root_edge(struct fake *fake, uint32_t root, uint64_t address, uint32_t to,
                    uint32_t inside)
{
    struct hs_capture_root_edge edge = {address, root, to, inside, 0};
    append(fake, HS_SECTION_ROOT_EDGES, &edge);
}

uint32_t fake_thread(struct fake *fake, int32_t tid, const char *name)
{
    struct hs_capture_thread thread = {
        .tid = tid,
        .stopped = 1,
        .id = next_id(fake),
        .stack_id = next_id(fake),
    };
    snprintf(thread.name, sizeof(thread.name), "%s", name);
    return append(fake, HS_SECTION_THREADS, &thread);
}

uint32_t fake_handle(struct fake *fake, int32_t number, const char *call,
                     const char *label, uint32_t stack)
{
    struct hs_capture_handle handle = {
        .kind = HS_HANDLE_FD,
        .number = number,
        .stack = stack,
        .id = next_id(fake),
        .call = fake_string(fake, call),
        .label = fake_string(fake, label),
    };
    return append(fake, HS_SECTION_HANDLES, &handle);
}

void fake_total(struct fake *fake, uint32_t stack, uint64_t count, uint64_t bytes)
{
    struct hs_capture_total total = {.stack = stack, .count = count, .bytes = bytes};
    append(fake, HS_SECTION_TOTALS, &total);
}

void fake_word(struct fake *fake, uint32_t block, uint32_t word, uint64_t value)
{
    struct hs_capture_word entry = {block, word, value};
    append(fake, HS_SECTION_WORDS, &entry);
}

void fake_text(struct fake *fake, uint32_t block, const char *text)
{
    struct hs_capture_text entry = {.block = block};
    size_t length = strlen(text);
    entry.length = (uint8_t)(length < sizeof(entry.text) ? length : sizeof(entry.text));
    memcpy(entry.text, text, entry.length);
    append(fake, HS_SECTION_TEXTS, &entry);
}

void fake_epoch(struct fake *fake, uint64_t time)
{
    append(fake, HS_SECTION_EPOCHS, &time);
}

void fake_stack(struct fake *fake, uint32_t thread, uint64_t address, const void *bytes,
                uint64_t size)
{
    struct hs_capture_thread *entry = fake_thread_at(fake, thread);
    entry->stack_start = address;
    entry->stack_end = address + size;
    entry->stacks_offset = fake->bytes[HS_SECTION_STACKS].count;
    entry->stacks_size = size;
    append_bytes(fake, HS_SECTION_STACKS, bytes, size);
}

struct hs_capture_module *fake_module_at(struct fake *fake, uint32_t index)
{
    return entry_at(fake, HS_SECTION_MODULES, index);
}

struct hs_capture_block *fake_block_at(struct fake *fake, uint32_t index)
{
    return entry_at(fake, HS_SECTION_BLOCKS, index);
}

struct hs_capture_thread *fake_thread_at(struct fake *fake, uint32_t index)
{
    return entry_at(fake, HS_SECTION_THREADS, index);
}

struct hs_capture_handle *fake_handle_at(struct fake *fake, uint32_t index)
{
    return entry_at(fake, HS_SECTION_HANDLES, index);
}

static void write_at(int fd, const void *bytes, size_t size, uint64_t offset)
{
    for (size_t done = 0; done < size;) {
        ssize_t n =
            pwrite(fd, (const char *)bytes + done, size - done, (off_t)(offset + done));
        require(n > 0, "pwrite");
        done += (size_t)n;
    }
}

int fake_write(struct fake *fake)
{
    uint64_t offset = (sizeof(fake->header) + 7) & ~7ull;
    for (size_t i = 0; i < HS_SECTION_COUNT; i++) {
        fake->header.sections[i].offset = offset;
        fake->header.sections[i].count = fake->bytes[i].count / entry_size[i];
        offset = (offset + fake->bytes[i].count + 7) & ~7ull;
    }
    fake->header.size = offset;

    int fd = memfd_create("fake-capture", MFD_CLOEXEC);
    require(fd >= 0 && ftruncate(fd, (off_t)offset) == 0, "memfd");
    write_at(fd, &fake->header, sizeof(fake->header), 0);
    for (size_t i = 0; i < HS_SECTION_COUNT; i++)
        write_at(fd, fake->bytes[i].at, fake->bytes[i].count,
                 fake->header.sections[i].offset);
    return fd;
}

struct hs_capture fake_open(struct fake *fake)
{
    int fd = fake_write(fake);
    size_t size = fake->header.size;
    const char *memory = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    require(memory != MAP_FAILED, "mmap");
    close(fd);

    struct hs_capture capture = {.mapping = (void *)(uintptr_t)memory,
                                 .mapping_size = size};
    capture.header = (const struct hs_capture_header *)memory;
    const struct hs_capture_section *at = capture.header->sections;
#define VIEW(section, pointer, counter)                                         \
    capture.pointer = (const void *)(memory + at[HS_SECTION_##section].offset); \
    capture.counter = at[HS_SECTION_##section].count
    VIEW(STRINGS, strings, n_strings);
    VIEW(MODULES, modules, n_modules);
    VIEW(FRAMES, frames, n_frames);
    VIEW(BLOCKS, blocks, n_blocks);
    VIEW(EDGES, edges, n_edges);
    VIEW(ROOTS, roots, n_roots);
    VIEW(ROOT_EDGES, root_edges, n_root_edges);
    VIEW(THREADS, threads, n_threads);
    VIEW(STACKS, stacks, n_stacks);
    VIEW(HANDLES, handles, n_handles);
    VIEW(TOTALS, totals, n_totals);
    VIEW(EPOCHS, epochs, n_epochs);
    VIEW(WORDS, words, n_words);
    VIEW(TEXTS, texts, n_texts);
#undef VIEW
    return capture;
}

void fake_close(struct hs_capture *capture)
{
    munmap(capture->mapping, capture->mapping_size);
}

void fake_total_ever(struct fake *fake, uint32_t stack, uint64_t count, uint64_t bytes)
{
    struct hs_capture_total total = {
        .stack = stack, .ever_count = count, .ever_bytes = bytes};
    append(fake, HS_SECTION_TOTALS, &total);
}

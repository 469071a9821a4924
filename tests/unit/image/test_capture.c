// SPDX-License-Identifier: MIT

/* What hs_capture_open() accepts, and that every kind of damage is refused with a place. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "heapsnap/capture.h"
#include "tests/unit/image/support.h"

static int open_bytes(const void *bytes, size_t size, struct hs_capture *ret,
                      struct hs_error *err)
{
    int fd = memfd_with(HS_CAPTURE_NAME, bytes, size, F_SEAL_SHRINK);
    int result = hs_capture_open(fd, ret, err);
    close(fd);
    return result;
}

/* Expect that `capture` is refused, and that the text says `why`. */
static void expect_damage(const struct small_capture *capture, const char *why)
{
    struct hs_capture opened;
    struct hs_error err = {0};

    int result = open_bytes(capture, sizeof(*capture), &opened, &err);

    cr_expect(eq(int, result, -EINVAL), "%s", why);
    cr_expect(strstr(err.text, why) != NULL, "'%s' does not say '%s'", err.text, why);
}

/* One damaged field; `why` must be in the error's text. */
#define EXPECT_DAMAGE(why, ...)         \
    do {                                \
        struct small_capture capture;   \
        small_capture_init(&capture);   \
        __VA_ARGS__;                    \
        expect_damage(&capture, (why)); \
    } while (0)

Test(capture, a_valid_capture_gives_its_tables)
{
    struct small_capture small;
    small_capture_init(&small);
    struct hs_capture capture;
    struct hs_error err = {0};

    int result = open_bytes(&small, sizeof(small), &capture, &err);

    cr_assert(eq(int, result, 0), "%s", err.text);
    cr_expect(eq(sz, capture.n_blocks, 3));
    cr_expect(eq(u64, capture.blocks[1].address, 0x10020));
    cr_expect(eq(sz, capture.n_frames, 4));
    cr_expect(eq(sz, capture.n_stacks, 64));
    cr_expect(eq(str, (char *)hs_capture_string(&capture, 1), "a"));
    cr_expect(eq(u64, capture.epochs[1], 2));
    hs_capture_close(&capture);
    cr_expect(eq(ptr, capture.mapping, NULL));
}

Test(capture, a_totals_capture_needs_no_epochs_and_no_ids)
{
    struct small_capture small;
    small_capture_init(&small);
    small.header.kind = HS_REQUEST_TOTALS;
    for (int i = HS_SECTION_BLOCKS; i <= HS_SECTION_STACKS; i++)
        small.header.sections[i].count = 0;
    small.header.sections[HS_SECTION_EPOCHS].count = 0;
    small.header.sections[HS_SECTION_WORDS].count = 0;
    small.header.sections[HS_SECTION_TEXTS].count = 0;
    small.handles[0].id = 0;
    struct hs_capture capture;
    struct hs_error err = {0};

    int result = open_bytes(&small, sizeof(small), &capture, &err);

    cr_assert(eq(int, result, 0), "%s", err.text);
    cr_expect(eq(sz, capture.n_blocks, 0));
    cr_expect(eq(ptr, (void *)capture.blocks, NULL));
    cr_expect(eq(u64, capture.totals[0].bytes, 64));
    hs_capture_close(&capture);
}

Test(capture, what_the_writer_still_maps_is_copied_and_stays_as_it_was_checked)
{
    struct small_capture small;
    small_capture_init(&small);
    int fd = memfd_with(HS_CAPTURE_NAME, &small, sizeof(small), F_SEAL_SHRINK);
    struct small_capture *writer =
        mmap(NULL, sizeof(small), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    struct hs_capture capture;

    cr_assert(eq(int, hs_capture_open(fd, &capture, NULL), 0));
    writer->blocks[0].stack = 99;

    cr_expect(eq(u32, capture.blocks[0].stack, 3));
    hs_capture_close(&capture);
    close(fd);
}

Test(capture, an_unmapped_memfd_is_sealed_against_writing)
{
    struct small_capture small;
    small_capture_init(&small);
    int fd = memfd_with(HS_CAPTURE_NAME, &small, sizeof(small), F_SEAL_SHRINK);
    struct hs_capture capture;

    cr_assert(eq(int, hs_capture_open(fd, &capture, NULL), 0));

    cr_expect(eq(int, fcntl(fd, F_GET_SEALS) & F_SEAL_WRITE, F_SEAL_WRITE));
    cr_expect(lt(int, (int)pwrite(fd, "x", 1, 0), 0));
    hs_capture_close(&capture);
    close(fd);
}

Test(capture, a_regular_file_may_be_opened_and_cut_afterwards)
{
    struct small_capture small;
    small_capture_init(&small);
    char path[] = "/tmp/heapsnap-capture-XXXXXX";
    int fd = mkstemp(path);
    cr_assert(eq(int, (int)write(fd, &small, sizeof(small)), (int)sizeof(small)));
    struct hs_capture capture;

    cr_assert(eq(int, hs_capture_open(fd, &capture, NULL), 0));
    cr_assert(eq(int, ftruncate(fd, 0), 0));

    cr_expect(eq(u64, capture.blocks[0].address, 0x10000));
    hs_capture_close(&capture);
    close(fd);
    unlink(path);
}

Test(capture, holes_are_not_read)
{
    struct small_capture small;
    small_capture_init(&small);
    small.header.size = (uint64_t)1 << 44;
    int fd = memfd_with(HS_CAPTURE_NAME, &small, sizeof(small), 0);
    cr_assert(eq(int, ftruncate(fd, (off_t)1 << 44), 0));
    cr_assert(eq(int, fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0));
    struct hs_capture capture;
    struct hs_error err = {0};

    cr_expect(eq(int, hs_capture_open(fd, &capture, &err), -EINVAL));

    cr_expect(strstr(err.text, "it has holes") != NULL);
    close(fd);
}

Test(capture, every_shortened_capture_is_refused)
{
    struct small_capture small;
    small_capture_init(&small);

    for (size_t size = 1; size < sizeof(small); size += 7) {
        struct hs_capture capture;
        cr_expect(eq(int, open_bytes(&small, size, &capture, NULL), -EINVAL));
    }
}

Test(capture, nothing_but_a_capture_is_taken_for_one)
{
    struct hs_capture capture;
    struct hs_error err = {0};

    cr_expect(
        eq(int, open_bytes("#!/bin/sh\necho hello\n", 21, &capture, &err), -EINVAL));
    cr_expect(eq(str, err.text, "not a capture: the magic number is missing"));
    int null = open("/dev/null", O_RDWR);
    cr_expect(eq(int, hs_capture_open(null, &capture, NULL), -EINVAL));
    cr_expect(eq(int, hs_capture_open(-1, &capture, NULL), -EBADF));
    close(null);
}

Test(capture, another_version_is_a_matter_of_its_own)
{
    struct small_capture small;
    small_capture_init(&small);
    small.header.version = HS_ABI_VERSION + 1;
    struct hs_capture capture;

    cr_expect(eq(int, open_bytes(&small, sizeof(small), &capture, NULL), -EPROTO));
}

Test(capture, tables_must_lie_inside_and_apart)
{
    EXPECT_DAMAGE("announces", capture.header.size++);
    EXPECT_DAMAGE("announces", capture.header.size = 8);
    EXPECT_DAMAGE("unknown kind", capture.header.kind = 3);
    EXPECT_DAMAGE("table 'blocks'",
                  capture.header.sections[HS_SECTION_BLOCKS].count = UINT64_MAX / 16);
    EXPECT_DAMAGE("table 'blocks'",
                  capture.header.sections[HS_SECTION_BLOCKS].offset = UINT64_MAX - 7);
    EXPECT_DAMAGE("table 'edges'", capture.header.sections[HS_SECTION_EDGES].offset += 4);
    EXPECT_DAMAGE("table 'strings'",
                  capture.header.sections[HS_SECTION_STRINGS].offset = 0);
    EXPECT_DAMAGE("overlap", capture.header.sections[HS_SECTION_FRAMES].offset -= 8);
    EXPECT_DAMAGE("table 'texts'", capture.header.sections[HS_SECTION_TEXTS].count = 3);
}

Test(capture, texts_must_end_and_be_there)
{
    EXPECT_DAMAGE("begin and end with a NUL", capture.strings[15] = 'x');
    EXPECT_DAMAGE("begin and end with a NUL", capture.strings[0] = 'x');
    EXPECT_DAMAGE("begin and end with a NUL",
                  capture.header.sections[HS_SECTION_STRINGS].count = 0);
    EXPECT_DAMAGE("the header names a string", capture.header.strings_command = 16);
    EXPECT_DAMAGE("the header names a string", capture.header.strings_executable = 16);
    EXPECT_DAMAGE("the header names a string", capture.header.strings_allocator = 16);
    EXPECT_DAMAGE("the header names a string", capture.header.strings_directory = 16);
    EXPECT_DAMAGE("the header names a string", capture.header.strings_output = 16);
}

Test(capture, modules_and_frames_must_make_sense)
{
    EXPECT_DAMAGE("modules[0]: it ends", capture.modules[0].end = 0xfff);
    EXPECT_DAMAGE("modules[1]: its path", capture.modules[1].path = 16);
    EXPECT_DAMAGE("modules[0]: its build-id", capture.modules[0].build_id_size = 21);
    EXPECT_DAMAGE("modules[0]: its id", capture.modules[0].id = 130);
    EXPECT_DAMAGE("1 frames", capture.header.sections[HS_SECTION_FRAMES].count = 1);
    EXPECT_DAMAGE("frames[0]", capture.frames[0].parent = 1);
    EXPECT_DAMAGE("frames[3]: its parent", capture.frames[3].parent = 3);
    EXPECT_DAMAGE("frames[2]: its module", capture.frames[2].module = 2);
}

Test(capture, blocks_must_be_sorted_disjoint_and_well_referenced)
{
    EXPECT_DAMAGE("blocks[1]: it begins", capture.blocks[0].size = 33);
    EXPECT_DAMAGE("blocks[1]: it begins", capture.blocks[1].address = 0x10000);
    EXPECT_DAMAGE("blocks[2]: it begins", capture.blocks[2].address = 0x100);
    EXPECT_DAMAGE("blocks[2]: it ends", capture.blocks[2].size = UINT64_MAX);
    EXPECT_DAMAGE("blocks[0]: its stack", capture.blocks[0].stack = 4);
    EXPECT_DAMAGE("blocks[0]: its birth", capture.blocks[0].birth_epoch = 2);
    EXPECT_DAMAGE("blocks[0]: its id", capture.blocks[0].id = 132);
}

Test(capture, edges_must_be_sorted_and_lead_somewhere)
{
    EXPECT_DAMAGE("edges[0]: it joins", capture.edges[0].to = 3);
    EXPECT_DAMAGE("edges[1]: it joins", capture.edges[1].from = 3);
    EXPECT_DAMAGE("edges[0]: it joins a block with itself", capture.edges[0].to = 0);
    EXPECT_DAMAGE("edges[1]: the edges", capture.edges[0].from = 2);
    EXPECT_DAMAGE("root edges[0]: its root", capture.root_edges[0].root = 2);
    EXPECT_DAMAGE("root edges[1]: it leads", capture.root_edges[1].to = 3);
    EXPECT_DAMAGE("root edges[1]: the edges", capture.root_edges[0].root = 1;
                  capture.root_edges[0].address = 0x7000; capture.root_edges[1].root = 0);
    EXPECT_DAMAGE("root edges[0]: its slot", capture.root_edges[0].address = 0x1900);
}

Test(capture, words_and_texts_must_name_blocks_in_order)
{
    EXPECT_DAMAGE("words[0]: its block", capture.words[0].block = 3);
    EXPECT_DAMAGE("words[0]: it lies too far", capture.words[0].word = HS_WORDS_MAX);
    EXPECT_DAMAGE("words[1]: the words are not in order", capture.words[1].word = 0);
    EXPECT_DAMAGE("texts[0]: its block", capture.texts[0].block = 3);
    EXPECT_DAMAGE("texts[0]: it is too long", capture.texts[0].length = 28);
    EXPECT_DAMAGE("texts[1]: the texts are not in order", capture.texts[1].block = 0);
}

Test(capture, roots_threads_handles_and_totals_must_make_sense)
{
    EXPECT_DAMAGE("roots[0]: it ends", capture.roots[0].end = 0);
    EXPECT_DAMAGE("roots[0]: its kind", capture.roots[0].kind = 7);
    EXPECT_DAMAGE("roots[0]: its owner", capture.roots[0].owner = 2);
    EXPECT_DAMAGE("roots[1]: its owner", capture.roots[1].owner = 1);
    EXPECT_DAMAGE("threads[0]: its stack ends", capture.threads[0].stack_end = 0);
    EXPECT_DAMAGE("threads[0]: its stack is", capture.threads[0].stacks_size = 65);
    EXPECT_DAMAGE("threads[0]: its stack is", capture.threads[0].stacks_offset = 1);
    EXPECT_DAMAGE("threads[0]: its stack is",
                  capture.threads[0].stacks_offset = UINT64_MAX);
    EXPECT_DAMAGE("threads[0]: it has", capture.threads[0].n_registers = 35);
    EXPECT_DAMAGE("threads[0]: its name", memset(capture.threads[0].name, 'x', 16));
    EXPECT_DAMAGE("handles[0]: its stack", capture.handles[0].stack = 4);
    EXPECT_DAMAGE("handles[0]: its birth", capture.handles[0].birth_epoch = 2);
    EXPECT_DAMAGE("handles[0]: its text", capture.handles[0].label = 16);
    EXPECT_DAMAGE("totals[0]: its stack", capture.totals[0].stack = 4);
}

Test(capture, random_damage_never_gets_further_than_an_error)
{
    unsigned int seed = 1;
    for (int round = 0; round < 3000; round++) {
        struct small_capture small;
        small_capture_init(&small);
        for (int i = 0; i < 4; i++)
            ((unsigned char *)&small)[(size_t)rand_r(&seed) % sizeof(small)] =
                (unsigned char)rand_r(&seed);
        struct hs_capture capture;

        int result = open_bytes(&small, sizeof(small), &capture, NULL);

        cr_assert(result == 0 || result == -EINVAL || result == -EPROTO);
        if (result == 0)
            hs_capture_close(&capture);
    }
}

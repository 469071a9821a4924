// SPDX-License-Identifier: MIT

/*
 * Opening a capture: from a descriptor to tables that lie inside one block of memory.
 *
 * The writer is not trusted, so the bytes must not change after they were checked. A
 * memfd that can be sealed against writing is mapped as it is; everything else (the
 * writer still maps it, a regular file in a test) is copied once. What the tables say
 * is checked in capture_check.c.
 */

#include "heapsnap/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libheapsnap/image/capture_check.h"
#include "probes/abi.h"

static const struct {
    const char *name;
    size_t entry;
} sections[HS_SECTION_COUNT] = {
    [HS_SECTION_STRINGS] = {"strings", 1},
    [HS_SECTION_MODULES] = {"modules", sizeof(struct hs_capture_module)},
    [HS_SECTION_FRAMES] = {"frames", sizeof(struct hs_capture_frame)},
    [HS_SECTION_BLOCKS] = {"blocks", sizeof(struct hs_capture_block)},
    [HS_SECTION_EDGES] = {"edges", sizeof(struct hs_capture_edge)},
    [HS_SECTION_ROOTS] = {"roots", sizeof(struct hs_capture_root)},
    [HS_SECTION_ROOT_EDGES] = {"root edges", sizeof(struct hs_capture_root_edge)},
    [HS_SECTION_THREADS] = {"threads", sizeof(struct hs_capture_thread)},
    [HS_SECTION_STACKS] = {"stacks", 1},
    [HS_SECTION_HANDLES] = {"handles", sizeof(struct hs_capture_handle)},
    [HS_SECTION_TOTALS] = {"totals", sizeof(struct hs_capture_total)},
    [HS_SECTION_EPOCHS] = {"epochs", sizeof(uint64_t)},
    [HS_SECTION_WORDS] = {"words", sizeof(struct hs_capture_word)},
    [HS_SECTION_TEXTS] = {"texts", sizeof(struct hs_capture_text)},
};

/* Where section `index` lies; false with `err` set when that is not inside `size`. */
static bool section_range(const struct hs_capture_header *header, int index,
                          uint64_t *ret_start, uint64_t *ret_end, struct hs_error *err)
{
    const struct hs_capture_section *section = &header->sections[index];
    uint64_t bytes, end;
    if (section->count == 0) {
        *ret_start = *ret_end = 0;
        return true;
    }
    if (section->offset % 8 != 0 || section->offset < sizeof(*header)
        || __builtin_mul_overflow(section->count, sections[index].entry, &bytes)
        || __builtin_add_overflow(section->offset, bytes, &end) || end > header->size) {
        hs_error_set(err, EINVAL,
                     "damaged capture: table '%s' (%" PRIu64 " entries at offset %" PRIu64
                     ") does not fit in %" PRIu64 " bytes",
                     sections[index].name, section->count, section->offset, header->size);
        return false;
    }
    *ret_start = section->offset;
    *ret_end = end;
    return true;
}

static int check_sections(const struct hs_capture_header *header, struct hs_error *err)
{
    uint64_t start[HS_SECTION_COUNT], end[HS_SECTION_COUNT];
    for (int i = 0; i < HS_SECTION_COUNT; i++) {
        if (!section_range(header, i, &start[i], &end[i], err))
            return -EINVAL;
        for (int other = 0; other < i; other++)
            if (start[i] < end[other] && start[other] < end[i])
                return hs_error_set(err, EINVAL,
                                    "damaged capture: tables '%s' and '%s' overlap",
                                    sections[other].name, sections[i].name);
    }
    return 0;
}

static int check_header(const struct hs_capture_header *header, size_t mapped,
                        struct hs_error *err)
{
    if (mapped < sizeof(header->magic) + sizeof(header->version)
        || header->magic != HS_CAPTURE_MAGIC)
        return hs_error_set(err, EINVAL, "not a capture: the magic number is missing");
    if (header->version != HS_ABI_VERSION)
        return hs_error_set(err, EPROTO,
                            "the capture has version %" PRIu32
                            ", this heapsnap reads %u; "
                            "use the heapsnap that belongs to the preloaded library",
                            header->version, HS_ABI_VERSION);
    if (mapped < sizeof(*header) || header->size < sizeof(*header)
        || header->size > mapped)
        return hs_error_set(err, EINVAL,
                            "damaged capture: %zu bytes where the header needs %zu and "
                            "announces %" PRIu64,
                            mapped, sizeof(*header),
                            mapped < sizeof(*header) ? 0 : header->size);
    if (header->kind != HS_REQUEST_SNAPSHOT && header->kind != HS_REQUEST_TOTALS)
        return hs_error_set(err, EINVAL, "damaged capture: unknown kind %" PRIu32,
                            header->kind);
    return check_sections(header, err);
}

#define TABLE(capture, array, index)                                                     \
    do {                                                                                 \
        const struct hs_capture_section *section_ = &(capture)->header->sections[index]; \
        (capture)->n_##array = section_->count;                                          \
        (capture)->array =                                                               \
            section_->count ? (const void *)(base + section_->offset) : NULL;            \
    } while (0)

static void set_tables(struct hs_capture *capture)
{
    const unsigned char *base = capture->mapping;
    TABLE(capture, strings, HS_SECTION_STRINGS);
    TABLE(capture, modules, HS_SECTION_MODULES);
    TABLE(capture, frames, HS_SECTION_FRAMES);
    TABLE(capture, blocks, HS_SECTION_BLOCKS);
    TABLE(capture, edges, HS_SECTION_EDGES);
    TABLE(capture, roots, HS_SECTION_ROOTS);
    TABLE(capture, root_edges, HS_SECTION_ROOT_EDGES);
    TABLE(capture, threads, HS_SECTION_THREADS);
    TABLE(capture, stacks, HS_SECTION_STACKS);
    TABLE(capture, handles, HS_SECTION_HANDLES);
    TABLE(capture, totals, HS_SECTION_TOTALS);
    TABLE(capture, epochs, HS_SECTION_EPOCHS);
    TABLE(capture, words, HS_SECTION_WORDS);
    TABLE(capture, texts, HS_SECTION_TEXTS);
}

/* Can nobody change or cut the file any more? Seals it when that is possible. */
static bool is_immutable(int fd)
{
    const int wanted = F_SEAL_SHRINK | F_SEAL_WRITE;
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0)
        return false;
    if ((seals & wanted) != wanted)
        (void)fcntl(fd, F_ADD_SEALS, wanted);
    seals = fcntl(fd, F_GET_SEALS);
    return seals >= 0 && (seals & wanted) == wanted;
}

static int copy_file(int fd, void *memory, size_t size, struct hs_error *err)
{
    size_t done = 0;
    while (done < size) {
        ssize_t count = pread(fd, (char *)memory + done, size - done, (off_t)done);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return hs_error_set(err, errno, "cannot read the capture: %s",
                                strerror(errno));
        if (count == 0)
            return hs_error_set(
                err, EINVAL, "damaged capture: it shrank to %zu bytes while it was read",
                done);
        done += (size_t)count;
    }
    return 0;
}

static int map_capture(int fd, struct hs_capture *capture, struct hs_error *err)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return hs_error_set(err, errno, "cannot look at the capture: %s",
                            strerror(errno));
    if (!S_ISREG(status.st_mode) || status.st_size <= 0)
        return hs_error_set(err, EINVAL, "not a capture: an empty or special file");
    /* Reading the holes of a memfd would cost the memory that its maker has saved. Of disks
     * st_blocks says nothing: they compress. */
    if (fcntl(fd, F_GET_SEALS) >= 0
        && (uint64_t)status.st_blocks * 512 < (uint64_t)status.st_size)
        return hs_error_set(err, EINVAL, "damaged capture: it has holes");

    bool in_place = is_immutable(fd);
    size_t size = (size_t)status.st_size;
    void *mapping =
        mmap(NULL, size, in_place ? PROT_READ : PROT_READ | PROT_WRITE,
             in_place ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, in_place ? fd : -1, 0);
    if (mapping == MAP_FAILED)
        return hs_error_set(err, errno, "cannot map a capture of %zu bytes: %s", size,
                            strerror(errno));
    capture->mapping = mapping;
    capture->mapping_size = size;
    return in_place ? 0 : copy_file(fd, mapping, size, err);
}

int hs_capture_open(int fd, struct hs_capture *ret, struct hs_error *err)
{
    struct hs_capture capture = {0};
    int result = map_capture(fd, &capture, err);
    if (result == 0) {
        capture.header = capture.mapping;
        result = check_header(capture.header, capture.mapping_size, err);
    }
    if (result == 0) {
        set_tables(&capture);
        result = hs_capture_check(&capture, err);
    }
    if (result != 0) {
        hs_capture_close(&capture);
        return result;
    }
    *ret = capture;
    return 0;
}

void hs_capture_close(struct hs_capture *capture)
{
    if (capture->mapping)
        munmap(capture->mapping, capture->mapping_size);
    memset(capture, 0, sizeof(*capture));
}

// SPDX-License-Identifier: MIT

/*
 * The mappings of a core file: its PT_LOAD headers, each with as many of its bytes as are
 * really in the file, which may have been cut off; and mappings of files that have no
 * header of their own, from NT_FILE. A header whose file size is smaller than its memory
 * size means in a core "the rest was not written", not "zeros" as in a program.
 */

#include "libheapsnap/image/core.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "probes/abi.h"

/* How many program headers there are; more than 65534 are counted in section 0 (ELF
 * gABI, PN_XNUM). */
static uint64_t count_headers(const struct hs_core *core, const Elf64_Ehdr *elf)
{
    if (elf->e_phnum != PN_XNUM)
        return elf->e_phnum;
    Elf64_Shdr section;
    if (core->size < sizeof(section) || elf->e_shoff > core->size - sizeof(section))
        return 0;
    memcpy(&section, core->bytes + elf->e_shoff, sizeof(section));
    return section.sh_info;
}

static bool add_load(struct hs_core *core, const Elf64_Phdr *header)
{
    uint64_t mask = HS_PAGE_SIZE - 1;
    struct hs_core_segment segment = {
        .start = header->p_vaddr & ~mask, .path = "", .file = SIZE_MAX};
    /* What nobody can map is no memory of a process. */
    if (header->p_memsz == 0 || (header->p_vaddr & mask) != 0
        || header->p_vaddr > INT64_MAX || header->p_memsz > INT64_MAX - header->p_vaddr)
        return true;
    segment.end = (header->p_vaddr + header->p_memsz + mask) & ~mask;
    segment.flags |= header->p_flags & PF_R ? HS_BLOCK_READ : 0;
    segment.flags |= header->p_flags & PF_W ? HS_BLOCK_WRITE : 0;
    segment.flags |= header->p_flags & PF_X ? HS_BLOCK_EXECUTE : 0;
    if (header->p_offset < core->size) {
        uint64_t rest = core->size - header->p_offset;
        segment.n_filled = header->p_filesz < rest ? header->p_filesz : rest;
        if (segment.n_filled > segment.end - segment.start)
            segment.n_filled = segment.end - segment.start;
        segment.filled = core->bytes + header->p_offset;
    }
    return hs_array_push(&core->segments, segment);
}

static int by_start(const void *left, const void *right)
{
    const struct hs_core_segment *a = left, *b = right;
    return (a->start > b->start) - (a->start < b->start);
}

/* In order, and each byte in one segment only: the first one's. */
static void sort_segments(struct hs_core *core)
{
    size_t kept = 0;
    uint64_t end = 0;
    if (core->segments.count > 1)
        qsort(core->segments.at, core->segments.count, sizeof(*core->segments.at),
              by_start);
    for (size_t i = 0; i < core->segments.count; i++) {
        struct hs_core_segment segment = core->segments.at[i];
        if (segment.start < end) /* damaged, or NT_FILE says again what a header did */
            continue;
        end = segment.end;
        core->segments.at[kept++] = segment;
    }
    core->segments.count = kept;
}

size_t hs_core_find(const struct hs_core *core, uint64_t address)
{
    size_t low = 0, high = core->segments.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (core->segments.at[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct hs_core_segment *find_segment(struct hs_core *core, uint64_t address)
{
    size_t index = hs_core_find(core, address);
    bool is_found =
        index < core->segments.count && core->segments.at[index].start <= address;
    return is_found ? &core->segments.at[index] : NULL;
}

/* Headers come one a mapping, like the entries of NT_FILE; where they are finer, all of
 * them that lie in the entry are parts of the file. */
static bool take_mapping(struct hs_core *core, const struct hs_core_mapping *mapping)
{
    const char *path =
        hs_tables_string(&core->tables, mapping->path, strlen(mapping->path));
    if (!path)
        return false;
    struct hs_core_segment *segment = find_segment(core, mapping->start);
    if (!segment) {
        /* Waits among the ranges until all are known: lookups want the segments sorted. */
        struct hs_memory_range range = {.start = mapping->start,
                                        .end = mapping->end,
                                        .flags = HS_BLOCK_READ | HS_BLOCK_FILE,
                                        .file_offset = mapping->file_offset,
                                        .path = path};
        bool is_sane = ((mapping->start | mapping->end) & (HS_PAGE_SIZE - 1)) == 0
                       && mapping->end <= INT64_MAX;
        return !is_sane || hs_array_push(&core->tables.ranges, range);
    }
    const struct hs_core_segment *end = core->segments.at + core->segments.count;
    if (segment->start < mapping->start)
        segment++;
    for (; segment < end && segment->start < mapping->end && !*segment->path; segment++) {
        segment->path = path;
        segment->flags |= HS_BLOCK_FILE;
        segment->file_offset = mapping->file_offset + (segment->start - mapping->start);
    }
    return true;
}

/* What NT_FILE alone knew, which waited in the table of ranges. */
static bool add_unwritten(struct hs_core *core)
{
    for (size_t i = 0; i < core->tables.ranges.count; i++) {
        const struct hs_memory_range *range = &core->tables.ranges.at[i];
        struct hs_core_segment segment = {.start = range->start,
                                          .end = range->end,
                                          .flags = range->flags,
                                          .path = range->path,
                                          .file_offset = range->file_offset,
                                          .file = SIZE_MAX};
        if (!hs_array_push(&core->segments, segment))
            return false;
    }
    core->tables.ranges.count = 0;
    sort_segments(core);
    return true;
}

static bool read_header(const struct hs_core *core, const Elf64_Ehdr *elf, uint64_t index,
                        Elf64_Phdr *ret)
{
    uint64_t room = core->size - elf->e_phoff;
    if (index >= room / sizeof(*ret))
        return false;
    memcpy(ret, core->bytes + elf->e_phoff + index * sizeof(*ret), sizeof(*ret));
    return true;
}

int hs_core_read_segments(struct hs_core *core, const char *path, struct hs_error *err)
{
    Elf64_Ehdr elf;
    Elf64_Phdr header;
    memcpy(&elf, core->bytes, sizeof(elf));
    if (elf.e_phentsize != sizeof(header) || elf.e_phoff > core->size)
        return hs_error_set(err, EINVAL, "'%s' is damaged: no program headers", path);
    uint64_t count = count_headers(core, &elf);
    bool has_memory = true, has_notes = true;
    for (uint64_t i = 0; i < count && has_memory; i++) {
        if (!read_header(core, &elf, i, &header))
            break;
        if (header.p_type == PT_LOAD)
            has_memory = add_load(core, &header);
        if (header.p_type == PT_NOTE && header.p_offset >= core->size)
            has_notes = false;
    }
    if (!has_notes)
        return hs_error_set(
            err, EINVAL,
            "'%s' was cut off before its end (a full disk, or ulimit -c); "
            "what is left does not say whose it is",
            path);
    sort_segments(core);
    for (uint64_t i = 0; i < count && has_memory; i++) {
        if (!read_header(core, &elf, i, &header))
            break;
        if (header.p_type == PT_NOTE && header.p_offset < core->size) {
            uint64_t rest = core->size - header.p_offset;
            has_memory = hs_core_read_notes(
                core, core->bytes + header.p_offset,
                header.p_filesz < rest ? header.p_filesz : rest, take_mapping);
        }
    }
    if (!has_memory || !add_unwritten(core))
        return hs_error_set(err, ENOMEM, "no memory for the mappings of '%s'", path);
    if (core->segments.count == 0)
        return hs_error_set(err, EINVAL, "'%s' is damaged: it holds no memory", path);
    return 0;
}

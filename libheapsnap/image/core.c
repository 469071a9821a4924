// SPDX-License-Identifier: MIT

/*
 * The memory of a process that a core file holds, behind the interface of
 * heapsnap/memory.h. The file is mapped: what it has is handed out without a copy.
 */

#include "libheapsnap/image/core.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "probes/abi.h"

#if defined(__aarch64__)
#define OWN_MACHINE EM_AARCH64
#else
#define OWN_MACHINE EM_X86_64
#endif

static const struct hs_core_segment *find(const struct hs_core *core, uint64_t address)
{
    size_t index = hs_core_find(core, address);
    return index < core->segments.count ? &core->segments.at[index] : NULL;
}

/* The bytes at `offset` of the segment, `ret_size` of them in one piece; NULL: missing. */
static const uint8_t *bytes_at(const struct hs_core *core,
                               const struct hs_core_segment *segment, uint64_t offset,
                               uint64_t *ret_size)
{
    if (offset < segment->n_filled) {
        *ret_size = segment->n_filled - offset;
        return segment->filled + offset;
    }
    if (segment->file == SIZE_MAX)
        return NULL;
    const struct hs_core_file *file = &core->files.at[segment->file];
    uint64_t at;
    if (__builtin_add_overflow(segment->file_offset, offset, &at) || at >= file->size)
        return NULL;
    uint64_t rest = segment->end - segment->start - offset;
    *ret_size = file->size - at < rest ? file->size - at : rest;
    return file->bytes + at;
}

static const uint8_t *bytes_of(const struct hs_core *core, uint64_t address,
                               uint64_t *ret_size)
{
    const struct hs_core_segment *segment = find(core, address);
    if (!segment || segment->start > address)
        return NULL;
    return bytes_at(core, segment, address - segment->start, ret_size);
}

static size_t core_read(const struct hs_memory *memory, uint64_t address, void *buffer,
                        size_t size)
{
    size_t done = 0;
    while (done < size) {
        uint64_t there;
        const uint8_t *bytes =
            bytes_of((const struct hs_core *)memory, address + done, &there);
        if (!bytes)
            break;
        size_t count = size - done < there ? size - done : there;
        memcpy((char *)buffer + done, bytes, count);
        done += count;
    }
    return done;
}

static const void *core_direct(const struct hs_memory *memory, uint64_t address,
                               size_t size)
{
    uint64_t there;
    const uint8_t *bytes = bytes_of((const struct hs_core *)memory, address, &there);
    /* Words are read through it: in a damaged core they may lie askew. */
    bool is_aligned = (((uintptr_t)bytes ^ address) & 7) == 0;
    return bytes && there >= size && is_aligned ? bytes : NULL;
}

static bool core_present(const struct hs_memory *memory, uint64_t address, uint64_t end,
                         uint64_t *ret_start, uint64_t *ret_end)
{
    const struct hs_core *core = (const struct hs_core *)memory;
    const struct hs_core_segment *segment = find(core, address);
    const struct hs_core_segment *last =
        segment ? core->segments.at + core->segments.count : NULL;
    for (; segment < last && segment->start < end; segment++) {
        uint64_t start = address > segment->start ? address : segment->start, size;
        if (!bytes_at(core, segment, start - segment->start, &size))
            continue;
        *ret_start = start;
        *ret_end = end - start < size ? end : start + size;
        return true;
    }
    return false;
}

static void core_close(struct hs_memory *memory)
{
    struct hs_core *core = (struct hs_core *)memory;
    for (size_t i = 0; i < core->files.count; i++)
        munmap((void *)core->files.at[i].bytes, core->files.at[i].size);
    if (core->bytes)
        munmap((void *)core->bytes, core->size);
    hs_tables_clear(&core->tables);
    free(core->files.at);
    free(core->segments.at);
    free(core);
}

static const struct hs_memory_backend core_backend = {
    .read = core_read,
    .direct = core_direct,
    .present = core_present,
    .close = core_close,
};

static const char *packer_of(const uint8_t *bytes, size_t size)
{
    static const struct {
        const char magic[5], name[8];
    } packers[] = {{"\x28\xb5\x2f\xfd", "zstd"},
                   {"\x04\x22\x4d\x18", "lz4"},
                   {"\x1f\x8b", "gzip"},
                   {"\xfd"
                    "7zX",
                    "xz"}};
    for (size_t i = 0; i < sizeof(packers) / sizeof(*packers); i++) {
        size_t length = strlen(packers[i].magic);
        if (size >= length && memcmp(bytes, packers[i].magic, length) == 0)
            return packers[i].name;
    }
    return NULL;
}

static int check_header(const struct hs_core *core, const char *path,
                        struct hs_error *err)
{
    Elf64_Ehdr elf;
    const char *packer = packer_of(core->bytes, core->size);
    if (packer)
        return hs_error_set(err, ENOEXEC, "'%s' is compressed: unpack it with %s first",
                            path, packer);
    if (core->size < EI_NIDENT || memcmp(core->bytes, ELFMAG, SELFMAG) != 0)
        return hs_error_set(err, ENOEXEC, "'%s' is no core file", path);
    if (core->bytes[EI_CLASS] != ELFCLASS64 || core->bytes[EI_DATA] != ELFDATA2LSB)
        return hs_error_set(err, ENOEXEC, "'%s' is not of a 64-bit program", path);
    if (core->size < sizeof(elf))
        return hs_error_set(err, EINVAL, "'%s' is damaged: it ends in its header", path);
    memcpy(&elf, core->bytes, sizeof(elf));
    if (elf.e_type != ET_CORE)
        return hs_error_set(err, ENOEXEC, "'%s' is no core file but a program or library",
                            path);
    if (elf.e_machine != OWN_MACHINE)
        return hs_error_set(err, ENOEXEC, "'%s' is of another kind of machine", path);
    return 0;
}

static int map_core(struct hs_core *core, const char *path, struct hs_error *err)
{
    int result = hs_core_map(path, &core->bytes, &core->size);
    if (result == -ENOEXEC)
        return hs_error_set(err, ENOEXEC, "'%s' is no core file", path);
    if (result != 0)
        return hs_error_set(err, -result, "cannot read '%s': %s", path,
                            strerror(-result));
    return check_header(core, path, err);
}

/* What the core does not name, but its registers and the auxiliary vector tell. */
static const char *path_of(const struct hs_core *core,
                           const struct hs_core_segment *segment)
{
    const struct hs_memory_thread *first =
        core->memory.n_threads > 0 ? core->memory.threads : NULL;
    if (*segment->path || !first)
        return segment->path;
    if (core->auxv.vdso != 0 && segment->start == core->auxv.vdso)
        return "[vdso]";
    bool is_stack = core->auxv.name >= segment->start && core->auxv.name < segment->end;
    return is_stack ? "[stack]" : "";
}

static bool show_segments(struct hs_core *core)
{
    for (size_t i = 0; i < core->segments.count; i++) {
        const struct hs_core_segment *segment = &core->segments.at[i];
        struct hs_memory_range range = {
            .start = segment->start,
            .end = segment->end,
            .flags = segment->flags,
            .file_offset = segment->file_offset,
            .path = path_of(core, segment),
        };
        if (!hs_array_push(&core->tables.ranges, range))
            return false;
    }
    return true;
}

/* The module that the kernel started; without a header of it, the path the stack holds. */
static void describe(struct hs_core *core)
{
    struct hs_memory *memory = &core->memory;
    char path[4096];
    memory->command = *core->arguments ? core->arguments : core->name;
    memory->executable = "";
    for (size_t i = 0; i < memory->n_modules; i++)
        if (memory->modules[i].is_executable)
            memory->executable = memory->modules[i].path;
    if (*memory->executable || core->auxv.name == 0)
        return;
    size_t size = hs_memory_read(memory, core->auxv.name, path, sizeof(path));
    size_t length = strnlen(path, size);
    const char *name =
        length < size ? hs_tables_string(&core->tables, path, length) : NULL;
    memory->executable = name ? name : "";
}

static int load(struct hs_core *core, const char *path, const char *executable,
                struct hs_error *err)
{
    int result = map_core(core, path, err);
    if (result == 0)
        result = hs_core_read_segments(core, path, err);
    if (result != 0)
        return result;
    hs_tables_publish(&core->tables, &core->memory); /* threads */
    if (!show_segments(core))
        return hs_error_set(err, ENOMEM, "no memory for the mappings of '%s'", path);
    hs_tables_publish(&core->tables, &core->memory);
    if (!hs_tables_find_modules(&core->tables, &core->memory, &core->auxv))
        return hs_error_set(err, ENOMEM, "no memory for the modules of '%s'", path);
    hs_tables_publish(&core->tables, &core->memory);
    describe(core);
    return hs_core_find_files(core, executable, err);
}

int hs_memory_open_core(const char *path, const char *executable, struct hs_memory **ret,
                        struct hs_error *err)
{
    struct hs_core *core = calloc(1, sizeof(*core));
    if (!core)
        return hs_error_set(err, ENOMEM, "no memory to look at '%s'", path);
    core->memory.backend = &core_backend;
    core->memory.way = HS_MEMORY_CORE;
    core->memory.way_reason = "";
    core->memory.is_core = true;
    int result = load(core, path, executable, err);
    if (result != 0)
        core_close(&core->memory);
    else
        *ret = &core->memory;
    return result;
}

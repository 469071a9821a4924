// SPDX-License-Identifier: MIT

/*
 * The files a core's process had mapped. A core leaves out pages that files still have; a
 * file of the same name may have become another one since, so its build-id must be the one
 * that the core's own copy of the header tells. Only mappings that nobody could write to
 * are filled up: of the others the core has every page that was changed.
 */

#include "libheapsnap/image/core.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libheapsnap/base/guard.h"
#include "probes/abi.h"

int hs_core_map(const char *path, const uint8_t **ret_bytes, size_t *ret_size)
{
    /* Nothing happens to a device that is opened as a mere path. */
    hs_auto_close int name = open(path, O_PATH | O_CLOEXEC);
    struct stat status;
    if (name < 0 || fstat(name, &status) != 0)
        return -errno;
    if (!S_ISREG(status.st_mode) || status.st_size <= 0)
        return -ENOEXEC;
    char again[64];
    snprintf(again, sizeof(again), "/proc/self/fd/%d", name);
    hs_auto_close int fd = open(again, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        return -errno;
    *ret_bytes = bytes;
    *ret_size = (size_t)status.st_size;
    return 0;
}

static void read_build_id(const struct hs_core_file *file, struct hs_memory_module *ret)
{
    Elf64_Ehdr elf;
    if (file->size < sizeof(elf))
        return;
    memcpy(&elf, file->bytes, sizeof(elf));
    if (memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0 || elf.e_ident[EI_CLASS] != ELFCLASS64
        || elf.e_phentsize != sizeof(Elf64_Phdr) || elf.e_phoff > file->size)
        return;
    uint64_t room = (file->size - elf.e_phoff) / sizeof(Elf64_Phdr);
    for (uint64_t i = 0; i < elf.e_phnum && i < room && ret->build_id_size == 0; i++) {
        Elf64_Phdr header;
        memcpy(&header, file->bytes + elf.e_phoff + i * sizeof(header), sizeof(header));
        if (header.p_type != PT_NOTE || header.p_offset > file->size)
            continue;
        uint64_t rest = file->size - header.p_offset;
        hs_module_take_build_id(ret, file->bytes + header.p_offset,
                                header.p_filesz < rest ? header.p_filesz : rest);
    }
}

static bool is_same(const struct hs_memory_module *module,
                    const struct hs_core_file *file)
{
    struct hs_memory_module found = {0};
    read_build_id(file, &found);
    return found.build_id_size > 0 && found.build_id_size == module->build_id_size
           && memcmp(found.build_id, module->build_id, found.build_id_size) == 0;
}

/* Every unwritable part of the module gets what the core lacks from the file. */
static void fill_module(struct hs_core *core, const struct hs_memory_module *module,
                        size_t file)
{
    const char *path = "";
    for (size_t i = hs_core_find(core, module->start); i < core->segments.count; i++) {
        struct hs_core_segment *segment = &core->segments.at[i];
        if (segment->start >= module->end)
            break;
        if (segment->start == module->start)
            path = segment->path;
        if (strcmp(segment->path, path) == 0 && *path
            && !(segment->flags & HS_BLOCK_WRITE))
            segment->file = file;
    }
}

/* -EINVAL: it is another file than the module's. */
static int fill_from(struct hs_core *core, const struct hs_memory_module *module,
                     const char *path)
{
    struct hs_core_file file = {0};
    int result = hs_core_map(path, &file.bytes, &file.size);
    if (result != 0)
        return result;
    if (!is_same(module, &file)) {
        munmap((void *)file.bytes, file.size);
        return -EINVAL;
    }
    if (!hs_array_push(&core->files, file)) {
        munmap((void *)file.bytes, file.size);
        return -ENOMEM;
    }
    fill_module(core, module, core->files.count - 1);
    return 0;
}

int hs_core_find_files(struct hs_core *core, const char *executable, struct hs_error *err)
{
    for (size_t i = 0; i < core->memory.n_modules; i++) {
        const struct hs_memory_module *module = &core->memory.modules[i];
        bool is_given = executable && module->is_executable;
        int result = fill_from(core, module, is_given ? executable : module->path);
        if (result == -ENOMEM)
            return hs_error_set(err, ENOMEM, "no memory for the files of a core");
        if (!is_given || result == 0)
            continue;
        if (result != -EINVAL)
            return hs_error_set(err, -result, "cannot read '%s': %s", executable,
                                strerror(-result));
        if (module->build_id_size > 0)
            return hs_error_set(
                err, EINVAL,
                "'%s' is not the program that the core is of, '%s': their "
                "build-ids differ",
                executable, module->path);
    }
    return 0;
}

// SPDX-License-Identifier: MIT

/*
 * A file as a captured module that is loaded where it was linked to (bias 0).
 */

#ifndef HEAPSNAP_TESTS_SUPPORT_ELF_MODULE_H
#define HEAPSNAP_TESTS_SUPPORT_ELF_MODULE_H

#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <gelf.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/fake_capture.h"

/* Give the module at `index` the build-id of the file. */
static inline void elf_note_build_id(struct fake *fake, uint32_t index, const char *path)
{
    elf_version(EV_CURRENT);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
    const void *bits;
    ssize_t size = elf ? dwelf_elf_gnu_build_id(elf, &bits) : 0;
    if (size > 0 && size <= HS_BUILD_ID_MAX) {
        struct hs_capture_module *module = fake_module_at(fake, index);
        module->build_id_size = (uint8_t)size;
        memcpy(module->build_id, bits, (size_t)size);
    }
    elf_end(elf);
    if (fd >= 0)
        close(fd);
}

/* Add it under `path`, which must be absolute, as the executable; returns its index. */
static inline uint32_t elf_module(struct fake *fake, const char *path)
{
    fake_header(fake)->strings_executable = fake_string(fake, path);
    uint32_t index = fake_module(fake, path, 0, 0x7fffffff, 4096);
    elf_note_build_id(fake, index, path);
    return index;
}

#endif

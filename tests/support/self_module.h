// SPDX-License-Identifier: MIT

/*
 * The test program itself as a captured module: its own functions and variables are what
 * tests about names ask for.
 */

#ifndef HEAPSNAP_TESTS_SUPPORT_SELF_MODULE_H
#define HEAPSNAP_TESTS_SUPPORT_SELF_MODULE_H

#include <elf.h>
#include <link.h>
#include <unistd.h>

#include "tests/support/fake_capture.h"

static int self_note_bounds(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    struct hs_capture_module *module = context;
    module->bias = info->dlpi_addr;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        uint64_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
        uint64_t end = start + info->dlpi_phdr[i].p_memsz;
        if (info->dlpi_phdr[i].p_type != PT_LOAD)
            continue;
        if (module->start == 0 || start < module->start)
            module->start = start;
        if (end > module->end)
            module->end = end;
    }
    return 1; /* the program comes first */
}

/* Add it under `path`, NULL: its real one. Returns its index. */
static inline uint32_t self_module(struct fake *fake, const char *path)
{
    struct hs_capture_module bounds = {0};
    char real[4096] = "";
    if (!path && readlink("/proc/self/exe", real, sizeof(real) - 1) > 0)
        path = real;
    dl_iterate_phdr(self_note_bounds, &bounds);
    uint32_t index = fake_module(fake, path, bounds.start, bounds.end, 4096);
    fake_module_at(fake, index)->bias = bounds.bias;
    return index;
}

#endif

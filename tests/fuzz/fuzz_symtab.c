// SPDX-License-Identifier: MIT

/* Any bytes as the file of the executable. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "probes/patch/symtab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void see(enum hs_family family, const struct hs_found_function *function,
                void *context)
{
    (void)context;
    if (family >= HS_FAMILIES || function->shape >= HS_SHAPES
        || function->shape == HS_SHAPE_NONE)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    if (size < 64) /* the header that the loader has read */
        return 0;
    int fd = memfd_create("program", MFD_CLOEXEC);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    hs_symtab_each(path, data, 0, see, NULL);
    close(fd);
    return 0;
}

// SPDX-License-Identifier: MIT

/*
 * Small core files for tests, built piece by piece: the kernel's have at least some hundred
 * kilobytes, and none of them is damaged.
 */

#ifndef TESTS_UNIT_IMAGE_FAKE_CORE_H
#define TESTS_UNIT_IMAGE_FAKE_CORE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAKE_LOADS_MAX 16

struct fake_core {
    Elf64_Ehdr elf; /* may be changed before the core is written */
    Elf64_Phdr loads[FAKE_LOADS_MAX];
    const void *contents[FAKE_LOADS_MAX];
    size_t n_loads;
    uint8_t notes[16384];
    size_t n_notes; /* bytes */
    bool has_many;  /* number of headers in section 0 */
    char path[64];  /* of what fake_core_write() wrote last */
};

/* A core of this machine's kind with neither memory nor notes. */
void fake_core_init(struct fake_core *core);

/* A mapping of `size` bytes at `address`, of which the core has the first `filled`. */
void fake_core_add(struct fake_core *core, uint64_t address, uint64_t size,
                   uint32_t flags, const void *content, uint64_t filled);
void fake_core_note(struct fake_core *core, const char *owner, uint32_t type,
                    const void *data, size_t size);

/* NT_PRSTATUS with `tid` and a stack pointer, of which nothing else is told. */
void fake_core_thread(struct fake_core *core, int tid, uint64_t stack_pointer);
/* NT_PRPSINFO. */
void fake_core_process(struct fake_core *core, int pid, const char *name,
                       const char *arguments);
/* NT_FILE with one entry, from page `page` of the file on. */
void fake_core_file(struct fake_core *core, uint64_t start, uint64_t end, uint64_t page,
                    const char *path);

/* Write it, cut to `size` bytes (SIZE_MAX: all), to a new file; returns its path. */
const char *fake_core_write(struct fake_core *core, size_t size);
/* Remove what was written. */
void fake_core_remove(struct fake_core *core);

#endif

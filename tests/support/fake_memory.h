// SPDX-License-Identifier: MIT

/*
 * A process's memory without a process: tests say what is mapped where and write words
 * into it. Running out of memory ends the test.
 */

#ifndef HEAPSNAP_TESTS_SUPPORT_FAKE_MEMORY_H
#define HEAPSNAP_TESTS_SUPPORT_FAKE_MEMORY_H

#include <stdint.h>

#include "heapsnap/memory.h"

#define FAKE_DATA 6u /* HS_BLOCK_READ | HS_BLOCK_WRITE */

struct fake_memory;

/* Process 4242 ("fake") with nothing mapped and no thread. */
struct fake_memory *fake_memory_create(void);
void fake_memory_destroy(struct fake_memory *fake);

/* Map zeros; ranges in ascending order. `path` must stay. Returns the bytes. */
unsigned char *fake_memory_map(struct fake_memory *fake, uint64_t address, uint64_t size,
                               uint32_t flags, const char *path);
void fake_memory_module(struct fake_memory *fake, const char *path, uint64_t start,
                        uint64_t end);
/* The thread just added, to change it; valid until the next one. */
struct hs_memory_thread *fake_memory_thread(struct fake_memory *fake, int32_t tid);

void fake_poke(struct fake_memory *fake, uint64_t address, uint64_t word);
uint64_t fake_peek(struct fake_memory *fake, uint64_t address);

/* Called at each hs_memory_resume(); without it resuming fails as for a core. */
void fake_memory_on_resume(struct fake_memory *fake,
                           void (*resume)(struct fake_memory *));

/* From now on hs_memory_is_whole() is false. */
void fake_memory_end(struct fake_memory *fake);

/* What the library takes. Borrowed; hs_memory_close() leaves it alone. */
struct hs_memory *fake_memory(struct fake_memory *fake);

#endif

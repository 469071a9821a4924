// SPDX-License-Identifier: MIT

/*
 * Any bytes as a loaded library: the ELF header, the segments and the notes that the shim
 * reads in memory, and the unwind table found through them. The bytes end at a page that
 * cannot be read.
 *
 * The readers are private to their files, so these are compiled into the target.
 */

#include <stdlib.h>
#include <sys/mman.h>

#include "probes/tracker/modules.c" /* NOLINT */
#undef MODULES_MAX
#include "probes/tracker/rules.c" /* NOLINT */

#define PAGE 4096u
#define PAGES_MAX 16u
/* As the loader takes the unwind table from one of them. */
#define SEGMENTS_LOOKED_AT 8u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The last of PAGES_MAX pages and what is below; behind them nothing can be read. */
static uint8_t *place(const uint8_t *data, size_t size, size_t pages)
{
    static uint8_t *room;
    if (!room) {
        room = mmap(NULL, (PAGES_MAX + 1) * PAGE, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (room == MAP_FAILED || mprotect(room + PAGES_MAX * PAGE, PAGE, PROT_NONE) != 0)
            abort();
    }
    uint8_t *start = room + (PAGES_MAX - pages) * PAGE;
    memset(start, 0, pages * PAGE);
    memcpy(start, data, size);
    return start;
}

static void check_rules(const struct hs_module_unwind *module)
{
    struct hs_cfi_span span;
    if (!find_span(module, &span))
        return;
    if (span.start < module->start || span.end > module->end)
        abort();
    for (uint64_t pc = 0; pc < 4096; pc += 61)
        hs_cfi_rule(&span, module->table, module->start + pc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < sizeof(ElfW(Ehdr)) || size > (size_t)PAGES_MAX * PAGE)
        return 0;
    size_t pages = (size + PAGE - 1) / PAGE;
    uint64_t start = (uint64_t)place(data, size, pages), end = start + pages * PAGE;
    struct hs_module module = {.start = start, .end = end, .bias = start};
    read_build_id(&module);
    if (module.build_id_size > HS_BUILD_ID_MAX)
        abort();
    struct hs_module_unwind unwind = {.start = start, .end = end, .bias = start};
    const ElfW(Phdr) *segments = (const void *)(start + sizeof(ElfW(Ehdr)));
    for (size_t i = 0; i < SEGMENTS_LOOKED_AT; i++) {
        unwind.table = start + segments[i].p_vaddr;
        check_rules(&unwind);
    }
    return 0;
}

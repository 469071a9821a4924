// SPDX-License-Identifier: MIT

/*
 * Any bytes as an ELF file with debug information: whatever becomes of it is a table that
 * passes its own checks, or nothing. Slashes go, so that no name in it leads to a file of
 * this machine.
 */

#include <elfutils/libdw.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/types/dwarf_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_types(Dwarf *dwarf)
{
    static const uint8_t build_id[20];
    const struct hs_dwarf_limits limits = {.memory = 64u << 20, .milliseconds = 2000};
    struct hs_layout_table table = {0};
    bool is_whole;
    struct hs_layout_header *header =
        hs_dwarf_read(dwarf, build_id, sizeof(build_id), &limits, &is_whole);
    if (!header)
        return;
    const char *wrong = hs_layout_table_open(header, header->size, false, &table);
    /* Types made of themselves are only seen there. */
    if (wrong && strcmp(wrong, "a type made of itself") != 0)
        abort();
    if (wrong)
        free(header);
    hs_layout_table_close(&table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *bytes = malloc(size + !size);
    if (!bytes)
        abort();
    memcpy(bytes, data, size);
    for (size_t i = 0; i < size; i++)
        if (bytes[i] == '/')
            bytes[i] = '_';
    elf_version(EV_CURRENT);
    Elf *elf = elf_memory(bytes, size);
    Dwarf *dwarf = elf ? dwarf_begin_elf(elf, DWARF_C_READ, NULL) : NULL;
    if (dwarf)
        read_types(dwarf);
    dwarf_end(dwarf);
    elf_end(elf);
    free(bytes);
    return 0;
}

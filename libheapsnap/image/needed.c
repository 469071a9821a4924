// SPDX-License-Identifier: MIT

/*
 * Does a program link a runtime that refuses to start behind a preload? AddressSanitizer's
 * does, when it is a shared library (gcc's default): it insists on being first and ends
 * the program. Only what the file itself needs is looked at, not what its libraries need.
 */

#include "libheapsnap/image/needed.h"

#include <gelf.h>
#include <string.h>

#include "libheapsnap/base/guard.h"

HS_DEFINE_GUARD(guard_elf, Elf *, elf_end)

static bool refuses_preload(const char *library)
{
    static const char *const starts[] = {"libasan.so", "libhwasan.so", "libclang_rt.asan",
                                         "libclang_rt.hwasan"};
    for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
        if (strncmp(library, starts[i], strlen(starts[i])) == 0)
            return true;
    return false;
}

static bool names_one(Elf *elf, Elf_Scn *section, const GElf_Shdr *header)
{
    Elf_Data *data = elf_getdata(section, NULL);
    size_t count = data && header->sh_entsize ? data->d_size / header->sh_entsize : 0;
    for (size_t i = 0; i < count && i < INT32_MAX; i++) {
        GElf_Dyn entry;
        if (!gelf_getdyn(data, (int)i, &entry) || entry.d_tag == DT_NULL)
            return false;
        const char *library = entry.d_tag == DT_NEEDED
                                  ? elf_strptr(elf, header->sh_link, entry.d_un.d_val)
                                  : NULL;
        if (library && refuses_preload(library))
            return true;
    }
    return false;
}

bool hs_needs_no_preload(int fd)
{
    if (elf_version(EV_CURRENT) == EV_NONE)
        return false;
    hs_auto(guard_elf) Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
    Elf_Scn *section = NULL;
    while (elf && (section = elf_nextscn(elf, section))) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header) && header.sh_type == SHT_DYNAMIC)
            return names_one(elf, section, &header);
    }
    return false;
}

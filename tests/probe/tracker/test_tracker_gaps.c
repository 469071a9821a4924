// SPDX-License-Identifier: MIT

/*
 * An executable with holes between its segments: this one, linked for pages of 2 MiB. The
 * loader answers for each segment alone; it is one module all the same.
 */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>

#include "probes/tracker/module_table.h"

static int variable = 1;

/* Are there pages that no segment covers? */
static bool has_holes(void)
{
    const ElfW(Phdr) *segments = (const void *)getauxval(AT_PHDR);
    uint64_t end = 0;
    for (size_t i = 0; i < getauxval(AT_PHNUM); i++) {
        if (segments[i].p_type != PT_LOAD)
            continue;
        if (end != 0 && segments[i].p_vaddr / 4096 > (end + 4095) / 4096)
            return true;
        end = segments[i].p_vaddr + segments[i].p_memsz;
    }
    return false;
}

Test(gaps, an_executable_with_holes_is_one_module_with_its_build_id)
{
    struct hs_module module = {0};
    cr_assert(has_holes());
    cr_assert(hs_modules_init());

    cr_assert(hs_module_read((uint64_t)has_holes, &module));

    cr_expect(le(u64, module.start, getauxval(AT_PHDR)));
    cr_expect(gt(u64, module.end, (uint64_t)has_holes));
    cr_expect(gt(u64, module.end, (uint64_t)&variable));
    cr_expect(eq(u8, module.build_id_size, 20));
}

Test(gaps, rules_are_found_in_an_executable_with_holes)
{
    struct hs_module_unwind module = {0};
    cr_assert(hs_modules_init());

    cr_assert(hs_module_find_unwind((uint64_t)has_holes, &module));

    cr_expect(module.is_executable);
    cr_expect(ne(u64, module.table, 0));
    cr_expect(le(u64, module.start, (uint64_t)has_holes));
    cr_expect(gt(u64, module.end, (uint64_t)has_holes));
}

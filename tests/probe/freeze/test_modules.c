// SPDX-License-Identifier: MIT

/* The table of modules as a capture shows it. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "probes/freeze/image.h"
#include "probes/tracker/module_table.h"
#include "probes/tracker/modules.h"

/* Two threads met it at once: see modules.c. */
Test(modules, an_entry_that_was_never_completed_is_empty_and_keeps_its_index)
{
    struct hs_module lost = {.start = 0x1000, .end = 0x3000, .path = "/lost"};
    struct hs_module kept = {.start = 0x5000, .end = 0x7000, .path = "/kept"};
    uint32_t count;
    cr_assert(hs_modules_init());
    cr_assert(eq(u32, hs_module_note(&lost), 0));
    cr_assert(eq(u32, hs_module_note(&kept), 1));
    ((struct hs_module *)(uintptr_t)hs_module_table(&count))->end = 0;

    cr_assert(eq(int, hs_loaded_collect(), 0));

    const struct hs_capture_module *modules = (const void *)hs_image.modules.items;
    cr_assert(eq(u64, hs_image.modules.count, 2));
    cr_expect(eq(u64, modules[0].start, 0));
    cr_expect(eq(u64, modules[0].end, 0));
    cr_expect(eq(u64, modules[1].start, 0x5000));
    cr_expect(eq(u64, modules[1].end, 0x7000));
}

// SPDX-License-Identifier: MIT

/* What the shim maps for itself is known as its own as long as it is there. */

#include "probes/tracker/own.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "probes/tracker/raw.h"

struct search {
    uint64_t start, size;
};

static void look(uint64_t start, uint64_t size, void *context)
{
    struct search *search = context;
    if (start == search->start)
        search->size = size;
}

static uint64_t size_of(const void *memory)
{
    struct search search = {.start = (uint64_t)(uintptr_t)memory};
    hs_own_each(look, &search);
    return search.size;
}

Test(own, memory_is_ours_from_the_mapping_to_the_unmapping)
{
    void *memory = hs_raw_map(5000), *other = hs_raw_map_used(4096);

    cr_expect(eq(u64, size_of(memory), 8192));
    cr_expect(eq(u64, size_of(other), 4096));
    hs_raw_unmap(memory, 5000);
    cr_expect(eq(u64, size_of(memory), 0));
    cr_expect(eq(u64, size_of(other), 4096));
    hs_raw_unmap_used(other, 4096);
}

Test(own, a_full_table_says_so)
{
    struct search search = {.start = 4096};
    cr_expect(hs_own_each(look, &search));

    for (uint64_t i = 1; i <= HS_OWN_MAX; i++)
        hs_own_note(i << 12, 4096);

    cr_expect(hs_own_each(look, &search));
    hs_own_note((HS_OWN_MAX + 1ull) << 12, 4096);
    cr_expect(not(hs_own_each(look, &search)));
    cr_expect(eq(u64, search.size, 4096));
}

// SPDX-License-Identifier: MIT

/*
 * How a pointer from one block to another is called.
 */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>

#include "picture.h"

/* `count` blocks 4 KiB apart, of stacks given; the first is held by a module. */
static struct fake *blocks_of(uint32_t count, const uint64_t *return_addresses)
{
    struct fake *fake = fake_create();
    for (uint32_t i = 0; i < count; i++) {
        uint64_t address = return_addresses ? return_addresses[i] : 0x401000;
        uint32_t stack = fake_frame(fake, 0, address, UINT32_MAX);
        fake_block(fake, 0x1000 * (i + 1), 512, stack);
    }
    uint32_t module = fake_module(fake, "/nowhere/server", 0x400000, 0x500000, 64);
    uint32_t root = fake_root(fake, HS_ROOT_MODULE, module, 0x4f0000, 0x4f1000);
    fake_root_edge(fake, root, 0x4f0000, 0, 0);
    return fake;
}

static uint32_t block_at(const struct hs_snapshot *snapshot, uint64_t address)
{
    char name[64];
    snprintf(name, sizeof(name), "<malloc" NBSP "←" NBSP "server+0x1000 0x%llx>",
             (unsigned long long)address);
    return picture_node(snapshot, name);
}

Test(pointers, a_field_is_called_by_its_offset)
{
    struct fake *fake = blocks_of(2, NULL);
    fake_edge(fake, 0, 3, 1, 0);

    struct hs_snapshot *snapshot = picture_of(fake, 1);

    cr_expect(eq(str,
                 (char *)picture_edge(snapshot, block_at(snapshot, 0x1000),
                                      block_at(snapshot, 0x2000)),
                 "property +0x18"));
    hs_snapshot_destroy(snapshot);
}

Test(pointers, a_pointer_into_a_block_says_where)
{
    struct fake *fake = blocks_of(3, NULL);
    fake_edge(fake, 0, 3, 1, 8);
    fake_edge(fake, 0, 5000, 2, HS_PAST_END);

    struct hs_snapshot *snapshot = picture_of(fake, 1);

    uint32_t from = block_at(snapshot, 0x1000);
    cr_expect(eq(str, (char *)picture_edge(snapshot, from, block_at(snapshot, 0x2000)),
                 "internal +0x18 → inside +0x8"));
    cr_expect(eq(str, (char *)picture_edge(snapshot, from, block_at(snapshot, 0x3000)),
                 "internal +0x9c40 → past its end"));
    hs_snapshot_destroy(snapshot);
}

Test(pointers, eight_pointers_to_one_kind_of_block_make_an_array)
{
    struct fake *fake = fake_create();
    uint32_t stack = fake_frame(fake, 0, 0x401000, UINT32_MAX);
    for (uint32_t i = 0; i < 9; i++)
        fake_block(fake, 0x1000 * (i + 1), 512, stack);
    uint32_t module = fake_module(fake, "/nowhere/server", 0x400000, 0x500000, 64);
    uint32_t root = fake_root(fake, HS_ROOT_MODULE, module, 0x4f0000, 0x4f1000);
    fake_root_edge(fake, root, 0x4f0000, 0, 0);
    for (uint32_t i = 1; i < 9; i++)
        fake_edge(fake, 0, i * 2, i, 0);

    struct hs_snapshot *snapshot = picture_of(fake, 1);

    cr_expect(eq(str,
                 (char *)picture_edge(snapshot, block_at(snapshot, 0x1000),
                                      block_at(snapshot, 0x4000)),
                 "element 6"));
    hs_snapshot_destroy(snapshot);
}

Test(pointers, eight_pointers_to_different_things_are_fields)
{
    static const uint64_t addresses[] = {0x401000, 0x401000, 0x401100, 0x401200, 0x401300,
                                         0x401400, 0x401500, 0x401600, 0x401700};
    struct fake *fake = blocks_of(9, addresses);
    for (uint32_t i = 1; i < 9; i++)
        fake_edge(fake, 0, i, i, 0);

    struct hs_snapshot *snapshot = picture_of(fake, 1);

    cr_expect(eq(str,
                 (char *)picture_edge(snapshot, block_at(snapshot, 0x1000),
                                      block_at(snapshot, 0x2000)),
                 "property +0x8"));
    hs_snapshot_destroy(snapshot);
}

Test(pointers, garbage_holds_a_live_block_only_weakly)
{
    struct fake *fake = blocks_of(2, NULL);
    fake_edge(fake, 1, 2, 0, 0);

    struct hs_snapshot *snapshot = picture_of(fake, 1);

    cr_expect(eq(str,
                 (char *)picture_edge(snapshot, block_at(snapshot, 0x2000),
                                      block_at(snapshot, 0x1000)),
                 "weak +0x10"));
    hs_snapshot_destroy(snapshot);
}

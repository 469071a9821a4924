// SPDX-License-Identifier: MIT

/*
 * Names, types and sizes of blocks and mappings.
 */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <jansson.h>

#include "picture.h"

#define GIB (1ull << 30)

/* A module's data holds all `count` blocks there are. */
static void hold_all(struct fake *fake, uint32_t count)
{
    uint32_t module = fake_module(fake, "/nowhere/server", 0x400000, 0x500000, 64);
    uint32_t root = fake_root(fake, HS_ROOT_MODULE, module, 0x4f0000, 0x4f1000);
    for (uint32_t i = 0; i < count; i++)
        fake_root_edge(fake, root, 0x4f0000 + i * 8, i, 0);
}

/* A block of 64 bytes that "server+0x1234" allocated. */
static struct fake *one_block(void)
{
    struct fake *fake = fake_create();
    uint32_t stack = fake_frame(fake, 0, 0x401234, UINT32_MAX);
    fake_block(fake, 0x1000, 64, stack);
    hold_all(fake, 1);
    return fake;
}

Test(blocks, a_class_is_the_allocation_site)
{
    struct hs_snapshot *snapshot = picture_of(one_block(), 0);

    uint32_t node = picture_node(snapshot, "malloc ← server+0x1234");
    cr_expect(eq(u32, snapshot->node_size[node], 64));
    cr_expect(eq(int, snapshot->node_type[node], HS_NODE_NATIVE));
    cr_expect(eq(u32, snapshot->node_id[node], 2 * HS_FIRST_SERIAL + 1));
    hs_snapshot_destroy(snapshot);
}

Test(blocks, an_instance_name_ends_its_class_at_the_only_plain_space)
{
    struct hs_snapshot *snapshot = picture_of(one_block(), 1);

    cr_expect(
        picture_has_node(snapshot, "<malloc" NBSP "←" NBSP "server+0x1234 0x1000>"));
    hs_snapshot_destroy(snapshot);
}

Test(blocks, by_default_a_small_heap_has_instance_names)
{
    struct hs_snapshot *snapshot = picture_of(one_block(), -1);

    cr_expect(
        picture_has_node(snapshot, "<malloc" NBSP "←" NBSP "server+0x1234 0x1000>"));
    hs_snapshot_destroy(snapshot);
}

Test(blocks, an_empty_block_counts_one_byte)
{
    struct fake *fake = fake_create();
    fake_block(fake, 0x1000, 0, HS_STACK_UNKNOWN);
    hold_all(fake, 1);

    struct hs_snapshot *snapshot = picture_of(fake, 0);

    uint32_t node = picture_node(snapshot, "malloc ← (before tracking)");
    cr_expect(eq(u32, snapshot->node_size[node], 1));
    hs_snapshot_destroy(snapshot);
}

Test(blocks, a_huge_block_continues_in_parts)
{
    struct fake *fake = fake_create();
    fake_block(fake, 0x10000, 10 * GIB, HS_STACK_UNKNOWN);
    hold_all(fake, 1);

    struct hs_snapshot *snapshot = picture_of(fake, 1);

#define NAME "<malloc" NBSP "←" NBSP "(before" NBSP "tracking) 0x10000"
    uint32_t first = picture_node(snapshot, NAME ">");
    uint32_t second = picture_node(snapshot, NAME " part 2>");
    uint32_t third = picture_node(snapshot, NAME " part 3>");
#undef NAME
    uint64_t sum = (uint64_t)snapshot->node_size[first] + snapshot->node_size[second]
                   + snapshot->node_size[third];
    cr_expect(eq(u64, sum, 10 * GIB));
    cr_expect(eq(str, (char *)picture_edge(snapshot, first, third), "internal part 3"));
    hs_snapshot_destroy(snapshot);
}

/* Else one number in a damaged capture would be a billion nodes. */
Test(blocks, of_a_block_beyond_measure_only_so_much_is_shown_and_that_is_said)
{
    struct fake *fake = fake_create();
    fake_block(fake, 0x10000, (uint64_t)1 << 62, HS_STACK_UNKNOWN);
    hold_all(fake, 1);

    struct hs_snapshot *snapshot = picture_of(fake, 1);

    json_t *ours = json_object_get(snapshot->metadata, "heapsnap");
    json_t *notes = json_object_get(ours, "notes");
    const char *note =
        json_string_value(json_array_get(notes, json_array_size(notes) - 1));
    uint64_t shown = 2049ull * UINT32_MAX;
    char expected[80];
    snprintf(expected, sizeof(expected), "%llu bytes of huge blocks are not shown",
             (unsigned long long)(((uint64_t)1 << 62) - shown));
    cr_assert(note != NULL);
    cr_expect(eq(str, (char *)note, expected));
    cr_expect(lt(u32, snapshot->node_count, 3000));
    hs_snapshot_destroy(snapshot);
}

Test(blocks, mappings_are_named_by_protection_and_hang_from_their_group)
{
    struct fake *fake = fake_create();
    fake_mapping(fake, 0x100000, 8192, HS_BLOCK_READ | HS_BLOCK_WRITE);
    fake_mapping(fake, 0x200000, 4096, HS_BLOCK_READ | HS_BLOCK_EXECUTE);
    fake_mapping(fake, 0x300000, 1ull << 40, 0);
    fake_mapping(fake, 0xff00000000000, 4096,
                 HS_BLOCK_READ | HS_BLOCK_WRITE | HS_BLOCK_SHARED | HS_BLOCK_FILE);

    struct hs_snapshot *snapshot = picture_of(fake, 1);

    uint32_t group = picture_node(snapshot, "(Mappings)");
    uint32_t data = picture_node(snapshot, "<mmap" NBSP "rw-p 0x100000>");
    uint32_t code = picture_node(snapshot, "<mmap" NBSP "r-xp 0x200000>");
    uint32_t reserved = picture_node(snapshot, "<mmap" NBSP "---p 0x300000>");
    cr_expect(eq(str, (char *)picture_edge(snapshot, group, data), "element 1"));
    cr_expect(eq(u32, snapshot->node_size[data], 8192));
    cr_expect(eq(int, snapshot->node_type[code], HS_NODE_CODE));
    cr_expect(eq(u32, snapshot->node_size[reserved], 0));
    cr_expect(
        picture_has_node(snapshot, "<mmap" NBSP "file" NBSP "rw-s 0xff00000000000>"));
    hs_snapshot_destroy(snapshot);
}

Test(blocks, what_is_to_be_ignored_hangs_from_its_own_group_with_all_it_holds)
{
    struct fake *fake = fake_create();
    fake_block(fake, 0x1000, 100, 0);
    fake_block(fake, 0x2000, 100, 0);
    fake_edge(fake, 0, 1, 1, 0);
    fake_block_at(fake, 0)->flags |= HS_BLOCK_IGNORED;

    struct hs_snapshot *snapshot = picture_of(fake, 1);

    uint32_t group = picture_node(snapshot, "(Ignored)");
    uint32_t count = snapshot->first_edge[group + 1] - snapshot->first_edge[group];
    cr_assert(eq(u32, count, 1));
    uint32_t ignored = snapshot->edge_to[snapshot->first_edge[group]];
    cr_expect(eq(int, snapshot->node_detachedness[ignored], HS_DETACHEDNESS_UNKNOWN));
    uint32_t lost = picture_node(snapshot, "(Unreachable: leaked)");
    cr_expect(eq(u32, snapshot->first_edge[lost], snapshot->first_edge[lost + 1]));
    hs_snapshot_destroy(snapshot);
}

// SPDX-License-Identifier: MIT

/*
 * The frame of every snapshot: root, groups, and what a quiet program shows.
 */

#include "heapsnap/assemble.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>

#include "picture.h"

Test(assemble, an_empty_process_has_the_eight_groups_under_fixed_ids)
{
    static const char *const names[] = {"(Modules)",          "(Threads)",
                                        "(Mappings)",         "(Handles)",
                                        "(Allocator)",        "(Unreachable: leaked)",
                                        "(Allocation sites)", "(Ignored)"};

    struct hs_snapshot *snapshot = picture_of(fake_create(), 1);

    cr_expect(eq(u32, snapshot->node_count, 9));
    cr_expect(eq(u32, snapshot->node_id[0], 1));
    for (uint32_t i = 0; i < 8; i++) {
        uint32_t group = picture_node(snapshot, names[i]);
        cr_expect(eq(u32, snapshot->node_id[group], 2 * i + 3));
        cr_expect(eq(u32, snapshot->node_size[group], 0));
    }
    hs_snapshot_destroy(snapshot);
}

Test(assemble, totals_alone_are_refused)
{
    struct fake *fake = fake_create();
    fake_header(fake)->kind = HS_REQUEST_TOTALS;
    struct hs_capture capture = fake_open(fake);
    struct hs_snapshot *snapshot = NULL;
    struct hs_error err = {0};

    cr_expect(eq(int, hs_assemble(&capture, NULL, &snapshot, &err), -EINVAL));
    cr_expect(
        eq(str, err.text, "the capture of process 4242 has totals only, no memory"));
    fake_close(&capture);
    fake_destroy(fake);
}

Test(assemble, a_module_shows_its_data_and_the_shim_does_not)
{
    struct fake *fake = fake_create();
    fake_module(fake, "/usr/bin/server", 0x400000, 0x500000, 5312);
    uint32_t shim = fake_module(fake, "/lib/shim.so", 0x600000, 0x700000, 99);
    fake_module_at(fake, shim)->flags = HS_MODULE_SHIM;

    struct hs_snapshot *snapshot = picture_of(fake, 1);

    uint32_t module = picture_node(snapshot, "server (.data, .bss)");
    cr_expect(eq(u32, snapshot->node_size[module], 5312));
    cr_expect(eq(
        str, (char *)picture_edge(snapshot, picture_node(snapshot, "(Modules)"), module),
        "property server"));
    cr_expect(not(picture_has_node(snapshot, "shim.so (.data, .bss)")));
    hs_snapshot_destroy(snapshot);
}

Test(assemble, what_the_allocator_adds_is_one_hidden_node)
{
    struct fake *fake = fake_create();
    uint32_t root =
        fake_root(fake, HS_ROOT_MODULE, fake_module(fake, "/a", 1, 2, 3), 1, 2);
    fake_root_edge(fake, root, 1, fake_block(fake, 0x1000, 100, HS_STACK_UNKNOWN), 0);
    fake_header(fake)->usable_bytes = 104;

    struct hs_snapshot *snapshot = picture_of(fake, 1);

    uint32_t slack = picture_node(snapshot, "malloc size-class slack");
    cr_expect(eq(u32, snapshot->node_size[slack], 4));
    cr_expect(eq(int, snapshot->node_type[slack], HS_NODE_HIDDEN));
    hs_snapshot_destroy(snapshot);
}

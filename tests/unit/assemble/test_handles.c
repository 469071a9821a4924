// SPDX-License-Identifier: MIT

/*
 * Handles: what sort of thing a descriptor is, and who opened it.
 */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>

#include "picture.h"

Test(handles, a_class_tells_what_a_descriptor_leads_to)
{
    static const struct {
        const char *label, *call, *kind;
    } cases[] = {
        {"/var/log/server.log", "open", "(file)"},
        {"socket:[123]", "socket", "(socket)"},
        {"tcp 10.0.0.1:50000", "accept4", "(TCP" NBSP "socket)"},
        {"pipe:[5]", "pipe2", "(pipe)"},
        {"anon_inode:[eventpoll]", "epoll_create1", "(epoll)"},
        {"anon_inode:[eventfd]", "eventfd", "(eventfd)"},
        {"anon_inode:[eventfd:12]", "eventfd", "(eventfd)"},
        {"anon_inode:[timerfd]", "timerfd_create", "(timerfd)"},
        {"/dev/null", "open", "(device)"},
        {"", "dup", "(dup)"},
        {"", "", "(unknown)"},
    };
    struct fake *fake = fake_create();
    int count = (int)(sizeof(cases) / sizeof(cases[0]));
    for (int i = 0; i < count; i++)
        fake_handle(fake, i, cases[i].call, cases[i].label, HS_STACK_UNKNOWN);

    struct hs_snapshot *snapshot = picture_of(fake, 1);

    uint32_t group = picture_node(snapshot, "(Handles)");
    for (int i = 0; i < count; i++) {
        char name[128], edge[128];
        snprintf(name, sizeof(name), "<fd" NBSP "%s %d %s>", cases[i].kind, i,
                 cases[i].label);
        snprintf(edge, sizeof(edge), "property fd %d %s", i, cases[i].label);
        uint32_t node = picture_node(snapshot, name);
        cr_expect(eq(str, (char *)picture_edge(snapshot, group, node), edge));
        cr_expect(eq(u32, snapshot->node_size[node], 256));
    }
    hs_snapshot_destroy(snapshot);
}

Test(handles, who_opened_it_is_in_the_call_tree)
{
    struct fake *fake = fake_create();
    uint32_t stack = fake_frame(fake, 0, 0x7f0000001000, UINT32_MAX);
    fake_handle(fake, 3, "open", "/etc/passwd", stack);

    struct hs_snapshot *snapshot = picture_of(fake, 1);

    cr_expect(eq(str,
                 (char *)picture_edge(
                     snapshot, picture_node(snapshot, "<fd" NBSP "(file) 3 /etc/passwd>"),
                     picture_node(snapshot, "JIT 0x7f0000001000 — 1 live, 0 B")),
                 "weak allocated at"));
    hs_snapshot_destroy(snapshot);
}

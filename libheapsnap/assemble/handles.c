// SPDX-License-Identifier: MIT

/*
 * (Handles): what must be closed. The class says what sort of thing a descriptor is, read
 * from what /proc shows for it. A handle gets a size, because DevTools shows nothing of
 * size 0: about what the kernel spends on an open file.
 */

#include <stdio.h>
#include <string.h>

#include "libheapsnap/assemble/assembly.h"
#include "libheapsnap/assemble/names.h"

#define HANDLE_SIZE 256u

/* The first that fits wins. */
static const struct {
    const char *prefix, *kind;
} label_kinds[] = {
    {"tcp listen", "listening socket"},
    {"tcp", "TCP socket"},
    {"udp", "UDP socket"},
    {"unix", "UNIX socket"},
    {"socket:", "socket"},
    {"pipe:", "pipe"},
    {"anon_inode:[eventpoll]", "epoll"},
    {"anon_inode:[eventfd", "eventfd"},
    {"anon_inode:[timerfd]", "timerfd"},
    {"anon_inode:[signalfd]", "signalfd"},
    {"anon_inode:inotify", "inotify"},
    {"anon_inode:[io_uring]", "io_uring"},
    {"anon_inode:[perf_event]", "perf event"},
    {"anon_inode:[pidfd]", "pidfd"},
    {"anon_inode:", "anonymous inode"},
    {"/memfd:", "memfd"},
    {"/dev/pts/", "terminal"},
    {"/dev/", "device"},
    {"/proc/", "proc file"},
    {"/", "file"},
};

static const char *handle_kind(const char *label, const char *call)
{
    for (size_t i = 0; i < sizeof(label_kinds) / sizeof(label_kinds[0]); i++)
        if (strncmp(label, label_kinds[i].prefix, strlen(label_kinds[i].prefix)) == 0)
            return label_kinds[i].kind;
    return call[0] ? call : "unknown";
}

void hs_assembly_add_handles(struct hs_assembly *assembly)
{
    const struct hs_capture *capture = assembly->capture;
    for (size_t i = 0; i < capture->n_handles; i++) {
        const struct hs_capture_handle *handle = &capture->handles[i];
        const char *label = hs_capture_string(capture, handle->label);
        char class[128], text[128], name[700], edge[700];
        snprintf(text, sizeof(text), "fd (%s)",
                 handle_kind(label, hs_capture_string(capture, handle->call)));
        hs_name_without_spaces(class, sizeof(class), text);
        snprintf(name, sizeof(name), "<%s %d %.500s>", class, handle->number, label);
        snprintf(edge, sizeof(edge), "fd %d %.500s", handle->number, label);
        uint32_t node =
            hs_assembly_node(assembly, HS_NODE_NATIVE, name,
                             hs_assembly_id(assembly, handle->id), HANDLE_SIZE, 0);
        hs_assembly_edge(assembly, assembly->group[HS_GROUP_HANDLES], HS_EDGE_PROPERTY,
                         edge, node);
        hs_assembly_add_allocated_at(assembly, node, handle->stack);
    }
}

void hs_assembly_add_allocator(struct hs_assembly *assembly)
{
    const struct hs_capture *capture = assembly->capture;
    uint64_t requested = 0;
    for (size_t i = 0; i < capture->n_blocks; i++)
        if (!(capture->blocks[i].flags & HS_BLOCK_MAPPING))
            requested += capture->blocks[i].size;
    if (capture->header->usable_bytes <= requested)
        return;
    uint32_t node =
        hs_assembly_node(assembly, HS_NODE_HIDDEN, "malloc size-class slack", HS_ID_SLACK,
                         capture->header->usable_bytes - requested, 0);
    hs_assembly_edge(assembly, assembly->group[HS_GROUP_ALLOCATOR], HS_EDGE_INTERNAL,
                     "slack", node);
}

// SPDX-License-Identifier: MIT

/*
 * Any bytes as a capture: opening refuses it with a reason, or the graph and the snapshot
 * can be made of it. What every mutation would break (magic, version, size) is put right;
 * slashes go, so that no path in it leads to a file of this machine.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "heapsnap/assemble.h"
#include "heapsnap/graph.h"
#include "probes/abi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_right(uint8_t *bytes, size_t size)
{
    struct hs_capture_header header;
    memcpy(&header, bytes, sizeof(header));
    header.magic = HS_CAPTURE_MAGIC;
    header.version = HS_ABI_VERSION;
    header.size = size;
    memcpy(bytes, &header, sizeof(header));
    for (size_t i = sizeof(header); i < size; i++)
        if (bytes[i] == '/')
            bytes[i] = '_';
}

static int file_with(const uint8_t *data, size_t size)
{
    uint8_t *bytes = malloc(size + !size);
    int fd = memfd_create("capture", MFD_CLOEXEC);
    if (!bytes || fd < 0)
        abort();
    memcpy(bytes, data, size);
    if (size >= sizeof(struct hs_capture_header))
        put_right(bytes, size);
    if (write(fd, bytes, size) != (ssize_t)size)
        abort();
    free(bytes);
    return fd;
}

static void use(const struct hs_capture *capture)
{
    struct hs_graph *graph = NULL;
    if (hs_graph_create(capture, &graph, NULL) == 0
        && graph->n_blocks != capture->n_blocks)
        abort();
    hs_graph_destroy(graph);
    struct hs_snapshot *snapshot = NULL;
    struct hs_error err = {0};
    int result = hs_assemble(capture, NULL, &snapshot, &err);
    if (result < 0 && (!err.text[0] || snapshot))
        abort();
    hs_snapshot_destroy(snapshot);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hs_capture capture = {0};
    struct hs_error err = {0};
    int fd = file_with(data, size);
    int result = hs_capture_open(fd, &capture, &err);
    close(fd);
    if (result < 0 && (!err.text[0] || capture.mapping))
        abort(); /* a refusal says why and gives nothing */
    if (result == 0)
        use(&capture);
    hs_capture_close(&capture);
    return 0;
}

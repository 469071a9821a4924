// SPDX-License-Identifier: MIT

/*
 * The capture is written once from front to back through one buffer; only the header
 * goes in last, so that a half-written capture never looks like one.
 */

#include <errno.h>
#include <string.h>

#include "probes/freeze/image.h"
#include "probes/tracker/raw.h"

#define BUFFER_SIZE (1u << 20)

bool hs_writer_open(struct hs_writer *writer, int fd, uint64_t offset)
{
    *writer = (struct hs_writer){.fd = fd, .offset = offset};
    writer->buffer = hs_scratch_map(BUFFER_SIZE);
    return writer->buffer != NULL;
}

int hs_write_whole(int fd, const void *data, size_t size, uint64_t offset)
{
    const char *at = data;
    while (size > 0) {
        long written = hs_raw(SYS_pwrite64, fd, at, size, offset);
        if (written <= 0)
            return written < 0 ? (int)written : -ENOSPC;
        offset += (uint64_t)written;
        at += written;
        size -= (size_t)written;
    }
    return 0;
}

static void write_at(struct hs_writer *writer, const char *data, size_t size)
{
    if (!writer->error)
        writer->error = hs_write_whole(writer->fd, data, size, writer->offset);
    if (!writer->error)
        writer->offset += size;
}

void hs_writer_flush(struct hs_writer *writer)
{
    write_at(writer, writer->buffer, writer->used);
    writer->used = 0;
}

void hs_writer_put(struct hs_writer *writer, const void *data, size_t size)
{
    if (size > BUFFER_SIZE - writer->used) {
        hs_writer_flush(writer);
        if (size >= BUFFER_SIZE) {
            write_at(writer, data, size);
            return;
        }
    }
    memcpy(writer->buffer + writer->used, data, size);
    writer->used += size;
}

void hs_writer_begin(struct hs_writer *writer)
{
    static const char zeros[8];
    hs_writer_put(writer, zeros, -(writer->offset + writer->used) & 7);
    writer->section_start = writer->offset + writer->used;
}

void hs_writer_end(struct hs_writer *writer, struct hs_capture_section *ret,
                   size_t item_size)
{
    ret->offset = writer->section_start;
    ret->count = (writer->offset + writer->used - writer->section_start) / item_size;
}

// SPDX-License-Identifier: MIT

/*
 * Small pieces are gathered in a buffer; the header comes last, because it says where the
 * rest lies.
 */

#include "libheapsnap/heap/section.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BUFFER (256u << 10)

int hs_section_open(struct hs_section_writer *writer)
{
    *writer = (struct hs_section_writer){
        .fd = memfd_create(HS_CAPTURE_NAME, MFD_CLOEXEC | MFD_ALLOW_SEALING),
        .offset = (sizeof(struct hs_capture_header) + 7) & ~7ull,
        .buffer = malloc(BUFFER),
    };
    if (writer->fd < 0)
        writer->error = -errno;
    else if (!writer->buffer)
        writer->error = -ENOMEM;
    return writer->error;
}

void hs_section_close(struct hs_section_writer *writer)
{
    if (writer->buffer && writer->fd >= 0)
        close(writer->fd);
    free(writer->buffer);
    *writer = (struct hs_section_writer){.fd = -1};
}

static void write_out(struct hs_section_writer *writer, const unsigned char *data,
                      size_t size)
{
    while (size > 0 && !writer->error) {
        ssize_t written = pwrite(writer->fd, data, size, (off_t)writer->offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            writer->error = written < 0 ? -errno : -ENOSPC;
            return;
        }
        data += written;
        size -= (size_t)written;
        writer->offset += (uint64_t)written;
    }
}

static void flush(struct hs_section_writer *writer)
{
    write_out(writer, writer->buffer, writer->used);
    writer->used = 0;
}

void hs_section_put(struct hs_section_writer *writer, const void *data, size_t size)
{
    if (writer->error)
        return;
    if (size > BUFFER - writer->used)
        flush(writer);
    if (size > BUFFER) {
        write_out(writer, data, size);
        return;
    }
    memcpy(writer->buffer + writer->used, data, size);
    writer->used += size;
}

void hs_section_begin(struct hs_section_writer *writer)
{
    static const unsigned char zeros[8];
    flush(writer);
    hs_section_put(writer, zeros, -writer->offset & 7);
    writer->start = writer->offset + writer->used;
}

void hs_section_end(struct hs_section_writer *writer, struct hs_capture_section *ret,
                    size_t entry)
{
    ret->offset = writer->start;
    ret->count = (writer->offset + writer->used - writer->start) / entry;
}

void hs_section_write(struct hs_section_writer *writer, struct hs_capture_section *ret,
                      const void *entries, size_t count, size_t entry)
{
    hs_section_begin(writer);
    if (count > 0)
        hs_section_put(writer, entries, count * entry);
    hs_section_end(writer, ret, entry);
}

int hs_section_finish(struct hs_section_writer *writer, struct hs_capture_header *header,
                      struct hs_capture *ret, struct hs_error *err)
{
    flush(writer);
    header->size = writer->offset;
    writer->offset = 0;
    write_out(writer, (const unsigned char *)header, sizeof(*header));
    if (writer->error)
        return hs_error_set(err, -writer->error, "cannot write the capture: %s",
                            strerror(-writer->error));
    return hs_capture_open(writer->fd, ret, err);
}

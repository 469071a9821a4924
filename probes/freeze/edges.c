// SPDX-License-Identifier: MIT

/*
 * What holds blocks from outside: every word of the roots is looked up.
 */

#include <errno.h>

#include "probes/freeze/image.h"
#include "probes/freeze/reader.h"

/*
 * glibc's bins, and its record of the free memory at the end, point 16 bytes before the
 * next chunk's user memory: inside the block before it where that one uses its last word,
 * one past its end where its size is a multiple of 16. Nobody holds it by that.
 */
static bool is_chunk_link(const struct hs_root_range *root,
                          const struct hs_scan_hit *found)
{
    const struct hs_scan_block *blocks = (const void *)hs_image.scan_blocks.items;
    uint64_t size = blocks[found->block].size;
    if (!root->of_allocator || found->inside == 0)
        return false;
    if (found->inside == HS_SCAN_PAST_END)
        return (size & 15) == 0;
    return (found->inside & 15) == 0 && size - found->inside <= 8;
}

static bool on_root_hit(const struct hs_scan_hit *found, void *context)
{
    const struct hs_root_range *roots = (const void *)hs_image.roots.items;
    (void)context;
    if (is_chunk_link(&roots[found->source], found))
        return true;
    struct hs_capture_root_edge edge = {.address = found->slot,
                                        .root = found->source,
                                        .to = found->block,
                                        .inside = found->inside};
    hs_writer_put(&hs_image.writer, &edge, sizeof(edge));
    return !hs_image.writer.error;
}

static void write_roots(void)
{
    const struct hs_root_range *roots = (const void *)hs_image.roots.items;

    hs_writer_begin(&hs_image.writer);
    for (uint64_t i = 0; i < hs_image.roots.count; i++) {
        struct hs_capture_root root = {.start = roots[i].start,
                                       .end = roots[i].end,
                                       .kind = roots[i].kind,
                                       .owner = roots[i].owner};
        hs_writer_put(&hs_image.writer, &root, sizeof(root));
    }
    hs_writer_end(&hs_image.writer, &hs_image.header.sections[HS_SECTION_ROOTS],
                  sizeof(struct hs_capture_root));
}

static bool scan_root(struct hs_reader *reader, const struct hs_root_range *root,
                      uint32_t number)
{
    if (root->memory)
        return hs_reader_scan_copy(reader, root->memory, root->end - root->start,
                                   root->start, number);
    return hs_reader_scan(reader, root->start, root->end, number);
}

static int write_root_edges(void)
{
    const struct hs_root_range *roots = (const void *)hs_image.roots.items;
    struct hs_reader reader;
    bool fine = true;

    hs_reader_init(&reader, on_root_hit, NULL);
    hs_writer_begin(&hs_image.writer);
    for (uint64_t i = 0; i < hs_image.roots.count && fine; i++)
        fine = scan_root(&reader, &roots[i], (uint32_t)i);
    fine = hs_reader_finish(&reader) && fine;
    hs_writer_end(&hs_image.writer, &hs_image.header.sections[HS_SECTION_ROOT_EDGES],
                  sizeof(struct hs_capture_root_edge));
    hs_image.scanned_bytes += reader.scanned_bytes;
    hs_image.unscanned_bytes += reader.unscanned_bytes;
    return fine ? 0 : hs_image.writer.error ? hs_image.writer.error : -EFAULT;
}

int hs_graph_write(void)
{
    hs_reader_open_pages();
    write_roots();
    int err = write_root_edges();
    if (err == 0)
        err = hs_contents_write();
    hs_reader_close_pages();
    return err;
}

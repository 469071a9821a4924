// SPDX-License-Identifier: MIT

/*
 * Both formats as one kind of stream: from the packed bytes the next piece of text. Memory
 * grows with the text that really comes out, never by what a header promises.
 */

#include "libheapsnap/snapshot/unpack.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "libheapsnap/base/array.h"
#include "libheapsnap/base/guard.h"

#define PIECE ((size_t)1 << 18)
#define GZIP_WINDOW (16 + MAX_WBITS) /* 16: with gzip's header and check sum */
/* gzip packs a thousand to one at most; a small file that is to fill the memory is none of
 * a heap. */
#define RATIO_MAX 1100

enum progress { MORE, DONE, CUT, DAMAGED, ENDLESS, NO_MEMORY };

struct source {
    const char *at;
    size_t left;
    z_stream gzip;
    ZSTD_DStream *zstd;
    enum progress (*next)(struct source *source, char *out, size_t room, size_t *ret);
};

static bool is_gzip(const char *packed, size_t size)
{
    return size >= 3 && memcmp(packed, "\x1f\x8b\x08", 3) == 0;
}

static bool is_zstd(const char *packed, size_t size)
{
    return size >= 4 && memcmp(packed, "\x28\xb5\x2f\xfd", 4) == 0;
}

bool hs_is_packed(const char *packed, size_t size)
{
    return is_gzip(packed, size) || is_zstd(packed, size);
}

static enum progress next_gzip(struct source *source, char *out, size_t room, size_t *ret)
{
    z_stream *stream = &source->gzip;
    uInt given = source->left < UINT_MAX ? (uInt)source->left : UINT_MAX;
    /* zlib does not write to its input. */
    stream->next_in = (Bytef *)(uintptr_t)source->at;
    stream->avail_in = given;
    stream->next_out = (Bytef *)out;
    stream->avail_out = (uInt)room;
    int result = inflate(stream, Z_NO_FLUSH);
    source->at += given - stream->avail_in;
    source->left -= given - stream->avail_in;
    *ret = room - stream->avail_out;
    if (result == Z_STREAM_END)
        /* gzip files may stand one behind another. */
        return source->left == 0                            ? DONE
               : !is_gzip(source->at, source->left)         ? DAMAGED
               : inflateReset2(stream, GZIP_WINDOW) == Z_OK ? MORE
                                                            : DAMAGED;
    if (result == Z_MEM_ERROR)
        return NO_MEMORY;
    if (result != Z_OK && result != Z_BUF_ERROR)
        return DAMAGED;
    return source->left == 0 && *ret < room ? CUT : MORE;
}

static enum progress next_zstd(struct source *source, char *out, size_t room, size_t *ret)
{
    ZSTD_inBuffer input = {source->at, source->left, 0};
    ZSTD_outBuffer output = {out, room, 0};
    size_t result = ZSTD_decompressStream(source->zstd, &output, &input);
    source->at += input.pos;
    source->left -= input.pos;
    *ret = output.pos;
    if (ZSTD_isError(result))
        return DAMAGED;
    if (source->left > 0 || output.pos == room)
        return result == 0 && source->left == 0 ? DONE : MORE;
    return result == 0 ? DONE : CUT;
}

static bool open_source(struct source *source, const char *packed, size_t size)
{
    *source = (struct source){.at = packed, .left = size};
    if (is_gzip(packed, size)) {
        source->next = next_gzip;
        return inflateInit2(&source->gzip, GZIP_WINDOW) == Z_OK;
    }
    source->next = next_zstd;
    source->zstd = ZSTD_createDStream();
    return source->zstd != NULL;
}

static void close_source(struct source *source)
{
    if (source->next == next_gzip)
        inflateEnd(&source->gzip);
    ZSTD_freeDStream(source->zstd);
}

static int explain(enum progress progress, const char *path, struct hs_error *err)
{
    if (progress == NO_MEMORY)
        return hs_error_set(err, ENOMEM, "no memory to unpack %s", path);
    static const char *const reasons[] = {
        [CUT] = "the packed file ends too early; it was not written or copied completely",
        [DAMAGED] = "its packed data are damaged",
        [ENDLESS] = "it unpacks to more than a thousand times its size",
    };
    return hs_error_set(err, EINVAL, "%s: %s", path, reasons[progress]);
}

int hs_unpack(const char *packed, size_t size, bool (*is_hopeless)(const char *, size_t),
              const char *path, char **ret, size_t *ret_size, struct hs_error *err)
{
    struct source source;
    HS_ARRAY(char) text = {0};
    enum progress progress = open_source(&source, packed, size) ? MORE : NO_MEMORY;
    while (progress == MORE) {
        size_t got = 0;
        if (!hs_array_reserve(&text, text.count + PIECE)) {
            progress = NO_MEMORY;
            break;
        }
        size_t room = text.room - text.count;
        progress =
            source.next(&source, text.at + text.count, room < PIECE ? room : PIECE, &got);
        text.count += got;
        if (text.count / RATIO_MAX > size + PIECE)
            progress = ENDLESS;
        if (progress == MORE && is_hopeless(text.at, text.count))
            progress = DONE;
    }
    close_source(&source);
    if (progress != DONE) {
        free(text.at);
        return explain(progress, path, err);
    }
    *ret = text.at;
    *ret_size = text.count;
    return 0;
}

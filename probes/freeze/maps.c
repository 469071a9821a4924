// SPDX-License-Identifier: MIT

/*
 * The image's own /proc/self/maps, read in one go: what is readable, what it is.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "probes/freeze/image.h"
#include "probes/tracker/raw.h"

static int read_text(struct hs_vector *text)
{
    long fd = hs_raw(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return (int)fd;
    text->size = 1;
    long got;
    do {
        char *room = hs_vector_push(text, 65536);
        if (!room) {
            got = -ENOMEM;
            break;
        }
        got = hs_raw(SYS_read, fd, room, 65536);
        text->count -= 65536 - (uint64_t)(got > 0 ? got : 0);
    } while (got > 0);
    hs_raw(SYS_close, fd);
    return (int)got;
}

static uint64_t number(const char **at, unsigned base)
{
    uint64_t value = 0;
    for (;; (*at)++) {
        unsigned digit = (unsigned)(**at - '0');
        if (digit > 9)
            digit = (unsigned)(**at - 'a') + 10;
        if (digit >= base)
            return value;
        value = value * base + digit;
    }
}

/* "start-end rwxp offset dev:dev inode   path"; the text ends with a NUL. */
static const char *parse_line(const char *at, const char *text, struct hs_range *ret)
{
    ret->start = number(&at, 16);
    at += *at == '-';
    ret->end = number(&at, 16);
    at += *at == ' ';
    static const uint32_t bits[3] = {HS_BLOCK_READ, HS_BLOCK_WRITE, HS_BLOCK_EXECUTE};
    for (int i = 0; i < 4 && *at && *at != '\n'; i++, at++)
        ret->flags |= i < 3        ? (*at != '-' ? bits[i] : 0)
                      : *at == 's' ? HS_BLOCK_SHARED
                                   : 0;
    at += *at == ' ';
    ret->offset = number(&at, 16);
    at += *at == ' ';
    ret->device = number(&at, 16) << 32;
    at += *at == ':';
    ret->device |= number(&at, 16);
    at += *at == ' ';
    ret->inode = number(&at, 10);
    while (*at == ' ')
        at++;
    if (ret->inode)
        ret->flags |= HS_BLOCK_FILE;
    if (*at && *at != '\n')
        ret->path = (uint32_t)(at - text);
    while (*at && *at != '\n')
        at++;
    return at;
}

int hs_maps_load(struct hs_maps *maps)
{
    int err = read_text(&maps->text);
    if (err < 0)
        return err;
    char *end = hs_vector_push(&maps->text, 1);
    if (!end)
        return -ENOMEM;
    *end = '\0';

    maps->ranges.size = sizeof(struct hs_range);
    char *text = maps->text.items;
    for (const char *at = text; *at;) {
        struct hs_range *range = hs_vector_push(&maps->ranges, 1);
        if (!range)
            return -ENOMEM;
        *range = (struct hs_range){0};
        char *line_end = (char *)parse_line(at, text, range);
        bool is_last = *line_end == '\0';
        *line_end = '\0'; /* paths become strings */
        at = line_end + !is_last;
    }
    return maps->ranges.count ? 0 : -ENOENT;
}

const struct hs_range *hs_maps_find(const struct hs_maps *maps, uint64_t address)
{
    const struct hs_range *ranges = (const void *)maps->ranges.items;
    uint64_t low = 0, high = maps->ranges.count;
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        if (ranges[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < maps->ranges.count ? &ranges[low] : NULL;
}

const char *hs_maps_path(const struct hs_maps *maps, const struct hs_range *range)
{
    return range->path ? maps->text.items + range->path : "";
}

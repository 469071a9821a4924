// SPDX-License-Identifier: MIT

/*
 * The head of a snapshot has the counts, its end tells whether it is whole, and among the
 * first strings are names that only Node or only a browser has. Nothing between is
 * touched: of a mapped file that costs nothing.
 */

#include "heapsnap/peek.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/base/guard.h"
#include "libheapsnap/snapshot/cursor.h"
#include "libheapsnap/snapshot/input.h"
#include "libheapsnap/snapshot/layout.h"

#define HEAD_SIZE ((size_t)32 << 20) /* here "snapshot" must have ended */
#define BLANKS_MAX 4096              /* after the end */
#define WINDOW_SIZE 1024             /* looked at to tell numbers from strings */
#define NAMES_SIZE ((size_t)1 << 20) /* looked through for names of the maker */

HS_DEFINE_GUARD(guard_peek, struct hs_peek *, hs_peek_destroy)

void hs_peek_destroy(struct hs_peek *peek)
{
    if (!peek)
        return;
    json_decref(peek->snapshot);
    free(peek);
}

/* Step to the value of "snapshot", over whatever stands before it. */
static bool find_header(struct hs_cursor *cursor)
{
    static const char wanted[] = "snapshot";
    if (cursor->end - cursor->at >= 3 && memcmp(cursor->at, "\xef\xbb\xbf", 3) == 0)
        cursor->at += 3;
    if (!hs_cursor_expect(cursor, '{', "'{'; is it a heap snapshot?"))
        return false;
    for (;;) {
        const char *name;
        size_t size;
        if (!hs_cursor_string(cursor, &name, &size)
            || !hs_cursor_expect(cursor, ':', "':' after the name of a section"))
            return false;
        if (size == strlen(wanted) && memcmp(name, wanted, size) == 0)
            return true;
        if (!hs_cursor_skip_value(cursor)
            || !hs_cursor_expect(cursor, ',', "',' and the section \"snapshot\""))
            return false;
    }
}

static bool read_count(const struct hs_cursor *cursor, const struct hs_peek *peek,
                       const char *key, uint64_t *ret)
{
    json_t *value = json_object_get(peek->snapshot, key);
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return hs_cursor_fail(cursor,
                              "the \"snapshot\" object before this has no %s; is it a "
                              "heap snapshot?",
                              key);
    *ret = (uint64_t)json_integer_value(value);
    return true;
}

static bool read_head(struct hs_cursor *cursor, struct hs_peek *peek)
{
    if (!find_header(cursor) || !hs_layout_header(cursor, &peek->snapshot)
        || !read_count(cursor, peek, "node_count", &peek->node_count)
        || !read_count(cursor, peek, "edge_count", &peek->edge_count))
        return false;
    if (!json_is_object(json_object_get(peek->snapshot, "meta")))
        return hs_cursor_fail(cursor,
                              "the \"snapshot\" object before this has no meta; is it a "
                              "heap snapshot?");
    return !json_object_get(peek->snapshot, "trace_function_count")
           || read_count(cursor, peek, "trace_function_count",
                         &peek->trace_function_count);
}

/* All that may stand behind the brace that closes a snapshot are blanks. */
static bool is_cut(const struct hs_input *input)
{
    size_t size = input->size;
    while (size > 0 && input->size - size < BLANKS_MAX
           && memchr(" \t\r\n", input->at[size - 1], 4))
        size--;
    return size == 0 || input->at[size - 1] != '}';
}

/* Nothing here but numbers, as in all sections before the strings? */
static bool is_numeric(const struct hs_input *input, size_t at)
{
    static const char numeric[] = "0123456789,[]\n";
    size_t size = input->size - at < WINDOW_SIZE ? input->size - at : WINDOW_SIZE;
    for (size_t i = 0; i < size; i++)
        if (!memchr(numeric, input->at[at + i], sizeof(numeric) - 1))
            return false;
    return true;
}

/* About where numbers end and strings begin, found by halving. */
static size_t find_strings(const struct hs_input *input)
{
    size_t low = 0, high = input->size;
    while (high - low > WINDOW_SIZE) {
        size_t middle = low + (high - low) / 2;
        if (is_numeric(input, middle))
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Names that V8 and its host have from the start stand among the first strings. */
static enum hs_maker guess_maker(const struct hs_input *input, const struct hs_peek *peek)
{
    static const struct {
        enum hs_maker maker;
        const char *name;
    } known[] = {{HS_MAKER_NODE, "\"NODE_DEBUG\""},
                 {HS_MAKER_NODE, "\"Node / Environment\""},
                 {HS_MAKER_CHROME, "\"HTMLDocument\""}};
    if (json_is_object(json_object_get(peek->snapshot, "heapsnap")))
        return HS_MAKER_HEAPSNAP;
    size_t first = find_strings(input), size = input->size - first;
    size = size < NAMES_SIZE ? size : NAMES_SIZE;
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (memmem(input->at + first, size, known[i].name, strlen(known[i].name)))
            return known[i].maker;
    return HS_MAKER_V8;
}

int hs_peek_create(const char *path, struct hs_peek **ret, struct hs_error *err)
{
    struct hs_error local = {0};
    if (!err)
        err = &local;
    hs_auto(hs_input_close) struct hs_input input = {0};
    int result = hs_input_open(&input, path, err);
    if (result < 0)
        return result;
    hs_auto(guard_peek) struct hs_peek *peek = calloc(1, sizeof(*peek));
    if (!peek)
        return hs_error_set(err, ENOMEM, "no memory to look into %s", path);
    bool is_small = input.size <= HEAD_SIZE;
    struct hs_error reason = {0};
    struct hs_cursor cursor = {
        .path = path,
        .start = input.at,
        .at = input.at,
        .end = input.at + (is_small ? input.size : HEAD_SIZE),
        .err = &reason,
    };
    if (!read_head(&cursor, peek)) {
        if (!is_small && cursor.at == cursor.end)
            return hs_error_set(err, EINVAL,
                                "%s: no \"snapshot\" object in its first %zu bytes", path,
                                HEAD_SIZE);
        return hs_error_set(err, reason.code, "%s", reason.text);
    }
    peek->file_size = input.size;
    peek->is_cut = is_cut(&input);
    peek->maker = guess_maker(&input, peek);
    *ret = hs_take(peek);
    return 0;
}

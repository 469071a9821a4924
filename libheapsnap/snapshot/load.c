// SPDX-License-Identifier: MIT

/*
 * Reading any `.heapsnapshot`: one pass over the mapped file, sections as they come.
 *
 * DevTools trusts its files; this reader does not. Counts are bounded by the size of the
 * file before anything is allocated for them, every reference is checked, and a damaged
 * file ends in one sentence with the place where it went wrong.
 */

#include "heapsnap/snapshot.h"

#include <errno.h>
#include <string.h>

#include "libheapsnap/base/guard.h"
#include "libheapsnap/snapshot/input.h"
#include "libheapsnap/snapshot/sections.h"
#include "libheapsnap/snapshot/storage.h"

enum section { SNAPSHOT, NODES, EDGES, FUNCTIONS, TREE, LOCATIONS, STRINGS, UNKNOWN };

static const char *const section_names[UNKNOWN] = {
    "snapshot",   "nodes",     "edges",  "trace_function_infos",
    "trace_tree", "locations", "strings"};

static bool read_value(struct hs_cursor *cursor, enum section section,
                       struct hs_layout *layout, struct hs_snapshot *snapshot)
{
    switch (section) {
    case SNAPSHOT:
        return hs_layout_read(cursor, snapshot, layout);
    case NODES:
        return hs_section_nodes(cursor, layout, snapshot);
    case EDGES:
        return hs_section_edges(cursor, layout, snapshot);
    case FUNCTIONS:
        return hs_section_trace_functions(cursor, layout, snapshot);
    case TREE:
        return hs_section_trace_tree(cursor, snapshot);
    case LOCATIONS:
        return hs_section_locations(cursor, layout, snapshot);
    case STRINGS:
        return hs_section_strings(cursor, snapshot);
    case UNKNOWN:
        break;
    }
    return hs_cursor_skip_value(cursor);
}

static bool read_member(struct hs_cursor *cursor, unsigned *seen,
                        struct hs_layout *layout, struct hs_snapshot *snapshot)
{
    const char *name;
    size_t size;
    if (!hs_cursor_string(cursor, &name, &size)
        || !hs_cursor_expect(cursor, ':', "':' after the name of a section"))
        return false;
    int section = 0;
    while (section < UNKNOWN
           && (strlen(section_names[section]) != size
               || memcmp(section_names[section], name, size) != 0))
        section++;
    if (section < UNKNOWN) {
        if (*seen & 1u << section)
            return hs_cursor_fail(cursor, "a second section \"%s\"",
                                  section_names[section]);
        if (section != SNAPSHOT && !(*seen & 1u << SNAPSHOT))
            return hs_cursor_fail(cursor, "the section \"%s\" stands before \"snapshot\"",
                                  section_names[section]);
        *seen |= 1u << section;
    }
    return read_value(cursor, (enum section)section, layout, snapshot);
}

static bool check_seen(struct hs_cursor *cursor, unsigned seen)
{
    static const int needed[] = {SNAPSHOT, NODES, EDGES, STRINGS};
    for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
        if (!(seen & 1u << needed[i]))
            return hs_cursor_fail(cursor,
                                  "the section \"%s\" is missing; is it a heap "
                                  "snapshot?",
                                  section_names[needed[i]]);
    hs_cursor_skip_space(cursor);
    return cursor->at == cursor->end
           || hs_cursor_expected(cursor, "nothing after the closing '}'");
}

/* Only at the end it is known how many strings there are. */
static bool check_names(struct hs_cursor *cursor, const struct hs_snapshot *snapshot)
{
    uint32_t count = snapshot->string_count;
    for (uint32_t i = 0; i < snapshot->node_count; i++)
        if (snapshot->node_name[i] >= count)
            return hs_cursor_fail(cursor, "node %u is named by string %u of %u", i,
                                  snapshot->node_name[i], count);
    for (uint32_t i = 0; i < snapshot->edge_count; i++)
        if (snapshot->edge_name[i] >= count && snapshot->edge_type[i] != HS_EDGE_ELEMENT
            && snapshot->edge_type[i] != HS_EDGE_HIDDEN)
            return hs_cursor_fail(cursor, "edge %u is named by string %u of %u", i,
                                  snapshot->edge_name[i], count);
    for (uint32_t i = 0; i < snapshot->trace_function_count; i++) {
        const struct hs_trace_function *function = &snapshot->trace_functions[i];
        if (function->name >= count || function->script >= count)
            return hs_cursor_fail(cursor,
                                  "trace function %u is named by a string that is "
                                  "not there",
                                  i);
    }
    return true;
}

/* gzip, Zstandard, xz, bzip2 */
static bool is_compressed(const struct hs_cursor *cursor)
{
    static const char *const magics[] = {"\x1f\x8b", "\x28\xb5\x2f\xfd", "\3757zXZ",
                                         "BZh"};
    for (size_t i = 0; i < sizeof(magics) / sizeof(*magics); i++)
        if ((size_t)(cursor->end - cursor->at) >= strlen(magics[i])
            && memcmp(cursor->at, magics[i], strlen(magics[i])) == 0)
            return true;
    return false;
}

static bool read_file(struct hs_cursor *cursor, struct hs_snapshot *snapshot)
{
    struct hs_layout layout = {0};
    unsigned seen = 0;
    if (cursor->end - cursor->at >= 3 && memcmp(cursor->at, "\xef\xbb\xbf", 3) == 0)
        cursor->at += 3;
    if (is_compressed(cursor))
        return hs_cursor_fail(cursor, "it is compressed; unpack it first");
    if (cursor->at == cursor->end)
        return hs_cursor_fail(cursor, "there is nothing in it");
    if (!hs_cursor_expect(cursor, '{', "'{'; is it a heap snapshot?"))
        return false;
    if (!hs_cursor_accept(cursor, '}')) {
        do {
            if (!read_member(cursor, &seen, &layout, snapshot))
                return false;
        } while (hs_cursor_accept(cursor, ','));
        if (!hs_cursor_expect(cursor, '}', "',' or '}' after a section"))
            return false;
    }
    if (!check_seen(cursor, seen) || !check_names(cursor, snapshot))
        return false;
    snapshot->root = (uint32_t)(layout.root_index / layout.node.width);
    return true;
}

int hs_snapshot_load(const char *path, struct hs_snapshot **ret, struct hs_error *err)
{
    struct hs_error local = {0};
    if (!err)
        err = &local;
    hs_auto(hs_input_close) struct hs_input input = {0};
    int result = hs_input_open(&input, path, err);
    if (result < 0)
        return result;
    hs_input_expect_all(&input);
    hs_auto(hs_guard_snapshot) struct hs_snapshot *snapshot = hs_snapshot_create();
    if (!snapshot)
        return hs_error_set(err, ENOMEM, "no memory to load %s", path);
    struct hs_cursor cursor = {
        .path = path,
        .start = input.at,
        .at = input.at,
        .end = input.at + input.size,
        .err = err,
    };
    if (!read_file(&cursor, snapshot))
        return -err->code;
    *ret = hs_take(snapshot);
    return 0;
}

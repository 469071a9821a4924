// SPDX-License-Identifier: MIT

/*
 * Allocation traces: who allocated, as a tree of callers.
 *
 * The tree is nested arrays whose depth a file decides, so the way back up is kept in the
 * parents that are stored anyway instead of on our stack.
 */

#include "libheapsnap/snapshot/sections.h"

#include <stdlib.h>

#include "libheapsnap/base/array.h"

static uint32_t narrow(const struct hs_layout_tuple *tuple, int name, const uint64_t *row)
{
    uint64_t value = tuple->at[name] >= 0 ? row[tuple->at[name]] : 0;
    return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

bool hs_section_trace_functions(struct hs_cursor *cursor, const struct hs_layout *layout,
                                struct hs_snapshot *snapshot)
{
    const struct hs_layout_tuple *tuple = &layout->function;
    size_t count = layout->trace_function_count;
    if (count == 0 || tuple->width == 0)
        return hs_cursor_skip_value(cursor);
    snapshot->trace_functions = malloc(count * sizeof(*snapshot->trace_functions));
    if (!snapshot->trace_functions)
        return hs_section_no_memory(cursor);
    if (!hs_cursor_numbers_begin(cursor))
        return false;
    uint64_t row[HS_LAYOUT_FIELDS];
    for (size_t i = 0; i < count; i++) {
        for (unsigned j = 0; j < tuple->width; j++)
            if (!hs_cursor_number(cursor, i + j == 0, &row[j], UINT64_MAX,
                                  "numbers of a trace function"))
                return false;
        snapshot->trace_functions[i] = (struct hs_trace_function){
            .id = narrow(tuple, HS_FUNCTION_ID_AT, row),
            .name = narrow(tuple, HS_FUNCTION_NAME_AT, row),
            .script = narrow(tuple, HS_FUNCTION_SCRIPT_AT, row),
            .script_id = narrow(tuple, HS_FUNCTION_SCRIPT_ID_AT, row),
            .line = narrow(tuple, HS_FUNCTION_LINE_AT, row),
            .column = narrow(tuple, HS_FUNCTION_COLUMN_AT, row),
        };
    }
    snapshot->trace_function_count = (uint32_t)count;
    return hs_cursor_numbers_finish(cursor, "']' after the last trace function");
}

/* "id,function,count,size,[" */
static bool read_node(struct hs_cursor *cursor, struct hs_trace_node *ret)
{
    static const char what[] = "numbers of a trace node";
    uint64_t id, function;
    if (!hs_cursor_number(cursor, true, &id, UINT32_MAX, what)
        || !hs_cursor_number(cursor, false, &function, UINT32_MAX, what)
        || !hs_cursor_number(cursor, false, &ret->count, UINT64_MAX, what)
        || !hs_cursor_number(cursor, false, &ret->size, UINT64_MAX, what)
        || !hs_cursor_expect(cursor, ',', "',' before the children of a trace node")
        || !hs_cursor_numbers_begin(cursor))
        return false;
    ret->id = (uint32_t)id;
    ret->function = (uint32_t)function;
    return true;
}

bool hs_section_trace_tree(struct hs_cursor *cursor, struct hs_snapshot *snapshot)
{
    if (snapshot->trace_function_count == 0)
        return hs_cursor_skip_value(cursor);
    HS_ARRAY(struct hs_trace_node) nodes = {0};
    if (!hs_cursor_numbers_begin(cursor))
        return false;
    bool is_fine = true, is_done = hs_cursor_accept(cursor, ']');
    uint32_t parent = 0; /* of the node that comes next */
    while (is_fine && !is_done) {
        struct hs_trace_node node = {.parent = parent};
        is_fine = read_node(cursor, &node);
        if (is_fine && node.function >= snapshot->trace_function_count)
            is_fine = hs_cursor_fail(cursor,
                                     "a trace node before this names function %u "
                                     "of %u",
                                     node.function, snapshot->trace_function_count);
        if (is_fine && (nodes.count >= UINT32_MAX || !hs_array_push(&nodes, node)))
            is_fine = hs_section_no_memory(cursor);
        if (!is_fine)
            break;
        parent = (uint32_t)(nodes.count - 1);
        while (!is_done && hs_cursor_accept(cursor, ']')) {
            is_done = parent == 0;
            parent = nodes.at[parent].parent;
        }
        if (is_done) {
            is_fine = hs_cursor_expect(cursor, ']', "']' after the trace tree");
            break;
        }
        /* After a child that has ended there is a comma before the next one. */
        if (parent != nodes.count - 1)
            is_fine = hs_cursor_expect(cursor, ',', "',' or ']' in the trace tree");
        hs_cursor_skip_space(cursor);
    }
    snapshot->trace_nodes = nodes.at;
    snapshot->trace_node_count = (uint32_t)nodes.count;
    return is_fine;
}

// SPDX-License-Identifier: MIT

/*
 * Our own two-step index over libdw: address → unit → function, both by binary search.
 * dwarf_getscopes() walks a unit's whole tree for each address, and dwarf_addrdie() needs
 * .debug_aranges, which clang and rustc do not write. Units are listed once a module; the
 * functions of a unit when the first address falls into it; inlined calls are looked up
 * below the one function they are in.
 */

#include "libheapsnap/symbols/dwarf.h"

#include <dwarf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/base/array.h"
#include "libheapsnap/base/guard.h"

struct range {
    uint64_t start, end;
    uint32_t target; /* index of a unit, or of a function in its unit */
};

struct ranges {
    struct range *at;
    size_t count, room;
};

struct unit {
    Dwarf_Die die;
    bool is_indexed;
    struct ranges ranges; /* of its functions */
    HS_ARRAY(Dwarf_Die) functions;
};

struct hs_dwarf {
    Dwarf *dwarf;
    HS_ARRAY(struct unit) units;
    struct ranges ranges; /* of the units */
};

static int by_start(const void *left, const void *right)
{
    const struct range *a = left, *b = right;
    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    return a->end < b->end ? -1 : a->end > b->end;
}

static void ranges_sort(struct ranges *ranges)
{
    if (ranges->count > 0)
        qsort(ranges->at, ranges->count, sizeof(*ranges->at), by_start);
}

/* Address 0 is where the linker leaves functions it has dropped. */
static bool ranges_add(struct ranges *ranges, Dwarf_Die *die, uint32_t target)
{
    Dwarf_Addr base, start, end;
    ptrdiff_t offset = 0;
    bool is_any = false;
    while ((offset = dwarf_ranges(die, offset, &base, &start, &end)) > 0) {
        if (start == 0 || end <= start)
            continue;
        struct range range = {start, end, target};
        if (!hs_array_push(ranges, range))
            return false;
        is_any = true;
    }
    return is_any;
}

static const struct range *ranges_find(const struct ranges *ranges, uint64_t address)
{
    size_t low = 0, high = ranges->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ranges->at[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || address >= ranges->at[low - 1].end)
        return NULL;
    return &ranges->at[low - 1];
}

struct hs_dwarf *hs_dwarf_create(Dwarf *dwarf)
{
    struct hs_dwarf *index = calloc(1, sizeof(*index));
    if (!index)
        return NULL;
    index->dwarf = dwarf;

    Dwarf_CU *cu = NULL;
    Dwarf_Die die, split;
    uint8_t type;
    while (dwarf_get_units(dwarf, cu, &cu, NULL, &type, &die, &split) == 0) {
        bool is_skeleton = type == DW_UT_skeleton;
        if (type != DW_UT_compile && !is_skeleton)
            continue;
        if (!ranges_add(&index->ranges, &die, (uint32_t)index->units.count))
            continue;
        bool has_split = is_skeleton && dwarf_tag(&split) == DW_TAG_compile_unit;
        struct unit unit = {.die = has_split ? split : die};
        if (!hs_array_push(&index->units, unit))
            break;
    }
    ranges_sort(&index->ranges);
    return index;
}

void hs_dwarf_destroy(struct hs_dwarf *index)
{
    if (!index)
        return;
    for (size_t i = 0; i < index->units.count; i++) {
        free(index->units.at[i].ranges.at);
        free(index->units.at[i].functions.at);
    }
    free(index->units.at);
    free(index->ranges.at);
    free(index);
}

static bool holds_functions(int tag)
{
    return tag == DW_TAG_namespace || tag == DW_TAG_class_type
           || tag == DW_TAG_structure_type || tag == DW_TAG_union_type
           || tag == DW_TAG_enumeration_type || tag == DW_TAG_module;
}

/* Functions of the unit, also those inside namespaces and types, but not those inside
 * other functions: those are found when an address falls between the others. */
static void unit_index(struct unit *unit)
{
    HS_ARRAY(Dwarf_Die) pending = {0};
    Dwarf_Die die;
    unit->is_indexed = true;
    if (dwarf_child(&unit->die, &die) == 0)
        (void)hs_array_push(&pending, die);
    while (pending.count > 0) {
        Dwarf_Die at = pending.at[--pending.count];
        do {
            int tag = dwarf_tag(&at);
            if (tag == DW_TAG_subprogram) {
                if (ranges_add(&unit->ranges, &at, (uint32_t)unit->functions.count)
                    && !hs_array_push(&unit->functions, at))
                    break;
            } else if (holds_functions(tag) && dwarf_child(&at, &die) == 0) {
                (void)hs_array_push(&pending, die);
            }
        } while (dwarf_siblingof(&at, &at) == 0);
    }
    free(pending.at);
    for (size_t i = unit->ranges.count; i > 0; i--)
        if (unit->ranges.at[i - 1].target >= unit->functions.count)
            unit->ranges.count--;
    ranges_sort(&unit->ranges);
}

/* The slow way, for functions inside functions (lambdas, local classes). */
static bool find_nested_function(struct unit *unit, uint64_t address, Dwarf_Die *ret)
{
    hs_auto_free Dwarf_Die *scopes = NULL;
    int count = dwarf_getscopes(&unit->die, address, &scopes);
    for (int i = 0; i < count; i++) {
        if (dwarf_tag(&scopes[i]) != DW_TAG_subprogram
            || dwarf_haspc(&scopes[i], address) != 1)
            continue;
        *ret = scopes[i];
        return true;
    }
    return false;
}

static bool find_function(struct unit *unit, uint64_t address, Dwarf_Die *ret)
{
    if (!unit->is_indexed)
        unit_index(unit);
    const struct range *range = ranges_find(&unit->ranges, address);
    if (!range)
        return find_nested_function(unit, address, ret);
    *ret = unit->functions.at[range->target];
    return true;
}

/* The child of `die` whose code covers `address`, or the same below a block. */
static bool find_covering_child(Dwarf_Die *die, uint64_t address, Dwarf_Die *ret)
{
    if (dwarf_child(die, ret) != 0)
        return false;
    do {
        int tag = dwarf_tag(ret);
        if ((tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block
             || tag == DW_TAG_try_block || tag == DW_TAG_catch_block)
            && dwarf_haspc(ret, address) == 1)
            return true;
    } while (dwarf_siblingof(ret, ret) == 0);
    return false;
}

static const char *text_attribute(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    return dwarf_formstring(dwarf_attr_integrate(die, name, &attribute));
}

static void name_frame(Dwarf_Die *die, struct hs_dwarf_frame *frame)
{
    frame->name = text_attribute(die, DW_AT_name);
    frame->linker_name = text_attribute(die, DW_AT_linkage_name);
    if (!frame->linker_name)
        frame->linker_name = text_attribute(die, DW_AT_MIPS_linkage_name);
}

/* Where `inlined` was called from: the position of the frame around it. */
static void position_of_call(struct unit *unit, Dwarf_Die *inlined,
                             struct hs_dwarf_frame *caller)
{
    Dwarf_Attribute attribute;
    Dwarf_Word file = 0, line = 0;
    Dwarf_Files *files;
    size_t n_files;
    dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attribute), &line);
    caller->line = line <= UINT32_MAX ? (uint32_t)line : 0;
    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attribute), &file) == 0
        && dwarf_getsrcfiles(&unit->die, &files, &n_files) == 0 && file < n_files)
        caller->path = dwarf_filesrc(files, file, NULL, NULL);
}

static void position_of_address(struct unit *unit, uint64_t address,
                                struct hs_dwarf_frame *frame)
{
    Dwarf_Line *line = dwarf_getsrc_die(&unit->die, address);
    int number = 0;
    if (!line)
        return;
    frame->path = dwarf_linesrc(line, NULL, NULL);
    if (dwarf_lineno(line, &number) == 0 && number > 0)
        frame->line = (uint32_t)number;
}

size_t hs_dwarf_frames(struct hs_dwarf *index, uint64_t address,
                       struct hs_dwarf_frame frames[HS_DWARF_DEPTH_MAX])
{
    const struct range *range = ranges_find(&index->ranges, address);
    if (!range)
        return 0;
    struct unit *unit = &index->units.at[range->target];
    Dwarf_Die chain[HS_DWARF_DEPTH_MAX]; /* outermost first */
    if (!find_function(unit, address, &chain[0]))
        return 0;

    size_t depth = 1;
    Dwarf_Die at = chain[0], child;
    while (depth < HS_DWARF_DEPTH_MAX && find_covering_child(&at, address, &child)) {
        if (dwarf_tag(&child) == DW_TAG_inlined_subroutine)
            chain[depth++] = child;
        at = child;
    }

    memset(frames, 0, depth * sizeof(*frames));
    for (size_t i = 0; i < depth; i++) {
        name_frame(&chain[depth - 1 - i], &frames[i]);
        if (i == 0)
            position_of_address(unit, address, &frames[i]);
        else
            position_of_call(unit, &chain[depth - i], &frames[i]);
    }
    return depth;
}

size_t hs_dwarf_scopes(struct hs_dwarf *index, uint64_t address,
                       Dwarf_Die scopes[HS_DWARF_DEPTH_MAX])
{
    const struct range *range = ranges_find(&index->ranges, address);
    if (!range || !find_function(&index->units.at[range->target], address, &scopes[0]))
        return 0;
    size_t depth = 1;
    while (depth < HS_DWARF_DEPTH_MAX
           && find_covering_child(&scopes[depth - 1], address, &scopes[depth]))
        depth++;
    return depth;
}

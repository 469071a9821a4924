// SPDX-License-Identifier: MIT

/*
 * Pointers that roots hold. None is a node; each is an edge whose name says who holds:
 * the variable of a module, the stack frame of a thread, a register, a place in TLS.
 *
 * What a stack or a register points to is often borrowed from data that owns it, or a
 * stale copy. A strong edge would then split the owner's retained size and, because
 * DevTools sorts "<thread" before any module's name, lead Retainers to the thread. So
 * such an edge is strong only where no data holds the block, and weak otherwise.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "libheapsnap/assemble/assembly.h"
#include "libheapsnap/assemble/field_name.h"
#include "libheapsnap/base/array.h"
#include "libheapsnap/graph/loader.h"
#include "libheapsnap/graph/pointer.h"

/* By variable and field as DWARF names them; false when that is not known. */
static bool name_by_type(const struct hs_assembly *assembly,
                         const struct hs_capture_root_edge *edge, char *name, size_t size)
{
    const struct hs_variable *variable;
    struct hs_place place;
    if (!assembly->types
        || !hs_types_root_place(assembly->types, edge, &variable, &place))
        return false;
    hs_field_variable_text(variable, &place, name, size);
    return true;
}

static void add_global(struct hs_assembly *assembly, uint32_t module,
                       const struct hs_capture_root_edge *edge)
{
    uint32_t from = assembly->module_node[module];
    uint32_t to = assembly->first_block + edge->to;
    char name[1400];
    bool is_typed = name_by_type(assembly, edge, name, sizeof(name));
    const char *variable =
        is_typed ? name : hs_symbols_variable(assembly->symbols, edge->address);
    if (!variable) {
        const struct hs_capture_module *info = &assembly->capture->modules[module];
        snprintf(name, sizeof(name), "data+0x%" PRIx64, edge->address - info->bias);
        variable = name;
    }
    if (from == UINT32_MAX) /* not shown, the shim's own or unloaded: still a root */
        from = assembly->group[HS_GROUP_MODULES];
    enum hs_edge_type type = edge->inside ? HS_EDGE_INTERNAL : HS_EDGE_PROPERTY;
    if (hs_field_root_is_borrowed(assembly,
                                  (size_t)(edge - assembly->capture->root_edges)))
        type = HS_EDGE_WEAK;
    hs_assembly_edge(assembly, from, type, variable, to);
}

static enum hs_edge_type momentary_edge(const struct hs_assembly *assembly, uint32_t to)
{
    return assembly->graph->is_owned[to] ? HS_EDGE_WEAK : HS_EDGE_CONTEXT;
}

/* Vector state follows the general registers from this number on, eight bytes a number. */
#define FIRST_VECTOR 64u

/* On x86-64 it is laid out as FXSAVE does it: xmm0 begins at byte 160, 16 bytes each. */
static void name_vector(char *name, size_t size, uint64_t word)
{
#if defined(__x86_64__)
    if (word >= 20 && word < 52) {
        snprintf(name, size, "register xmm%" PRIu64, (word - 20) / 2);
        return;
    }
#endif
    snprintf(name, size, "vector registers+0x%" PRIx64, word * 8);
}

static void name_register(char *name, size_t size, uint64_t number)
{
#if defined(__x86_64__)
    static const char *const names[] = {"rax", "rdx", "rcx", "rbx", "rsi", "rdi",
                                        "rbp", "rsp", "r8",  "r9",  "r10", "r11",
                                        "r12", "r13", "r14", "r15", "rip"};
    if (number < sizeof(names) / sizeof(names[0])) {
        snprintf(name, size, "register %s", names[number]);
        return;
    }
#endif
    if (number >= FIRST_VECTOR)
        name_vector(name, size, number - FIRST_VECTOR);
    else
        snprintf(name, size, "register x%" PRIu64, number);
}

static void add_register(struct hs_assembly *assembly, uint32_t thread,
                         const struct hs_capture_root_edge *edge)
{
    char name[64];
    name_register(name, sizeof(name), edge->address / 8);
    hs_assembly_edge(assembly, assembly->thread_node[thread],
                     momentary_edge(assembly, edge->to), name,
                     assembly->first_block + edge->to);
}

/* By variable where that is known, else by the distance from the thread pointer, which
 * lies above the variables on x86-64. */
static void add_tls(struct hs_assembly *assembly, uint32_t thread,
                    const struct hs_capture_root_edge *edge)
{
    uint64_t pointer = assembly->capture->threads[thread].thread_pointer;
    const char *variable =
        hs_symbols_thread_variable(assembly->symbols, pointer, edge->address);
    char offset[1400];
    if (name_by_type(assembly, edge, offset, sizeof(offset)))
        variable = NULL;
    else if (edge->address >= pointer)
        snprintf(offset, sizeof(offset), "TLS+0x%" PRIx64, edge->address - pointer);
    else
        snprintf(offset, sizeof(offset), "TLS-0x%" PRIx64, pointer - edge->address);
    hs_assembly_edge(assembly, assembly->thread_node[thread],
                     edge->inside ? HS_EDGE_INTERNAL : HS_EDGE_PROPERTY,
                     variable ? variable : offset, assembly->first_block + edge->to);
}

/* Memory that belongs to no module and no thread: what the program has declared a root
 * holds, and the rest only what nothing else does. */
static void add_other(struct hs_assembly *assembly, const struct hs_capture_root *root,
                      const struct hs_capture_root_edge *edge)
{
    bool is_weak = root->kind == HS_ROOT_WEAK;
    bool holds = !is_weak || assembly->graph->reach[edge->to] == HS_REACH_WEAK;
    char name[96];
    snprintf(name, sizeof(name), "%s 0x%" PRIx64 "+0x%" PRIx64,
             is_weak ? "memory" : "root region", root->start,
             edge->address - root->start);
    hs_assembly_edge(assembly, assembly->group[HS_GROUP_MAPPINGS],
                     holds ? HS_EDGE_PROPERTY : HS_EDGE_WEAK, name,
                     assembly->first_block + edge->to);
}

struct slot {
    const char *frame;
    uint32_t to;
    uint32_t edge; /* index in the capture's root edges */
    uint64_t address;
};

static int by_frame_and_target(const void *left, const void *right)
{
    const struct slot *a = left, *b = right;
    if (a->frame != b->frame)
        return (uintptr_t)a->frame < (uintptr_t)b->frame ? -1 : 1;
    if (a->to != b->to)
        return a->to < b->to ? -1 : 1;
    return a->address < b->address ? -1 : a->address > b->address;
}

static int by_address(const void *left, const void *right)
{
    const struct slot *a = left, *b = right;
    return a->address < b->address ? -1 : a->address > b->address;
}

static bool has_variable(const struct hs_assembly *assembly, const struct slot *slot)
{
    char name[1400];
    return name_by_type(assembly, &assembly->capture->root_edges[slot->edge], name,
                        sizeof(name));
}

/* "session in handle_request() worker.c:77". `base`: where the stack begins. */
static void name_slot(const struct hs_assembly *assembly, const struct slot *slot,
                      uint64_t base, char *name, size_t size)
{
    char variable[1400];
    if (!slot->frame)
        snprintf(name, size, "stack+0x%" PRIx64, slot->address - base);
    else if (name_by_type(assembly, &assembly->capture->root_edges[slot->edge], variable,
                          sizeof(variable)))
        snprintf(name, size, "%s in %s", variable, slot->frame);
    else
        snprintf(name, size, "%s", slot->frame);
}

/* One edge a thread, frame and block; slots of no known frame keep their own. */
static int add_stack_slots(struct hs_assembly *assembly,
                           const struct hs_capture_root *root, size_t first, size_t end)
{
    HS_ARRAY(struct slot) slots = {0};
    if (!hs_array_reserve(&slots, end - first))
        return -ENOMEM;
    for (size_t i = first; i < end; i++) {
        const struct hs_capture_root_edge *edge = &assembly->capture->root_edges[i];
        if (!hs_pointer_counts(assembly->capture, edge->to, edge->inside))
            continue;
        slots.at[slots.count++] =
            (struct slot){hs_symbols_slot(assembly->symbols, root->owner, edge->address),
                          edge->to, (uint32_t)i, edge->address};
    }
    qsort(slots.at, slots.count, sizeof(*slots.at), by_frame_and_target);
    size_t kept = 0;
    for (size_t i = 0; i < slots.count; i++) {
        const struct slot *slot = &slots.at[i];
        if (kept > 0 && slot->frame && slots.at[kept - 1].frame == slot->frame
            && slots.at[kept - 1].to == slot->to) {
            if (!has_variable(assembly, &slots.at[kept - 1]))
                slots.at[kept - 1] = *slot;
            continue;
        }
        slots.at[kept++] = *slot;
    }
    qsort(slots.at, kept, sizeof(*slots.at), by_address);

    uint32_t node = assembly->thread_node[root->owner];
    uint64_t base = assembly->capture->threads[root->owner].stack_start;
    for (size_t i = 0; i < kept; i++) {
        char name[2000];
        name_slot(assembly, &slots.at[i], base, name, sizeof(name));
        hs_assembly_edge(assembly, node, momentary_edge(assembly, slots.at[i].to), name,
                         assembly->first_block + slots.at[i].to);
    }
    free(slots.at);
    return 0;
}

static void add_loader_blocks(struct hs_assembly *assembly)
{
    uint32_t loader = hs_loader_find(assembly->capture);
    for (uint32_t i = 0; i < assembly->capture->n_blocks; i++)
        if (hs_loader_made(assembly->capture, loader, i))
            hs_assembly_edge(assembly, assembly->module_node[loader], HS_EDGE_INTERNAL,
                             "allocated for itself", assembly->first_block + i);
}

int hs_assembly_add_root_edges(struct hs_assembly *assembly)
{
    const struct hs_capture *capture = assembly->capture;
    for (size_t first = 0, end; first < capture->n_root_edges; first = end) {
        uint32_t index = capture->root_edges[first].root;
        const struct hs_capture_root *root = &capture->roots[index];
        for (end = first + 1; end < capture->n_root_edges; end++)
            if (capture->root_edges[end].root != index)
                break;
        if (root->kind == HS_ROOT_STACK) {
            if (add_stack_slots(assembly, root, first, end) < 0)
                return -ENOMEM;
            continue;
        }
        for (size_t i = first; i < end; i++) {
            const struct hs_capture_root_edge *edge = &capture->root_edges[i];
            if (!hs_pointer_counts(capture, edge->to, edge->inside))
                continue;
            if (root->kind == HS_ROOT_MODULE)
                add_global(assembly, root->owner, edge);
            else if (root->kind == HS_ROOT_REGISTERS)
                add_register(assembly, root->owner, edge);
            else if (root->kind == HS_ROOT_TLS)
                add_tls(assembly, root->owner, edge);
            else
                add_other(assembly, root, edge);
        }
    }
    add_loader_blocks(assembly);
    return 0;
}

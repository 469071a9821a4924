// SPDX-License-Identifier: MIT

/*
 * (Threads): each thread and its stack memory. What the stack points to is in roots.c.
 */

#include <stdio.h>

#include "libheapsnap/assemble/assembly.h"

/* glibc's struct pthread with the thread control block, about: what a thread costs beside
 * its stack. */
#define THREAD_SIZE 2304u

static void add_stack(struct hs_assembly *assembly,
                      const struct hs_capture_thread *thread, size_t number,
                      uint32_t node)
{
    char name[64];
    snprintf(name, sizeof(name), "stack of thread %zu", number);
    uint64_t size = thread->stack_end - thread->stack_start;
    uint32_t stack =
        hs_assembly_node(assembly, HS_NODE_HIDDEN, name,
                         hs_assembly_id(assembly, thread->stack_id), size, 0);
    hs_assembly_edge(assembly, node, HS_EDGE_INTERNAL, "stack", stack);
}

void hs_assembly_add_threads(struct hs_assembly *assembly)
{
    const struct hs_capture *capture = assembly->capture;
    for (size_t i = 0; i < capture->n_threads; i++) {
        const struct hs_capture_thread *thread = &capture->threads[i];
        char name[96];
        snprintf(name, sizeof(name), "<thread %zu \"%.*s\" tid %d>", i + 1,
                 (int)sizeof(thread->name), thread->name, thread->tid);
        uint32_t node =
            hs_assembly_node(assembly, HS_NODE_NATIVE, name,
                             hs_assembly_id(assembly, thread->id), THREAD_SIZE, 0);
        hs_assembly_element(assembly, assembly->group[HS_GROUP_THREADS], (uint32_t)i + 1,
                            node);
        assembly->thread_node[i] = node;
        if (thread->stack_end > thread->stack_start)
            add_stack(assembly, thread, i + 1, node);
    }
}

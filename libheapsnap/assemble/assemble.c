// SPDX-License-Identifier: MIT

/*
 * The order of work: graph and symbols first, then one group after the other.
 *
 * Sites come before blocks and handles, which have edges to them; pointers come last,
 * because they need every node's number. Only synthetic nodes hang from the root: DevTools
 * then leaves sizes and distances as they are.
 */

#include "heapsnap/assemble.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/assemble/assembly.h"
#include "libheapsnap/base/guard.h"

/* From here on, instance names make files and DevTools heavier than they are worth. */
#define INSTANCE_NAMES_BELOW 1000000u

HS_DEFINE_GUARD(hs_guard_builder, struct hs_snapshot_builder *,
                hs_snapshot_builder_destroy)

static const char *const group_names[HS_GROUP_COUNT] = {
    [HS_GROUP_MODULES] = "(Modules)",        [HS_GROUP_THREADS] = "(Threads)",
    [HS_GROUP_MAPPINGS] = "(Mappings)",      [HS_GROUP_HANDLES] = "(Handles)",
    [HS_GROUP_ALLOCATOR] = "(Allocator)",    [HS_GROUP_LOST] = "(Unreachable: leaked)",
    [HS_GROUP_SITES] = "(Allocation sites)", [HS_GROUP_IGNORED] = "(Ignored)",
};

static void add_groups(struct hs_assembly *assembly)
{
    assembly->root = hs_assembly_node(assembly, HS_NODE_SYNTHETIC, "", HS_ID_ROOT, 0, 0);
    for (uint32_t i = 0; i < HS_GROUP_COUNT; i++) {
        /* Who holds a sampled block is most likely not in the sample itself. */
        bool is_unsure = i == HS_GROUP_LOST && assembly->capture->header->sample_rate;
        const char *name = is_unsure ? "(Unreachable in the sample)" : group_names[i];
        assembly->group[i] =
            hs_assembly_node(assembly, HS_NODE_SYNTHETIC, name, 2 * (i + 1) + 1, 0, 0);
        hs_assembly_element(assembly, assembly->root, i + 1, assembly->group[i]);
    }
}

static int add_everything(struct hs_assembly *assembly)
{
    add_groups(assembly);
    hs_assembly_add_modules(assembly);
    hs_assembly_add_threads(assembly);
    hs_assembly_add_allocator(assembly);
    if (hs_assembly_add_sites(assembly) < 0)
        return -ENOMEM;
    hs_assembly_add_handles(assembly);
    if (hs_assembly_add_blocks(assembly) < 0 || hs_assembly_add_root_edges(assembly) < 0
        || hs_assembly_add_pointers(assembly) < 0)
        return -ENOMEM;
    return hs_assembly_add_lost(assembly);
}

/* Types are worth much, but a snapshot without them is better than none. */
static int find_types(struct hs_assembly *assembly,
                      const struct hs_assemble_options *options, struct hs_error *err)
{
    if (options && options->without_types)
        return 0;
    struct hs_layouts_options wanted = {.debuginfod =
                                            options ? options->debuginfod : NULL};
    if (hs_layouts_create(assembly->symbols, &wanted, &assembly->layouts,
                          &assembly->types_error)
        < 0)
        assembly->layouts = NULL;
    return hs_types_create(assembly->capture, assembly->graph, assembly->symbols,
                           assembly->layouts, &assembly->types, err);
}

static uint32_t *numbers_create(size_t count)
{
    uint32_t *numbers = malloc((count + 1) * sizeof(*numbers));
    if (numbers)
        memset(numbers, 0xff, (count + 1) * sizeof(*numbers));
    return numbers;
}

static int assemble(struct hs_assembly *assembly, struct hs_snapshot **ret,
                    struct hs_error *err)
{
    const struct hs_capture *capture = assembly->capture;
    hs_auto_free uint32_t *modules = numbers_create(capture->n_modules);
    hs_auto_free uint32_t *threads = numbers_create(capture->n_threads);
    hs_auto_free uint32_t *sites = numbers_create(capture->n_frames);
    hs_auto(hs_guard_builder) struct hs_snapshot_builder *builder = NULL;
    int result = hs_snapshot_builder_create(&builder, err);
    if (result < 0)
        return result;
    assembly->builder = builder;
    assembly->module_node = modules;
    assembly->thread_node = threads;
    assembly->site_node = sites;
    if (!modules || !threads || !sites || add_everything(assembly) < 0)
        return hs_error_set(err, ENOMEM, "no memory for a snapshot of %zu blocks",
                            capture->n_blocks);
    json_t *metadata = hs_assembly_metadata(assembly);
    return hs_snapshot_builder_finish(hs_take(builder), metadata, ret, err);
}

int hs_assemble(const struct hs_capture *capture,
                const struct hs_assemble_options *options, struct hs_snapshot **ret,
                struct hs_error *err)
{
    if (capture->header->kind != HS_REQUEST_SNAPSHOT)
        return hs_error_set(err, EINVAL,
                            "the capture of process %d has totals only, no memory",
                            capture->header->pid);
    int wanted = options ? options->instance_names : -1;
    struct hs_assembly assembly = {
        .capture = capture,
        .has_instance_names =
            wanted < 0 ? capture->n_blocks < INSTANCE_NAMES_BELOW : wanted > 0,
    };
    int result = hs_graph_create(capture, &assembly.graph, err);
    if (result == 0)
        result = hs_symbols_create(capture, &assembly.symbols, err);
    if (result == 0)
        result = find_types(&assembly, options, err);
    if (result == 0)
        result = assemble(&assembly, ret, err);
    hs_types_destroy(assembly.types);
    hs_layouts_destroy(assembly.layouts);
    hs_symbols_destroy(assembly.symbols);
    hs_graph_destroy(assembly.graph);
    return result;
}

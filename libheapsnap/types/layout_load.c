// SPDX-License-Identifier: MIT

/*
 * A module's table: from the cache, or read from its DWARF and put there.
 */

#include <stdlib.h>
#include <string.h>

#include "libheapsnap/types/cache.h"
#include "libheapsnap/types/dwarf_reader.h"
#include "libheapsnap/types/layout_internal.h"
#include "probes/abi.h"

#define MEMORY_LIMIT (1ull << 30)
#define TIME_LIMIT 60000

/* libdwfl asks the servers that this variable names, and none without it. */
static Dwarf *open_dwarf(struct hs_symbol_module *module, const char *servers)
{
    GElf_Addr bias;
    if (servers && servers[0])
        setenv("DEBUGINFOD_URLS", servers, 1);
    hs_module_open(module);
    Dwarf *dwarf = module->state == HS_MODULE_READY
                       ? dwfl_module_getdwarf(module->dwfl_module, &bias)
                       : NULL;
    if (servers && servers[0])
        unsetenv("DEBUGINFOD_URLS");
    return dwarf;
}

static void read_dwarf(const struct hs_layouts_options *options,
                       struct hs_symbol_module *module, struct hs_layout_table *ret)
{
    const struct hs_capture_module *info = module->info;
    struct hs_dwarf_limits limits = {
        .memory = options->memory_limit ? options->memory_limit : MEMORY_LIMIT,
        .milliseconds = options->time_limit ? options->time_limit : TIME_LIMIT,
    };
    bool is_whole;
    Dwarf *dwarf = open_dwarf(module, options->debuginfod);
    struct hs_layout_header *header =
        dwarf ? hs_dwarf_read(dwarf, info->build_id, info->build_id_size, &limits,
                              &is_whole)
              : NULL;
    if (!header)
        return;
    if (hs_layout_table_open(header, header->size, false, ret) != NULL) {
        free(header); /* malformed beyond what the reader notices */
        return;
    }
    if (is_whole)
        hs_cache_save(options->cache, header,
                      options->cache_limit ? options->cache_limit : HS_CACHE_LIMIT);
}

bool hs_layouts_prepare(struct hs_layout_module *module)
{
    module->numbers = malloc((module->table.n_types + 1) * sizeof(*module->numbers));
    module->variables = calloc(module->table.n_variables + 1, sizeof(*module->variables));
    if (!module->numbers || !module->variables) {
        hs_layout_table_close(&module->table);
        return false;
    }
    memset(module->numbers, 0xff, module->table.n_types * sizeof(*module->numbers));
    return true;
}

void hs_layouts_load(struct hs_layouts *layouts, size_t index)
{
    struct hs_symbol_module *module = &layouts->symbols->modules[index];
    struct hs_layout_module *of = &layouts->modules[index];
    const struct hs_capture_module *info = module->info;
    if (!hs_cache_load(layouts->options.cache, info->build_id, info->build_id_size,
                       &of->table))
        read_dwarf(&layouts->options, module, &of->table);
    if (of->table.header)
        hs_layouts_prepare(of);
}

// SPDX-License-Identifier: MIT

/*
 * (Modules): the data of each loaded file is one node; a global variable is not a node but
 * the name of an edge, so that Retainers end in "g_sessions in server (.data, .bss)".
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "libheapsnap/assemble/assembly.h"

void hs_assembly_add_modules(struct hs_assembly *assembly)
{
    const struct hs_capture *capture = assembly->capture;
    for (size_t i = 0; i < capture->n_modules; i++) {
        const struct hs_capture_module *module = &capture->modules[i];
        assembly->module_node[i] = UINT32_MAX;
        if (module->flags & (HS_MODULE_UNLOADED | HS_MODULE_SHIM))
            continue;
        const char *name = hs_symbols_module_name(assembly->symbols, i);
        char text[600];
        snprintf(text, sizeof(text), "%s (.data, .bss)", name);
        uint32_t node =
            hs_assembly_node(assembly, HS_NODE_NATIVE, text,
                             hs_assembly_id(assembly, module->id), module->data_size, 0);
        hs_assembly_edge(assembly, assembly->group[HS_GROUP_MODULES], HS_EDGE_PROPERTY,
                         name[0] ? name : "(unnamed)", node);
        assembly->module_node[i] = node;
    }
}

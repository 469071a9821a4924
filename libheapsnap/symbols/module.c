// SPDX-License-Identifier: MIT

/*
 * A Dwfl of its own for every module: modules that were unloaded may have shared their
 * addresses with others, which one Dwfl would refuse. Opening is lazy, in three steps
 * (file, symbol tables, DWARF), because most modules of a process are never asked about.
 */

#include "libheapsnap/symbols/module.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probes/abi.h"

static char *debuginfo_path =
    NULL; /* libdwfl's default: beside the file, /usr/lib/debug */

const Dwfl_Callbacks hs_module_callbacks = {
    .find_elf = dwfl_build_id_find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo,
    .debuginfo_path = &debuginfo_path,
};

/* True also where nothing is known: a file without build-id cannot be checked. */
static bool has_same_build_id(const struct hs_symbol_module *module, Dwfl_Module *opened)
{
    const struct hs_capture_module *info = module->info;
    const unsigned char *bits;
    GElf_Addr address;
    if (info->build_id_size == 0 || info->build_id_size > HS_BUILD_ID_MAX)
        return true;
    int size = dwfl_module_build_id(opened, &bits, &address);
    return size >= info->build_id_size
           && memcmp(bits, info->build_id, info->build_id_size) == 0;
}

/* The path comes from a process we do not trust: it may lead to a device or a pipe by
 * now, which must not even be opened. */
static int open_regular(const char *path)
{
    struct stat status;
    if (path[0] != '/' || stat(path, &status) < 0 || !S_ISREG(status.st_mode))
        return -1;
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

static enum hs_module_state report(const struct hs_symbol_module *module, Dwfl *dwfl,
                                   Dwfl_Module **ret)
{
    int fd = open_regular(module->path);
    if (fd < 0)
        return HS_MODULE_MISSING;
    /* On success the descriptor is libdwfl's. */
    Dwfl_Module *opened =
        dwfl_report_elf(dwfl, module->name, module->path, fd, module->info->bias, true);
    if (!opened) {
        close(fd);
        return HS_MODULE_CHANGED;
    }
    *ret = opened;
    return has_same_build_id(module, opened) ? HS_MODULE_READY : HS_MODULE_CHANGED;
}

bool hs_module_report(const struct hs_symbol_module *module, Dwfl *dwfl)
{
    Dwfl_Module *ignored;
    return report(module, dwfl, &ignored) == HS_MODULE_READY;
}

void hs_module_open(struct hs_symbol_module *module)
{
    if (module->state != HS_MODULE_UNOPENED)
        return;
    module->state = HS_MODULE_MISSING;
    module->dwfl = dwfl_begin(&hs_module_callbacks);
    if (!module->dwfl)
        return;
    dwfl_report_begin(module->dwfl);
    module->state = report(module, module->dwfl, &module->dwfl_module);
    dwfl_report_end(module->dwfl, NULL, NULL);
}

void hs_module_close(struct hs_symbol_module *module)
{
    hs_dwarf_destroy(module->dwarf);
    hs_module_words_destroy(module->words);
    hs_tables_deinit(&module->tables);
    if (module->dwfl)
        dwfl_end(module->dwfl);
    module->dwfl = NULL;
}

const struct hs_tables *hs_module_tables(struct hs_symbol_module *module)
{
    hs_module_open(module);
    if (!module->has_tables && module->state == HS_MODULE_READY)
        hs_tables_load(module->dwfl_module, &module->tables);
    module->has_tables = true;
    return &module->tables;
}

uint64_t hs_module_tls_size(struct hs_symbol_module *module)
{
    hs_module_open(module);
    GElf_Addr bias;
    size_t count = 0;
    Elf *elf = module->state == HS_MODULE_READY
                   ? dwfl_module_getelf(module->dwfl_module, &bias)
                   : NULL;
    if (!elf || elf_getphdrnum(elf, &count) != 0)
        return 0;
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr header;
        if (!gelf_getphdr(elf, (int)i, &header) || header.p_type != PT_TLS)
            continue;
        uint64_t align = header.p_align ? header.p_align : 1;
        if (align & (align - 1))
            return 0;
        return (header.p_memsz + align - 1) & ~(align - 1);
    }
    return 0;
}

struct hs_dwarf *hs_module_dwarf(struct hs_symbol_module *module)
{
    hs_module_open(module);
    if (module->has_dwarf)
        return module->dwarf;
    module->has_dwarf = true;
    if (module->state != HS_MODULE_READY)
        return NULL;
    Dwarf *dwarf = dwfl_module_getdwarf(module->dwfl_module, &module->dwarf_bias);
    if (dwarf)
        module->dwarf = hs_dwarf_create(dwarf);
    return module->dwarf;
}

// SPDX-License-Identifier: MIT

/*
 * A C program may load a C++ plugin with RTLD_LOCAL. The plugin's operator new then binds
 * to ours, because the global scope comes first, but the C++ library is in no scope that
 * RTLD_NEXT searches. So ask the plugin itself.
 *
 * A search takes 30 µs, and where there is no C++ library at all every call would search.
 * So what was not found is remembered until something is loaded.
 */

#include "probes/kinds/cxx.h"

#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probes/tracker/guard.h"
#include "probes/tracker/module_table.h"
#include "probes/tracker/next.h"

static bool is_ours(void *function)
{
    struct hs_module found, shim;
    return hs_module_read((uint64_t)function, &found)
           && hs_module_read((uint64_t)&is_ours, &shim) && found.start == shim.start;
}

static void *find_in(const char *library, const char *name)
{
    void *handle = dlopen(library, RTLD_LAZY | RTLD_NOLOAD);
    void *function = handle ? dlsym(handle, name) : NULL;
    if (function && !is_ours(function))
        return function;
    if (handle)
        dlclose(handle);
    return NULL;
}

static void *search(const char *name, void *caller)
{
    static const char *const libraries[] = {"libstdc++.so.6", "libc++.so.1",
                                            "libc++abi.so.1"};
    struct hs_module module;
    void *function = NULL;
    uint32_t word = hs_guard_word;
    hs_guard_word =
        word | HS_GUARD_HELD; /* what the loader allocates is not the program's */
    if (hs_module_read((uint64_t)caller, &module))
        function = find_in(module.path, name);
    for (size_t i = 0; !function && i < sizeof(libraries) / sizeof(libraries[0]); i++)
        function = find_in(libraries[i], name);
    dlerror();
    if (word)
        hs_guard_word = word;
    else
        hs_guard_drop(); /* with what came meanwhile */
    return function;
}

static int note_loads(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    *(uint64_t *)context = info->dlpi_adds;
    return 1; /* every module tells the same */
}

static uint64_t mix(uint64_t value)
{
    value ^= value >> 32;
    value *= 0xd6e8feb86659fd93ull;
    return value ^ value >> 32;
}

/* What stands for "`name` was not found for `caller` when so much had been loaded". */
static uint64_t miss_of(const char *name, void *caller)
{
    uint64_t loads = 0;
    dl_iterate_phdr(note_loads, &loads);
    return mix(mix(mix((uint64_t)(uintptr_t)name) ^ (uint64_t)(uintptr_t)caller) ^ loads)
           | 1;
}

void *hs_cxx_find(const char *name, void *caller)
{
    static uint64_t misses[256];
    uint64_t miss = miss_of(name, caller);
    uint64_t *place = &misses[miss >> 56];
    if (__atomic_load_n(place, __ATOMIC_RELAXED) == miss)
        return NULL;
    void *function = hs_next_find(name);
    if (!function)
        function = search(name, caller);
    if (!function)
        __atomic_store_n(place, miss, __ATOMIC_RELAXED);
    return function;
}

bool hs_cxx_is_allocators(void *found)
{
    struct hs_module operator, allocator;
    return found && hs_module_read((uint64_t)found, &operator)
           && hs_module_read((uint64_t)hs_next_find("malloc"), &allocator)
           && operator.start == allocator.start;
}

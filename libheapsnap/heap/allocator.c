// SPDX-License-Identifier: MIT

/*
 * Whose malloc is it? glibc is in nearly every process, and an arena in its data says
 * nothing when the program brings another allocator: a walk would then find a few blocks
 * of libc and call that the heap. Whoever else defines malloc is refused, by name where
 * the name is known.
 */

#include <errno.h>
#include <string.h>

#include "libheapsnap/heap/dynamic.h"
#include "libheapsnap/heap/making.h"

#define COMMAND_SHOWN 80

static const char *name_of(const struct hs_memory_module *module)
{
    const char *slash = strrchr(module->path, '/');
    return slash ? slash + 1 : module->path;
}

static bool has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static int refuse(const struct hs_reader *reader, struct hs_error *err, const char *what,
                  const char *path, const char *way_out)
{
    const struct hs_memory *memory = reader->memory;
    const char *command = memory->command[0] ? memory->command : memory->executable;
    return hs_error_set(err, ENOTSUP, "%s %d (%.*s) %s%s%s%s; %s",
                        memory->is_core ? "the core of process" : "process",
                        (int)memory->pid, COMMAND_SHOWN, command, what, *path ? " (" : "",
                        path, *path ? ")" : "", way_out);
}

static const char START_IT[] = "start it with: heapsnap run -- COMMAND";

/* What whoever defines malloc is known by. */
static const struct {
    const char *symbol;
    const char *what;
    const char *way_out;
} allocators[] = {
    {"mallctl", "allocates with jemalloc, whose heap cannot be walked from outside",
     START_IT},
    {"tc_malloc", "allocates with tcmalloc, whose heap cannot be walked from outside",
     START_IT},
    {"mi_malloc", "allocates with mimalloc, whose heap cannot be walked from outside",
     START_IT},
    {"__asan_init", "is built with AddressSanitizer, which allocates its own way",
     "build it without"},
    {"__tsan_init", "is built with ThreadSanitizer, which allocates its own way",
     "build it without"},
    {"__lsan_init", "is built with LeakSanitizer, which allocates its own way",
     "build it without"},
    {"malloc", "brings an allocator of its own, whose heap cannot be walked from outside",
     START_IT},
};

/* libc itself; a loader of old has a malloc for its own start; our shim passes it on. */
static bool may_define_malloc(const struct hs_memory_module *module)
{
    const char *name = name_of(module);
    return module->is_loader || has_prefix(name, "libc.so.6")
           || has_prefix(name, "libc-2.") || strcmp(name, HS_SHIM_NAME) == 0;
}

int hs_allocator_refuse(struct hs_reader *reader, struct hs_error *err)
{
    const struct hs_memory *memory = reader->memory;
    for (size_t i = 0; i < memory->n_modules; i++) {
        const struct hs_memory_module *module = &memory->modules[i];
        struct hs_dynamic dynamic;
        bool is_musl = has_prefix(name_of(module), "ld-musl-")
                       || (module->is_loader && strcmp(name_of(module), "libc.so") == 0);
        if (is_musl)
            return refuse(reader, err,
                          "is linked with musl, whose heap cannot be walked from outside",
                          "", START_IT);
        if (!hs_dynamic_read(reader, module, &dynamic))
            continue;
        if (module->is_executable && dynamic.is_go)
            return refuse(reader, err,
                          "is written in Go, whose heap cannot be walked from outside",
                          "", "Go's own net/http/pprof shows it");
        if (may_define_malloc(module) || !hs_dynamic_defines(reader, &dynamic, "malloc"))
            continue;
        for (size_t known = 0; known < sizeof(allocators) / sizeof(*allocators); known++)
            if (hs_dynamic_defines(reader, &dynamic, allocators[known].symbol))
                return refuse(reader, err, allocators[known].what, module->path,
                              allocators[known].way_out);
    }
    return 0;
}

int hs_allocator_refuse_missing(struct hs_reader *reader, struct hs_error *err)
{
    bool has_loader = false;
    for (size_t i = 0; i < reader->memory->n_modules; i++)
        has_loader |= reader->memory->modules[i].is_loader;
    if (has_loader)
        return refuse(reader, err, "has no glibc heap that could be walked from outside",
                      "", START_IT);
    return refuse(reader, err,
                  "is a static program without a glibc heap that could be walked", "",
                  "link it dynamically and start it with: heapsnap run -- COMMAND");
}

// SPDX-License-Identifier: MIT

/*
 * One address after the other, each asked of elfutils once.
 *
 * An answer names its module as well as its address, because a library that was unloaded
 * may have left its place to another.
 */

#include "heapsnap/symbols.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/base/guard.h"
#include "libheapsnap/symbols/internal.h"
#include "libheapsnap/symbols/name.h"
#include "libheapsnap/symbols/started.h"
#include "libheapsnap/symbols/wrapper.h"
#include "probes/abi.h"

void hs_symbols_destroy(struct hs_symbols *symbols)
{
    if (!symbols)
        return;
    hs_unwind_destroy(symbols->unwind, symbols->capture->n_threads);
    for (size_t i = 0; symbols->modules && i < symbols->capture->n_modules; i++)
        hs_module_close(&symbols->modules[i]);
    free(symbols->modules);
    free(symbols->by_address);
    free(symbols->answers);
    free(symbols->sites);
    free(symbols->stack_texts);
    free(symbols->notes.at);
    hs_text_deinit(&symbols->text);
    free(symbols);
}
HS_DEFINE_GUARD(hs_guard_symbols, struct hs_symbols *, hs_symbols_destroy)

static int by_start(const void *left, const void *right, void *modules)
{
    const struct hs_capture_module *all = modules;
    uint64_t a = all[*(const uint32_t *)left].start,
             b = all[*(const uint32_t *)right].start;
    return a < b ? -1 : a > b;
}

/* The executable is called what it was started as. */
static const char *name_module(struct hs_symbols *symbols,
                               const struct hs_symbol_module *module)
{
    const struct hs_capture *capture = symbols->capture;
    const char *executable =
        hs_capture_string(capture, capture->header->strings_executable);
    if (strcmp(module->path, executable) != 0)
        return hs_name_base(module->path);
    const char *command = hs_capture_string(capture, capture->header->strings_command);
    hs_auto_free char *name = hs_name_started(module->path, command);
    const char *copy = name ? hs_text_copy(&symbols->text, name) : NULL;
    return copy ? copy : hs_name_base(module->path);
}

static void list_modules(struct hs_symbols *symbols)
{
    const struct hs_capture *capture = symbols->capture;
    for (size_t i = 0; i < capture->n_modules; i++) {
        struct hs_symbol_module *module = &symbols->modules[i];
        module->info = &capture->modules[i];
        module->path = hs_capture_string(capture, module->info->path);
        module->name = name_module(symbols, module);
        if (!(module->info->flags & HS_MODULE_UNLOADED))
            symbols->by_address[symbols->n_by_address++] = (uint32_t)i;
    }
    qsort_r(symbols->by_address, symbols->n_by_address, sizeof(*symbols->by_address),
            by_start, (void *)(uintptr_t)capture->modules);
}

int hs_symbols_create(const struct hs_capture *capture, struct hs_symbols **ret,
                      struct hs_error *err)
{
    unsetenv("DEBUGINFOD_URLS");
    hs_auto(hs_guard_symbols) struct hs_symbols *symbols = calloc(1, sizeof(*symbols));
    if (!symbols)
        return hs_error_set(err, ENOMEM, "no memory for symbols");
    symbols->capture = capture;
    symbols->answers_room = 1024;
    symbols->answers = calloc(symbols->answers_room, sizeof(*symbols->answers));
    symbols->modules = calloc(capture->n_modules + 1, sizeof(*symbols->modules));
    symbols->by_address = calloc(capture->n_modules + 1, sizeof(*symbols->by_address));
    symbols->sites = calloc(capture->n_frames + 1, sizeof(*symbols->sites));
    symbols->stack_texts = calloc(capture->n_frames + 1, sizeof(*symbols->stack_texts));
    if (!symbols->answers || !symbols->modules || !symbols->by_address || !symbols->sites
        || !symbols->stack_texts)
        return hs_error_set(err, ENOMEM, "no memory for symbols of %zu modules",
                            capture->n_modules);
    list_modules(symbols);
    *ret = hs_take(symbols);
    return 0;
}

uint32_t hs_symbols_module_at(const struct hs_symbols *symbols, uint64_t address)
{
    size_t low = 0, high = symbols->n_by_address;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (symbols->capture->modules[symbols->by_address[middle]].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return UINT32_MAX;
    uint32_t index = symbols->by_address[low - 1];
    return address < symbols->capture->modules[index].end ? index : UINT32_MAX;
}

/* ---- one address ---- */

static const char *readable(struct hs_symbols *symbols, const char *linker_name)
{
    hs_auto_free char *name = hs_name_readable(linker_name);
    const char *copy = name ? hs_text_copy(&symbols->text, name) : NULL;
    return copy ? copy : linker_name;
}

const char *hs_symbols_signature(struct hs_symbols *symbols, const char *linker_name)
{
    hs_auto_free char *name = hs_name_signature(linker_name);
    const char *copy = name ? hs_text_copy(&symbols->text, name) : NULL;
    return copy ? copy : linker_name;
}

/* What there is to say without any symbol. */
static const char *name_by_offset(struct hs_symbols *symbols, uint64_t address,
                                  const struct hs_symbol_module *module)
{
    if (address == HS_FRAME_IGNORED)
        return "(ignored)";
    const char *name = module ? hs_text_format(&symbols->text, "%s+0x%" PRIx64,
                                               module->name, address - module->info->bias)
                              : hs_text_format(&symbols->text, "JIT 0x%" PRIx64, address);
    return name ? name : "(no memory)";
}

static void note_missing(struct hs_symbols *symbols,
                         const struct hs_symbol_module *module)
{
    const char *note = NULL;
    if (module->state == HS_MODULE_CHANGED)
        note =
            hs_text_format(&symbols->text,
                           "%s: the file was replaced since the program loaded it, its "
                           "functions are shown as addresses",
                           module->path);
    else if (module->state == HS_MODULE_MISSING && module->path[0] == '/')
        note = hs_text_format(&symbols->text,
                              "%s: the file cannot be opened, its functions are shown as "
                              "addresses",
                              module->path);
    if (note)
        (void)hs_array_push(&symbols->notes, note);
}

static struct hs_symbol_module *open_module(struct hs_symbols *symbols, uint32_t index)
{
    struct hs_symbol_module *module = &symbols->modules[index];
    if (module->state == HS_MODULE_UNOPENED) {
        hs_module_open(module);
        note_missing(symbols, module);
    }
    return module;
}

size_t hs_symbols_notes(const struct hs_symbols *symbols, const char *const **ret)
{
    *ret = (const char *const *)symbols->notes.at;
    return symbols->notes.count;
}

static void finish_frame(struct hs_symbol_frame *frame)
{
    frame->file = frame->path ? hs_name_base(frame->path) : NULL;
    frame->is_allocator =
        hs_wrapper_kind(frame->function, frame->path) != HS_WRAPPER_NONE;
}

/* A linker name says more where it is mangled ("ns::f"), and less where a C library has
 * renamed its functions ("__GI___mremap"). */
static const char *best_name(const struct hs_dwarf_frame *frame)
{
    const char *linker_name = frame->linker_name;
    bool is_mangled = linker_name && linker_name[0] == '_'
                      && (linker_name[1] == 'Z' || linker_name[1] == 'R');
    return is_mangled || !frame->name ? linker_name : frame->name;
}

/* From DWARF: `frames` has room for HS_DWARF_DEPTH_MAX; 0 when it knows nothing. */
static size_t resolve_dwarf(struct hs_symbols *symbols, struct hs_symbol_module *module,
                            uint64_t address, struct hs_symbol_frame *frames)
{
    struct hs_dwarf_frame found[HS_DWARF_DEPTH_MAX];
    struct hs_dwarf *dwarf = hs_module_dwarf(module);
    size_t count =
        dwarf ? hs_dwarf_frames(dwarf, address - module->dwarf_bias, found) : 0;
    for (size_t i = 0; i < count; i++) {
        const char *name = best_name(&found[i]);
        frames[i].function = name ? readable(symbols, name) : "(unnamed)";
        frames[i].linker_name = found[i].linker_name ? found[i].linker_name : name;
        frames[i].path = found[i].path;
        frames[i].line = found[i].line;
        frames[i].is_inlined = i + 1 < count;
    }
    return count;
}

static size_t resolve(struct hs_symbols *symbols, uint64_t return_address, uint32_t index,
                      struct hs_symbol_frame *frames)
{
    struct hs_symbol_module *module = NULL;
    uint64_t address = return_address - 1; /* inside the call, not behind it */
    size_t count = 0;
    if (index != UINT32_MAX) {
        module = open_module(symbols, index);
        count = resolve_dwarf(symbols, module, address, frames);
    }
    if (count == 0) {
        const struct hs_table_symbol *symbol =
            module ? hs_table_find(&hs_module_tables(module)->functions, address) : NULL;
        frames[0] = (struct hs_symbol_frame){0};
        frames[0].function = symbol ? readable(symbols, symbol->name)
                                    : name_by_offset(symbols, return_address, module);
        frames[0].linker_name = symbol ? symbol->name : NULL;
        count = 1;
    }
    for (size_t i = 0; i < count; i++) {
        frames[i].module = module ? module->name : "";
        finish_frame(&frames[i]);
    }
    return count;
}

/* ---- the cache ---- */

static struct hs_symbol_answer *answer_slot(struct hs_symbol_answer *answers, size_t room,
                                            uint64_t address, uint32_t module)
{
    uint64_t hash = (address ^ ((uint64_t)module << 48)) * 0x9e3779b97f4a7c15ull;
    size_t at = (size_t)(hash >> 20) & (room - 1);
    while (answers[at].frames
           && (answers[at].address != address || answers[at].module != module))
        at = (at + 1) & (room - 1);
    return &answers[at];
}

static bool grow_answers(struct hs_symbols *symbols)
{
    size_t room = symbols->answers_room * 2;
    struct hs_symbol_answer *bigger = calloc(room, sizeof(*bigger));
    if (!bigger)
        return false;
    for (size_t i = 0; i < symbols->answers_room; i++) {
        const struct hs_symbol_answer *old = &symbols->answers[i];
        if (old->frames)
            *answer_slot(bigger, room, old->address, old->module) = *old;
    }
    free(symbols->answers);
    symbols->answers = bigger;
    symbols->answers_room = room;
    return true;
}

static const struct hs_symbol_frame no_memory = {.function = "(no memory)", .module = ""};

size_t hs_symbols_resolve(struct hs_symbols *symbols, uint64_t return_address,
                          uint32_t module, const struct hs_symbol_frame **ret)
{
    struct hs_symbol_answer *answer =
        answer_slot(symbols->answers, symbols->answers_room, return_address, module);
    if (!answer->frames) {
        struct hs_symbol_frame frames[HS_DWARF_DEPTH_MAX] = {{0}};
        size_t count = resolve(symbols, return_address, module, frames);
        struct hs_symbol_frame *kept =
            hs_text_allocate(&symbols->text, count * sizeof(*kept));
        bool has_room =
            symbols->n_answers * 2 < symbols->answers_room || grow_answers(symbols);
        if (!kept || !has_room) {
            *ret = &no_memory;
            return 1;
        }
        memcpy(kept, frames, count * sizeof(*kept));
        answer =
            answer_slot(symbols->answers, symbols->answers_room, return_address, module);
        *answer =
            (struct hs_symbol_answer){return_address, module, (uint32_t)count, kept};
        symbols->n_answers++;
    }
    *ret = answer->frames;
    return answer->count;
}

size_t hs_symbols_frames(struct hs_symbols *symbols, uint64_t return_address,
                         const struct hs_symbol_frame **ret)
{
    uint32_t module = hs_symbols_module_at(symbols, return_address - 1);
    return hs_symbols_resolve(symbols, return_address, module, ret);
}

size_t hs_symbols_stack_frames(struct hs_symbols *symbols, uint32_t stack,
                               const struct hs_symbol_frame **ret)
{
    const struct hs_capture_frame *frame = &symbols->capture->frames[stack];
    if (frame->module < symbols->capture->n_modules)
        return hs_symbols_resolve(symbols, frame->address, frame->module, ret);
    return hs_symbols_frames(symbols, frame->address, ret);
}

/* ---- data ---- */

/* "name", or "name+0x18" behind its beginning. */
static const char *name_variable(struct hs_symbols *symbols,
                                 const struct hs_table_symbol *symbol, uint64_t address)
{
    hs_auto_free char *name = symbol ? hs_name_readable_variable(symbol->name) : NULL;
    if (!name)
        return NULL;
    if (address == symbol->start)
        return hs_text_copy(&symbols->text, name);
    return hs_text_format(&symbols->text, "%s+0x%" PRIx64, name, address - symbol->start);
}

const char *hs_symbols_variable(struct hs_symbols *symbols, uint64_t address)
{
    uint32_t index = hs_symbols_module_at(symbols, address);
    if (index == UINT32_MAX)
        return NULL;
    const struct hs_tables *tables = hs_module_tables(open_module(symbols, index));
    return name_variable(symbols, hs_table_find(&tables->variables, address), address);
}

/* The program's own module, or UINT32_MAX. */
static uint32_t find_executable(const struct hs_symbols *symbols)
{
    const struct hs_capture *capture = symbols->capture;
    const char *path = hs_capture_string(capture, capture->header->strings_executable);
    for (size_t i = 0; i < symbols->n_by_address; i++)
        if (strcmp(symbols->modules[symbols->by_address[i]].path, path) == 0)
            return symbols->by_address[i];
    return UINT32_MAX;
}

uint32_t hs_symbols_thread_offset(struct hs_symbols *symbols, uint64_t thread_pointer,
                                  uint64_t address, uint64_t *ret)
{
#if defined(__x86_64__)
    /* The program's block ends at the thread pointer; other modules' places are known to
       the loader only. */
    uint32_t index = find_executable(symbols);
    if (index == UINT32_MAX)
        return UINT32_MAX;
    uint64_t size = hs_module_tls_size(open_module(symbols, index));
    if (address >= thread_pointer || thread_pointer - address > size)
        return UINT32_MAX;
    *ret = size - (thread_pointer - address);
    return index;
#else
    (void)symbols;
    (void)thread_pointer;
    (void)address;
    (void)ret;
    return UINT32_MAX;
#endif
}

const char *hs_symbols_thread_variable(struct hs_symbols *symbols,
                                       uint64_t thread_pointer, uint64_t address)
{
    uint64_t offset;
    uint32_t index = hs_symbols_thread_offset(symbols, thread_pointer, address, &offset);
    if (index == UINT32_MAX)
        return NULL;
    const struct hs_table *table =
        &hs_module_tables(&symbols->modules[index])->thread_variables;
    return name_variable(symbols, hs_table_find(table, offset), offset);
}

const char *hs_symbols_module_name(const struct hs_symbols *symbols, size_t module)
{
    return symbols->modules[module].name;
}

// SPDX-License-Identifier: MIT

/*
 * The table of modules. An entry is reserved by counting up and is complete once `end`
 * is set; one that never gets there belongs to a thread that lost a race and is skipped
 * by everybody. So noting a module needs no lock, and neither does the image that finds
 * a thread stopped in the middle of it.
 */

#include "probes/tracker/modules.h"

#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <string.h>

#include "probes/tracker/cfi_read.h"
#include "probes/tracker/guard.h"
#include "probes/tracker/loader.h"
#include "probes/tracker/module_list.h"
#include "probes/tracker/module_table.h"
#include "probes/tracker/next.h"
#include "probes/tracker/object_cache.h"
#include "probes/tracker/options.h"
#include "probes/tracker/raw.h"
#include "probes/tracker/segments.h"

#define MODULES_MAX 2048u
#define NOTES_MAX ((size_t)64 << 10) /* bytes of notes worth reading */

static int (*find_object)(void *address, struct hs_found_object *ret);
static struct hs_module *modules;
static uint32_t used;
/* The entries that are in force, the newest first, so that two threads that meet the same
 * module at once do not both add it. Indexes here are one more than those of entries. */
static struct {
    uint64_t end;
    uint32_t before;
} links[MODULES_MAX];
static uint32_t newest;
static uint64_t dropped;
static char executable_path[512];

bool hs_modules_init(void)
{
    if (!hs_options.lists_modules)
        find_object = hs_next_find_first("_dl_find_object");
    if (!find_object && hs_module_list_init())
        find_object = hs_module_list_find;
    long length = hs_raw(SYS_readlinkat, -100 /* AT_FDCWD */, "/proc/self/exe",
                         executable_path, sizeof(executable_path) - 1);
    executable_path[length > 0 ? length : 0] = '\0';
    modules = hs_raw_map(MODULES_MAX * sizeof(*modules));
    return modules != NULL;
}

uint64_t hs_module_dropped_count(void)
{
    return __atomic_load_n(&dropped, __ATOMIC_RELAXED);
}

const struct hs_module *hs_module_table(uint32_t *ret_count)
{
    uint32_t count = __atomic_load_n(&used, __ATOMIC_ACQUIRE);
    *ret_count = modules ? (count < MODULES_MAX ? count : MODULES_MAX) : 0;
    return modules;
}

static bool entry_is(uint32_t index, const struct hs_module *module)
{
    const struct hs_module *entry = &modules[index];
    return links[index].end == module->end && entry->start == module->start
           && entry->bias == module->bias && entry->build_id_size == module->build_id_size
           && memcmp(entry->build_id, module->build_id, HS_BUILD_ID_MAX) == 0
           && strcmp(entry->path, module->path) == 0;
}

/* The same file at the same place among the entries from `at` on that came after `seen`. */
static uint32_t entry_find(const struct hs_module *module, uint32_t at, uint32_t seen)
{
    for (; at != seen; at = links[at - 1].before)
        if (entry_is(at - 1, module))
            return at - 1;
    return UINT32_MAX;
}

static bool entry_reserve(uint32_t *ret)
{
    uint32_t index = __atomic_load_n(&used, __ATOMIC_RELAXED);
    do {
        if (index >= MODULES_MAX)
            return false;
    } while (!__atomic_compare_exchange_n(&used, &index, index + 1, true,
                                          __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
    *ret = index;
    return true;
}

uint32_t hs_module_note(const struct hs_module *module)
{
    uint32_t index, first = __atomic_load_n(&newest, __ATOMIC_ACQUIRE);
    if (!modules || module->end == 0)
        return UINT32_MAX;
    uint32_t found = entry_find(module, first, 0);
    if (found != UINT32_MAX)
        return found;
    if (!entry_reserve(&index)) {
        __atomic_fetch_add(&dropped, 1, __ATOMIC_RELAXED);
        return UINT32_MAX;
    }

    struct hs_module entry = *module;
    entry.end = 0;
    modules[index] = entry;
    links[index].end = module->end;
    links[index].before = first;
    while (!__atomic_compare_exchange_n(&newest, &first, index + 1, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        found = entry_find(module, first, links[index].before);
        if (found != UINT32_MAX)
            return found;
        links[index].before = first;
    }
    __atomic_store_n(&modules[index].end, module->end, __ATOMIC_RELEASE);
    return index;
}

/* The GNU build-id among the notes of one segment. */
static void read_notes(struct hs_module *module, const char *notes, size_t size)
{
    while (size >= sizeof(ElfW(Nhdr))) {
        const ElfW(Nhdr) *note = (const void *)notes;
        size_t name = ((size_t)note->n_namesz + 3) & ~(size_t)3;
        size_t body = ((size_t)note->n_descsz + 3) & ~(size_t)3;
        size_t need = sizeof(*note) + name + body;
        if (need > size)
            return;
        if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4
            && memcmp(note + 1, "GNU", 4) == 0 && note->n_descsz <= HS_BUILD_ID_MAX) {
            module->build_id_size = (uint8_t)note->n_descsz;
            memcpy(module->build_id, (const char *)(note + 1) + name, note->n_descsz);
            return;
        }
        notes += need;
        size -= need;
    }
}

static bool is_readable(uint64_t start, uint64_t end)
{
    for (uint64_t page = start & ~(uint64_t)4095; page < end; page += 4096)
        if (!hs_memory_is_readable(page))
            return false;
    return true;
}

static void read_note_segment(struct hs_module *module, const ElfW(Phdr) * segment)
{
    uint64_t start = module->bias + segment->p_vaddr, end;
    if (segment->p_type == PT_NOTE && module->build_id_size == 0
        && segment->p_memsz <= NOTES_MAX && start >= module->start && start % 4 == 0
        && !__builtin_add_overflow(start, segment->p_memsz, &end) && end <= module->end
        && is_readable(start, end))
        read_notes(module, (const char *)start, segment->p_memsz);
}

/* From the ELF header at the start of the mapping; what is not there is left out. The
 * header is a stranger's: a module may have holes, and claim anything. */
static void read_build_id(struct hs_module *module)
{
    struct hs_segments segments;
    if (!hs_segments_at(module->start, &segments))
        return;
    for (size_t i = 0; i < segments.count; i++)
        read_note_segment(module, &segments.at[i]);
}

static void copy_path(struct hs_module *module, const char *name)
{
    if (!name || name[0] == '\0')
        name = executable_path;
    size_t length = strnlen(name, sizeof(module->path) - 1);
    memcpy(module->path, name, length);
    module->path[length] = '\0';
}

/* Where an executable has holes between its segments, the loader's answer is one of them. */
static void span_executable(struct hs_module *module)
{
    struct hs_segments segments;
    if (hs_segments_of_executable(&segments))
        hs_segments_widen(&segments, module->bias, &module->start, &module->end);
}

static void module_read(const struct hs_found_object *object, struct hs_module *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->start = (uint64_t)object->start;
    ret->end = (uint64_t)object->end;
    ret->bias = object->link_map->l_addr;
    if (object->link_map == hs_loader_modules())
        span_executable(ret);
    /* musl has its name as it was given, which may be relative. */
    bool is_executable = object->link_map == hs_loader_modules();
    copy_path(ret, is_executable ? NULL : object->link_map->l_name);
    read_build_id(ret);
}

bool hs_module_read(uint64_t address, struct hs_module *ret)
{
    struct hs_found_object object;
    if (!find_object || find_object((void *)address, &object) != 0)
        return false;
    module_read(&object, ret);
    return true;
}

bool hs_module_find_unwind(uint64_t address, struct hs_module_unwind *ret)
{
    struct hs_found_object object;
    if (!find_object || find_object((void *)address, &object) != 0)
        return false;
    *ret = (struct hs_module_unwind){
        .start = (uint64_t)object.start,
        .end = (uint64_t)object.end,
        .bias = object.link_map->l_addr,
        .is_executable = object.link_map == hs_loader_modules(),
        .table = (uint64_t)object.eh_frame,
        .path = object.link_map->l_name,
    };
    return true;
}

bool hs_module_can_find(void)
{
    return find_object != NULL;
}

uint32_t hs_module_find(uint64_t address)
{
    static struct hs_object_cache cache;
    struct hs_found_object object;
    struct hs_object_value value;
    if (!find_object || find_object((void *)address, &object) != 0)
        return UINT32_MAX;
    struct hs_object_key key = {(uint64_t)object.start, (uint64_t)object.end,
                                (uint64_t)object.link_map};
    if (hs_object_find(&cache, &key, &value))
        return (uint32_t)value.first;

    struct hs_module module;
    module_read(&object, &module);
    uint32_t index = hs_module_note(&module);
    if (index != UINT32_MAX)
        hs_object_keep(&cache, &key, &(struct hs_object_value){.first = index});
    return index;
}

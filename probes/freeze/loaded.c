// SPDX-License-Identifier: MIT

/*
 * The loaded modules, from the maps and the ELF headers in memory: asking the loader
 * would need its locks. The capture's table begins with the tracker's own (frames refer
 * to it by index, unloaded modules included); what the maps add comes after.
 */

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <string.h>

#include "probes/freeze/freeze.h"
#include "probes/freeze/image.h"
#include "probes/tracker/control.h"
#include "probes/tracker/loader.h"
#include "probes/tracker/modules.h"

#define SEGMENTS_MAX 64

/* One module while it is looked at. */
struct candidate {
    const struct hs_range *range; /* the mapping with the ELF header */
    bool is_module;
    struct hs_capture_module module;
    uint32_t n_segments;
    struct {
        uint64_t start, end;
    } segments[SEGMENTS_MAX];
};

static uint64_t page_up(uint64_t address)
{
    return (address + 4095) & ~4095ull;
}

/* Is `address` mapped from the same file as `range`? */
static const struct hs_range *same_file(const struct hs_range *range, uint64_t address)
{
    const struct hs_range *other = hs_maps_find(&hs_image.maps, address);
    bool is_same = other && other->start <= address && other->inode == range->inode
                   && other->device == range->device;
    return is_same ? other : NULL;
}

static void read_build_id(struct hs_capture_module *module, uint64_t notes, uint64_t size)
{
    const struct hs_range *range = hs_maps_find(&hs_image.maps, notes);
    if (!range || range->start > notes || notes + size > range->end
        || !(range->flags & HS_BLOCK_READ))
        return;
    uint64_t at = 0;
    while (at + sizeof(Elf64_Nhdr) <= size) {
        const Elf64_Nhdr *note = (const void *)(uintptr_t)(notes + at);
        uint64_t name = at + sizeof(*note);
        uint64_t text = name + ((note->n_namesz + 3ull) & ~3ull);
        uint64_t next = text + ((note->n_descsz + 3ull) & ~3ull);
        if (next > size)
            return;
        if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4
            && note->n_descsz <= HS_BUILD_ID_MAX
            && memcmp((const void *)(uintptr_t)(notes + name), "GNU", 4) == 0) {
            module->build_id_size = (uint8_t)note->n_descsz;
            memcpy(module->build_id, (const void *)(uintptr_t)(notes + text),
                   note->n_descsz);
            return;
        }
        at = next;
    }
}

/* Behind its data glibc's loader keeps records of its own in the last page; musl's gives
 * the rest of that page to malloc, which is no root. */
static uint64_t data_end(uint64_t end)
{
#ifdef __GLIBC__
    return page_up(end);
#else
    return end;
#endif
}

static void take_segment(struct candidate *candidate, const Elf64_Phdr *segment)
{
    struct hs_capture_module *module = &candidate->module;
    uint64_t start = module->bias + segment->p_vaddr;
    uint64_t end = start + segment->p_memsz;

    if (page_up(end) > module->end)
        module->end = page_up(end);
    if (segment->p_flags & PF_X && same_file(candidate->range, start)
        && same_file(candidate->range, start)->flags & HS_BLOCK_EXECUTE) {
        candidate->is_module = true;
        module->flags |= HS_MODULE_EXECUTABLE;
    }
    if (!(segment->p_flags & PF_W) || candidate->n_segments == SEGMENTS_MAX)
        return;
    module->data_size += segment->p_memsz;
    candidate->segments[candidate->n_segments].start = start;
    candidate->segments[candidate->n_segments++].end = data_end(end);
}

static void look(void *context)
{
    struct candidate *candidate = context;
    const struct hs_range *range = candidate->range;
    const Elf64_Ehdr *header = (const void *)(uintptr_t)range->start;

    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0
        || header->e_ident[EI_CLASS] != ELFCLASS64
        || (header->e_type != ET_DYN && header->e_type != ET_EXEC)
        || header->e_phentsize != sizeof(Elf64_Phdr)
        || header->e_phoff > range->end - range->start
        || header->e_phnum * sizeof(Elf64_Phdr)
               > range->end - range->start - header->e_phoff)
        return;
    const Elf64_Phdr *segments =
        (const void *)(uintptr_t)(range->start + header->e_phoff);
    const Elf64_Phdr *first = NULL;
    for (int i = 0; i < header->e_phnum && !first; i++)
        if (segments[i].p_type == PT_LOAD && segments[i].p_offset == 0)
            first = &segments[i];
    if (!first)
        return;
    candidate->module.start = range->start;
    candidate->module.bias = range->start - (first->p_vaddr & ~4095ull);
    for (int i = 0; i < header->e_phnum; i++)
        if (segments[i].p_type == PT_LOAD)
            take_segment(candidate, &segments[i]);
    if (!candidate->is_module)
        return;
    for (int i = 0; i < header->e_phnum; i++) {
        if (segments[i].p_type == PT_NOTE && !candidate->module.build_id_size)
            read_build_id(&candidate->module,
                          candidate->module.bias + segments[i].p_vaddr,
                          segments[i].p_memsz);
    }
}

static bool same_text(const char *text, const char *other, size_t size)
{
    size_t i = 0;
    while (i < size && text[i] == other[i] && text[i])
        i++;
    return i == size || text[i] == other[i];
}

/* An entry without an end is being written, or lost to another thread's for the same
 * module: no frame names it, but the others keep their numbers. */
static bool add_known(const struct hs_module *known)
{
    uint64_t end = __atomic_load_n(&known->end, __ATOMIC_ACQUIRE);
    struct hs_capture_module *module = hs_vector_push(&hs_image.modules, 1);
    if (!module)
        return false;
    *module = (struct hs_capture_module){.flags = HS_MODULE_UNLOADED};
    if (end == 0)
        return true;
    *module = (struct hs_capture_module){
        .start = known->start,
        .end = end,
        .bias = known->bias,
        .flags = HS_MODULE_EXECUTABLE | HS_MODULE_UNLOADED,
        .build_id_size = known->build_id_size,
    };
    memcpy(module->build_id, known->build_id, sizeof(module->build_id));
    size_t length = strnlen(known->path, sizeof(known->path));
    module->path = hs_strings_add(&hs_image.strings, known->path, length);
    return true;
}

/* By build-id where there is one: the loader's path may lead through symbolic links. */
static bool is_same_file(const struct hs_capture_module *known,
                         const struct hs_capture_module *module, const char *path)
{
    if (known->build_id_size || module->build_id_size)
        return known->build_id_size == module->build_id_size
               && memcmp(known->build_id, module->build_id, module->build_id_size) == 0;
    return same_text(hs_image.strings.bytes.items + known->path, path, 511);
}

/* The tracker's entry for a module that is loaded now: its latest one there. */
static struct hs_capture_module *find_known(const struct hs_capture_module *module,
                                            const char *path, uint32_t n_known)
{
    struct hs_capture_module *modules = (void *)hs_image.modules.items;
    for (uint32_t i = n_known; i-- > 0;)
        if (modules[i].bias == module->bias && modules[i].flags & HS_MODULE_UNLOADED
            && modules[i].start < module->end && module->start < modules[i].end
            && is_same_file(&modules[i], module, path))
            return &modules[i];
    return NULL;
}

static int add_loaded(struct candidate *candidate, const char *path, uint32_t n_known)
{
    struct hs_capture_module *module = find_known(&candidate->module, path, n_known);
    if (!module) {
        module = hs_vector_push(&hs_image.modules, 1);
        if (!module)
            return -ENOMEM;
    }
    candidate->module.path = hs_strings_add(&hs_image.strings, path, strlen(path));
    *module = candidate->module;
    if (same_text(path, hs_control->shim_path, 1023) || hs_brought_by_us(module->bias))
        module->flags |= HS_MODULE_SHIM;
    uint64_t loader = (uint64_t)(uintptr_t)hs_loader_address();
    if (loader >= module->start && loader < module->end)
        module->flags |= HS_MODULE_LOADER;
    if (module->flags & HS_MODULE_SHIM)
        return 0;

    uint32_t owner =
        (uint32_t)(module - (struct hs_capture_module *)hs_image.modules.items);
    uint64_t allocator = (uint64_t)(uintptr_t)hs_known.malloc;
    bool of_allocator = allocator >= module->start && allocator < module->end;
    for (uint32_t i = 0; i < candidate->n_segments; i++) {
        struct hs_root_range *root = hs_vector_push(&hs_image.segments, 1);
        if (!root)
            return -ENOMEM;
        *root = (struct hs_root_range){.start = candidate->segments[i].start,
                                       .end = candidate->segments[i].end,
                                       .kind = HS_ROOT_MODULE,
                                       .owner = owner,
                                       .of_allocator = of_allocator};
    }
    return 0;
}

/* "/lib/libfoo.so (deleted)" is the file that was there. */
static size_t path_length(const char *path)
{
    static const char suffix[] = " (deleted)";
    size_t length = strlen(path);
    if (length > sizeof(suffix)
        && memcmp(path + length - (sizeof(suffix) - 1), suffix, sizeof(suffix) - 1) == 0)
        length -= sizeof(suffix) - 1;
    return length;
}

static int look_at_maps(uint32_t n_known)
{
    const struct hs_range *ranges = (const void *)hs_image.maps.ranges.items;
    for (uint64_t i = 0; i < hs_image.maps.ranges.count; i++) {
        static struct candidate candidate;
        uint64_t fault;
        if (ranges[i].offset != 0 || !ranges[i].inode
            || !(ranges[i].flags & HS_BLOCK_READ) || ranges[i].flags & HS_BLOCK_SHARED)
            continue;
        char *path = hs_image.maps.text.items + ranges[i].path;
        if (path[0] != '/')
            continue;
        memset(&candidate, 0, sizeof(candidate));
        candidate.range = &ranges[i];
        if (!hs_fault_guard(look, &candidate, &fault) || !candidate.is_module)
            continue;
        char cut = '\0', *end = path + path_length(path);
        char kept = *end;
        *end = cut;
        int err = add_loaded(&candidate, path, n_known);
        *end = kept;
        if (err < 0)
            return err;
    }
    return 0;
}

int hs_loaded_collect(void)
{
    uint32_t n_known;
    const struct hs_module *known = hs_module_table(&n_known);

    hs_image.modules.size = sizeof(struct hs_capture_module);
    hs_image.segments.size = sizeof(struct hs_root_range);
    for (uint32_t i = 0; i < n_known; i++)
        if (!add_known(&known[i]))
            return -ENOMEM;
    hs_brought_collect();
    return look_at_maps(n_known);
}

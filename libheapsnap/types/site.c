// SPDX-License-Identifier: MIT

/*
 * What type does the code at an allocation stack give its block?
 *
 * From the allocator outwards: a function that allocates for one type says so by what it
 * returns (std::allocator<T>::allocate); the first function of the program keeps the
 * result in a variable, of which DWARF knows when it is in the register of results, or
 * where on the stack. Neither is looked for beyond that function: what the next one makes
 * of its result may be something else.
 */

#include <dwarf.h>
#include <string.h>

#include "libheapsnap/types/dwarf_local.h"
#include "libheapsnap/types/dwarf_reader.h"
#include "libheapsnap/types/site_code.h"
#include "libheapsnap/types/site_scope.h"
#include "probes/abi.h"

#define NODES_MAX 16 /* debug builds pile wrappers up */
#define STORES_MAX 6
#define CODE_BYTES 64

#define LLVM_ALLOC_TYPE 0x3e0e /* LLVM's DW_AT_LLVM_alloc_type */

/* One call of the stack. */
struct call {
    struct hs_layouts *layouts;
    struct hs_code code; /* at the call */
    uint64_t next;       /* the return address, as the file numbers it */
    const struct hs_symbol_frame *frames;
    size_t n_frames;
    struct hs_site *site;
};

static bool is_scope(Dwarf_Die *die)
{
    int tag = dwarf_tag(die);
    return tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine;
}

/* A pointer kept in a typed variable: the better answer stays. */
static void suggest(struct call *call, uint32_t pointer, enum hs_site_certainty certainty)
{
    const struct hs_layout_entry *entry = hs_layouts_entry(call->layouts, pointer);
    if (!entry || entry->type.kind != HS_TYPE_POINTER)
        return;
    hs_site_suggest(call->layouts, call->site, entry->type.element, certainty);
}

/* ---- the compiler says so ---- */

static void ask_compiler(struct call *call)
{
    Dwarf_Die child;
    for (size_t i = 0; i < call->code.n_scopes; i++) {
        if (dwarf_child(&call->code.scopes[i], &child) != 0)
            continue;
        do {
            Dwarf_Attribute attribute;
            Dwarf_Addr address;
            if (dwarf_tag(&child) != DW_TAG_call_site
                || !dwarf_hasattr(&child, LLVM_ALLOC_TYPE)
                || dwarf_formaddr(dwarf_attr(&child, DW_AT_call_return_pc, &attribute),
                                  &address)
                       != 0
                || address != call->next)
                continue;
            uint32_t type = hs_layouts_die_type(call->layouts, call->code.module, &child,
                                                LLVM_ALLOC_TYPE);
            hs_site_suggest(call->layouts, call->site, type, HS_SITE_EXACT);
        } while (dwarf_siblingof(&child, &child) == 0);
    }
}

/* ---- where the result is kept ---- */

static size_t read_code(const struct call *call, uint8_t *buffer, size_t size)
{
    struct hs_symbol_module *module = &call->layouts->symbols->modules[call->code.module];
    GElf_Addr bias;
    Elf *elf = dwfl_module_getelf(module->dwfl_module, &bias);
    size_t file_size, count = 0;
    const char *file = elf ? elf_rawfile(elf, &file_size) : NULL;
    uint64_t address = call->code.pc + 1 - bias;
    if (!file || elf_getphdrnum(elf, &count) != 0)
        return 0;
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr header;
        if (!gelf_getphdr(elf, (int)i, &header) || header.p_type != PT_LOAD
            || address < header.p_vaddr || address - header.p_vaddr >= header.p_filesz)
            continue;
        uint64_t offset = address - header.p_vaddr, left = header.p_filesz - offset;
        if (header.p_offset > file_size || offset > file_size - header.p_offset)
            return 0;
        offset += header.p_offset;
        left = left > file_size - offset ? file_size - offset : left;
        size = left < size ? left : size;
        memcpy(buffer, file + offset, size);
        return size;
    }
    return 0;
}

static void ask_register(struct call *call, unsigned reg, uint64_t from, uint64_t to)
{
    for (size_t i = call->code.n_scopes; i > 0; i--)
        hs_site_ask_register(call->layouts, &call->code, i - 1, reg, from, to,
                             call->site);
}

/* The member at `offset` of what `pointer` points to. */
static void suggest_member(struct call *call, uint32_t pointer, int64_t offset)
{
    const struct hs_layout_entry *entry = hs_layouts_entry(call->layouts, pointer);
    const struct hs_type *type =
        entry && entry->type.kind == HS_TYPE_POINTER && offset >= 0
            ? hs_layouts_type(call->layouts, entry->type.element)
            : NULL;
    struct hs_type_hit hit;
    if (type && hs_type_slots_at(type, (uint64_t)offset, &hit, 1) == 1)
        hs_site_suggest(call->layouts, call->site, hit.slot->target, HS_SITE_LIKELY);
}

/* The type of the variable that lies exactly there in the frame. */
static uint32_t local_at(struct call *call, unsigned base, int64_t offset)
{
    int64_t distance;
    struct hs_code there = call->code;
    there.pc = call->code.pc + 1;
    there.address = call->next;
    if (!hs_layouts_frame_distance(call->layouts, &there, base, &distance))
        return HS_TYPE_NONE;
    const struct hs_variable *variable =
        hs_layouts_local(call->layouts, there.pc, offset - distance);
    bool is_exact = variable && (int64_t)variable->address == offset - distance;
    return is_exact ? variable->type : HS_TYPE_NONE;
}

/* A slot of the frame, or "p->x = malloc(…)" with p in a register or a slot. */
static void ask_memory(struct call *call, const struct hs_store *store)
{
    suggest(call, local_at(call, store->base, store->offset), HS_SITE_LIKELY);
    if (store->is_loaded) {
        uint32_t pointer = local_at(call, store->loaded_base, store->loaded_offset);
        suggest_member(call, pointer, store->offset);
        return;
    }
    for (size_t i = call->code.n_scopes; i > 0; i--)
        suggest_member(call,
                       hs_site_held_in(call->layouts, &call->code, i - 1, store->base,
                                       store->address),
                       store->offset);
}

static void ask_static(struct call *call, const struct hs_store *store)
{
    const struct hs_variable *variable =
        hs_layouts_variable(call->layouts, (uint64_t)store->offset);
    const struct hs_type *type =
        variable ? hs_layouts_type(call->layouts, variable->type) : NULL;
    struct hs_type_hit hit;
    if (type
        && hs_type_slots_at(type, (uint64_t)store->offset - variable->address, &hit, 1)
               == 1)
        hs_site_suggest(call->layouts, call->site, hit.slot->target, HS_SITE_LIKELY);
}

static void ask_code(struct call *call)
{
    uint8_t code[CODE_BYTES];
    struct hs_store stores[STORES_MAX];
    size_t size = read_code(call, code, sizeof(code));
    uint64_t address = call->code.pc + 1, bias = address - call->next;
    size_t count = hs_site_stores(code, size, address, stores, STORES_MAX);
    ask_register(call, 0, call->next, call->next + 8);
    for (size_t i = 0; i < count; i++) {
        uint64_t behind = stores[i].address - bias;
        stores[i].address = behind;
        switch (stores[i].kind) {
        case HS_STORE_REGISTER:
            ask_register(call, stores[i].base, behind, behind + 8);
            break;
        case HS_STORE_MEMORY:
            ask_memory(call, &stores[i]);
            break;
        case HS_STORE_STATIC:
            ask_static(call, &stores[i]);
            break;
        case HS_STORE_CALL:
            hs_site_suggest(call->layouts, call->site,
                            hs_site_class_of(call->layouts, call->code.module,
                                             (uint64_t)stores[i].offset),
                            HS_SITE_LIKELY);
            break;
        }
    }
}

/* ---- what functions return ---- */

/* Wrappers inlined here, or this function: the innermost typed one. True when the whole
 * call was inside wrappers, so that its caller is to be asked, too. */
static bool ask_wrappers(struct call *call)
{
    size_t frame = 0;
    for (size_t i = call->code.n_scopes; i > 0; i--) {
        if (!is_scope(&call->code.scopes[i - 1]))
            continue;
        if (frame >= call->n_frames || !call->frames[frame].is_allocator)
            return false;
        hs_site_ask_wrapper(call->layouts, call->code.module, &call->code.scopes[i - 1],
                            call->frames[frame++].function, call->site);
    }
    return true;
}

/* The first function of the program: it may hand its block out under a type. */
static void ask_returned(struct call *call)
{
    size_t frame = 0;
    for (size_t i = call->code.n_scopes; i > 0; i--) {
        if (!is_scope(&call->code.scopes[i - 1]) || frame >= call->n_frames)
            continue;
        if (call->frames[frame++].is_allocator)
            continue;
        suggest(call,
                hs_layouts_die_type(call->layouts, call->code.module,
                                    &call->code.scopes[i - 1], DW_AT_type),
                HS_SITE_WEAK);
        return;
    }
}

static bool returns_pointer(struct call *call, uint32_t *ret_target)
{
    uint32_t type = hs_layouts_die_type(call->layouts, call->code.module,
                                        &call->code.scopes[0], DW_AT_type);
    const struct hs_layout_entry *entry = hs_layouts_entry(call->layouts, type);
    bool is_pointer = entry && entry->type.kind == HS_TYPE_POINTER;
    *ret_target = is_pointer ? entry->type.element : HS_TYPE_NONE;
    return is_pointer;
}

static void ask_call(struct hs_layouts *layouts, uint32_t stack, struct hs_site *site)
{
    const struct hs_capture *capture = layouts->symbols->capture;
    const struct hs_capture_frame *node = &capture->frames[stack];
    struct call call = {.layouts = layouts, .site = site};
    uint32_t module = node->module;
    if (module >= capture->n_modules)
        module = hs_symbols_module_at(layouts->symbols, node->address - 1);
    call.n_frames = hs_symbols_stack_frames(layouts->symbols, stack, &call.frames);
    site->is_wrapper = call.frames[0].is_allocator;
    if (!hs_layouts_code(layouts, module, node->address - 1, &call.code))
        return;
    call.next = call.code.address + 1;
    ask_compiler(&call);
    site->is_wrapper = ask_wrappers(&call);
    site->returns_pointer = returns_pointer(&call, &site->returned);
    ask_code(&call);
    if (!site->is_wrapper)
        ask_returned(&call);
}

/* Many stacks share their calls. NULL without memory. */
static const struct hs_site *find_call(struct hs_layouts *layouts, uint32_t stack)
{
    const struct hs_capture_frame *node = &layouts->symbols->capture->frames[stack];
    uint64_t key = hs_layout_mix(hs_layout_mix(3, node->address), node->module) | 1;
    uint32_t known = hs_layout_map_get(&layouts->sites, key);
    if (known == HS_LAYOUT_ABSENT) {
        struct hs_site site = {0};
        ask_call(layouts, stack, &site);
        known = (uint32_t)layouts->site_answers.count;
        if (!hs_array_push(&layouts->site_answers, site)
            || !hs_layout_map_put(&layouts->sites, key, known))
            return NULL;
    }
    return &layouts->site_answers.at[known];
}

static struct hs_site_candidate best_of(const struct hs_site *site)
{
    struct hs_site_candidate best = {HS_TYPE_NONE, HS_SITE_NOTHING};
    for (uint32_t i = 0; i < site->count; i++)
        if (site->at[i].certainty > best.certainty)
            best = site->at[i];
    return best;
}

uint32_t hs_layouts_site(struct hs_layouts *layouts, uint32_t stack,
                         enum hs_site_certainty *ret_certainty)
{
    const struct hs_capture *capture = layouts->symbols->capture;
    *ret_certainty = HS_SITE_NOTHING;
    for (int i = 0;
         i < NODES_MAX && stack > HS_STACK_UNKNOWN && stack < capture->n_frames;
         i++, stack = capture->frames[stack].parent) {
        const struct hs_site *site = find_call(layouts, stack);
        struct hs_site_candidate best =
            site ? best_of(site) : (struct hs_site_candidate){0};
        /* To a wrapper all is bytes; one of the program's own has no better name for it. */
        bool goes_on =
            site && best.certainty < HS_SITE_LIKELY
            && (site->is_wrapper
                || (best.certainty == HS_SITE_NOTHING && site->returns_pointer));
        if (goes_on)
            continue;
        *ret_certainty = best.certainty;
        return best.certainty ? best.type : HS_TYPE_NONE;
    }
    return HS_TYPE_NONE;
}

static uint32_t find_sized(struct hs_layouts *layouts, const struct hs_site *site,
                           uint64_t size)
{
    for (uint32_t i = 0; i < site->count; i++) {
        const struct hs_layout_entry *entry = hs_layouts_entry(layouts, site->at[i].type);
        bool is_aggregate =
            entry->type.kind == HS_TYPE_STRUCT || entry->type.kind == HS_TYPE_UNION;
        if (is_aggregate && entry->type.size == size)
            return site->at[i].type;
    }
    return HS_TYPE_NONE;
}

/* May what the function returns be the block? Not when it is known as something else. */
static bool hands_out(struct hs_layouts *layouts, const struct hs_site *site)
{
    const struct hs_layout_entry *entry = hs_layouts_entry(layouts, site->returned);
    bool is_known = false;
    if (!site->returns_pointer)
        return false;
    if (!entry || entry->type.kind != HS_TYPE_STRUCT)
        return true;
    for (uint32_t i = 0; i < site->count; i++) {
        const struct hs_site_candidate *kept = &site->at[i];
        if (kept->type == site->returned)
            return true;
        is_known |= kept->certainty >= HS_SITE_LIKELY;
    }
    return !is_known;
}

bool hs_layouts_site_keeps(struct hs_layouts *layouts, uint32_t stack, uint32_t type)
{
    const struct hs_capture *capture = layouts->symbols->capture;
    for (int i = 0;
         i < NODES_MAX && stack > HS_STACK_UNKNOWN && stack < capture->n_frames;
         i++, stack = capture->frames[stack].parent) {
        const struct hs_site *site = find_call(layouts, stack);
        for (uint32_t j = 0; site && j < site->count; j++)
            if (site->at[j].type == type)
                return !hands_out(layouts, site);
    }
    return false;
}

uint32_t hs_layouts_site_sized(struct hs_layouts *layouts, uint32_t stack, uint64_t size,
                               enum hs_site_certainty *ret_certainty)
{
    const struct hs_capture *capture = layouts->symbols->capture;
    uint32_t type = hs_layouts_site(layouts, stack, ret_certainty);
    const struct hs_layout_entry *entry = hs_layouts_entry(layouts, type);
    if (*ret_certainty == HS_SITE_EXACT
        || (entry && *ret_certainty == HS_SITE_LIKELY && entry->type.size == size))
        return type;
    int n_silent = 0; /* functions that do not return it */
    for (int i = 0;
         i < NODES_MAX && stack > HS_STACK_UNKNOWN && stack < capture->n_frames;
         i++, stack = capture->frames[stack].parent) {
        const struct hs_site *site = find_call(layouts, stack);
        uint32_t found = site ? find_sized(layouts, site, size) : HS_TYPE_NONE;
        if (found != HS_TYPE_NONE) {
            *ret_certainty = n_silent ? HS_SITE_WEAK : HS_SITE_LIKELY;
            return found;
        }
        n_silent += site && !site->is_wrapper && !hands_out(layouts, site);
        if (!site || n_silent > 1)
            break;
    }
    return type;
}

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

#define NODES_MAX 8
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
        suggest(call,
                hs_site_in_register(call->layouts, &call->code, i - 1, reg, from, to),
                HS_SITE_LIKELY);
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
    for (size_t i = 0; i < count && call->site->certainty < HS_SITE_LIKELY; i++) {
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

static void ask_stack(struct hs_layouts *layouts, uint32_t stack, struct hs_site *site)
{
    const struct hs_capture *capture = layouts->symbols->capture;
    for (int i = 0; i < NODES_MAX && stack > HS_STACK_UNKNOWN; i++) {
        const struct hs_capture_frame *node = &capture->frames[stack];
        struct call call = {.layouts = layouts, .site = site};
        uint32_t module = node->module;
        if (module >= capture->n_modules)
            module = hs_symbols_module_at(layouts->symbols, node->address - 1);
        call.n_frames = hs_symbols_stack_frames(layouts->symbols, stack, &call.frames);
        bool goes_on = call.frames[0].is_allocator;
        if (hs_layouts_code(layouts, module, node->address - 1, &call.code)) {
            call.next = call.code.address + 1;
            ask_compiler(&call);
            goes_on = ask_wrappers(&call);
            if (site->certainty < HS_SITE_LIKELY)
                ask_code(&call);
            if (!goes_on && site->certainty < HS_SITE_LIKELY)
                ask_returned(&call);
        }
        if (!goes_on || site->certainty >= HS_SITE_LIKELY)
            return;
        *site = (struct hs_site){HS_TYPE_NONE,
                                 HS_SITE_NOTHING}; /* to a wrapper all is bytes */
        stack = node->parent;
    }
}

uint32_t hs_layouts_site(struct hs_layouts *layouts, uint32_t stack,
                         enum hs_site_certainty *ret_certainty)
{
    *ret_certainty = HS_SITE_NOTHING;
    if (stack <= HS_STACK_UNKNOWN || stack >= layouts->symbols->capture->n_frames)
        return HS_TYPE_NONE;
    uint32_t known = hs_layout_map_get(&layouts->sites, stack);
    if (known == HS_LAYOUT_ABSENT) {
        struct hs_site site = {HS_TYPE_NONE, HS_SITE_NOTHING};
        ask_stack(layouts, stack, &site);
        known = (uint32_t)layouts->site_answers.count;
        if (!hs_array_push(&layouts->site_answers, site)
            || !hs_layout_map_put(&layouts->sites, stack, known))
            return HS_TYPE_NONE;
    }
    *ret_certainty = layouts->site_answers.at[known].certainty;
    return layouts->site_answers.at[known].type;
}

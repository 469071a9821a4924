// SPDX-License-Identifier: MIT

/* See the header. */

#include "libheapsnap/types/site_scope.h"

#include <dwarf.h>
#include <string.h>

#include "libheapsnap/types/dwarf_reader.h"

void hs_site_suggest(struct hs_layouts *layouts, struct hs_site *site, uint32_t type,
                     enum hs_site_certainty certainty)
{
    const struct hs_layout_entry *entry = hs_layouts_entry(layouts, type);
    if (!entry || entry->type.kind == HS_TYPE_FUNCTION)
        return;
    bool is_plain =
        entry->type.kind == HS_TYPE_TEXT || entry->type.kind == HS_TYPE_SCALAR;
    if (is_plain && certainty == HS_SITE_LIKELY)
        certainty = HS_SITE_WEAK; /* anything is kept in a char * for a while */
    for (uint32_t i = 0; i < site->count; i++)
        if (site->at[i].type == type && site->at[i].certainty >= certainty)
            return;
    if (site->count < HS_SITE_CANDIDATES)
        site->at[site->count++] = (struct hs_site_candidate){type, certainty};
}

/* ---- registers ---- */

struct search {
    struct hs_layouts *layouts;
    struct hs_code *code;
    unsigned reg;
    uint64_t from, to;
    bool is_held;         /* at `from`, else beginning in between */
    struct hs_site *site; /* all go there, or NULL: the first is enough */
    uint32_t found;
};

static bool matches(const struct search *search, Dwarf_Addr start, Dwarf_Addr end)
{
    if (search->is_held)
        return start <= search->from && search->from < end;
    return start >= search->from && start < search->to && end > start;
}

static bool check_variable(Dwarf_Die *die, void *context)
{
    struct search *search = context;
    Dwarf_Attribute attribute;
    Dwarf_Addr base, start, end;
    Dwarf_Op *operations;
    size_t count;
    ptrdiff_t at = 0;
    if (!dwarf_attr(die, DW_AT_location, &attribute))
        return true;
    while ((at = dwarf_getlocations(&attribute, at, &base, &start, &end, &operations,
                                    &count))
           > 0) {
        if (count != 1 || operations[0].atom != DW_OP_reg0 + search->reg
            || !matches(search, start, end))
            continue;
        search->found =
            hs_layouts_die_type(search->layouts, search->code->module, die, DW_AT_type);
        const struct hs_layout_entry *type =
            hs_layouts_entry(search->layouts, search->found);
        bool is_typed = type && type->type.kind == HS_TYPE_POINTER
                        && type->type.element != HS_TYPE_NONE;
        if (is_typed && !search->site)
            return false;
        if (is_typed)
            hs_site_suggest(search->layouts, search->site, type->type.element,
                            HS_SITE_LIKELY);
        search->found = HS_TYPE_NONE; /* void *: another may say more */
    }
    return true;
}

void hs_site_ask_register(struct hs_layouts *layouts, struct hs_code *code, size_t scope,
                          unsigned reg, uint64_t from, uint64_t to, struct hs_site *site)
{
    struct search search = {.layouts = layouts,
                            .code = code,
                            .reg = reg,
                            .from = from,
                            .to = to,
                            .site = site,
                            .found = HS_TYPE_NONE};
    if (reg < 32)
        hs_code_each_variable(&code->scopes[scope], check_variable, &search);
}

uint32_t hs_site_held_in(struct hs_layouts *layouts, struct hs_code *code, size_t scope,
                         unsigned reg, uint64_t address)
{
    struct search search = {.layouts = layouts,
                            .code = code,
                            .reg = reg,
                            .from = address,
                            .is_held = true,
                            .found = HS_TYPE_NONE};
    if (reg < 32)
        hs_code_each_variable(&code->scopes[scope], check_variable, &search);
    return search.found;
}

/* ---- functions ---- */

static bool check_object(Dwarf_Die *die, void *context)
{
    struct search *search = context;
    if (strcmp(hs_dwarf_name(die), "this") != 0)
        return false; /* the object is always the first */
    uint32_t pointer =
        hs_layouts_die_type(search->layouts, search->code->module, die, DW_AT_type);
    const struct hs_layout_entry *type = hs_layouts_entry(search->layouts, pointer);
    search->found = type ? type->type.element : HS_TYPE_NONE;
    return false;
}

uint32_t hs_site_class_of(struct hs_layouts *layouts, uint32_t module, uint64_t pc)
{
    struct hs_code code;
    struct search search = {.layouts = layouts, .code = &code, .found = HS_TYPE_NONE};
    if (!hs_layouts_code(layouts, module, pc, &code))
        return HS_TYPE_NONE;
    hs_code_each_variable(&code.scopes[0], check_object, &search);
    return search.found;
}

/* Its type parameter T, of Box<T>::new or RawVec<T>::grow; of a function without one, that
 * of what it returns. */
static uint32_t type_parameter(struct hs_layouts *layouts, uint32_t module,
                               Dwarf_Die *function)
{
    Dwarf_Attribute attribute;
    Dwarf_Die origin = *function, child;
    if (dwarf_formref_die(dwarf_attr(function, DW_AT_abstract_origin, &attribute),
                          &child))
        origin = child;
    if (dwarf_child(&origin, &child) != 0)
        return HS_TYPE_NONE;
    do
        if (dwarf_tag(&child) == DW_TAG_template_type_parameter
            && strcmp(hs_dwarf_name(&child), "T") == 0)
            return hs_layouts_die_type(layouts, module, &child, DW_AT_type);
    while (dwarf_siblingof(&child, &child) == 0);
    return HS_TYPE_NONE;
}

static int language_of(Dwarf_Die *die)
{
    Dwarf_Die unit;
    return dwarf_diecu(die, &unit, NULL, NULL) ? dwarf_srclang(&unit) : -1;
}

/* What an allocator returns is the very type in C++, where a template makes one for each;
 * in C it may be what all its objects have in common. Text is text. */
static enum hs_site_certainty certainty_of(int language, enum hs_type_kind kind)
{
    switch (language) {
    case DW_LANG_C89:
    case DW_LANG_C:
    case DW_LANG_C99:
    case DW_LANG_C11:
    case 0x2c: /* C17 */
        return kind == HS_TYPE_TEXT ? HS_SITE_EXACT : HS_SITE_WEAK;
    default:
        return HS_SITE_EXACT;
    }
}

/* Methods of what owns a block of T's; other functions may call anything T. */
static bool is_of_owner(const char *name)
{
    static const char *const owners[] = {"alloc::boxed::Box", "alloc::raw_vec::RawVec",
                                         "alloc::vec::Vec", "alloc::rc::Rc",
                                         "alloc::sync::Arc"};
    for (size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++)
        if (strncmp(name + (name[0] == '<'), owners[i], strlen(owners[i])) == 0)
            return true;
    return false;
}

void hs_site_ask_wrapper(struct hs_layouts *layouts, uint32_t module, Dwarf_Die *function,
                         const char *name, struct hs_site *site)
{
    int language = language_of(function);
    if (language == DW_LANG_Rust) {
        if (!is_of_owner(name))
            return;
        hs_site_suggest(layouts, site, type_parameter(layouts, module, function),
                        HS_SITE_EXACT);
        return;
    }
    uint32_t returned = hs_layouts_die_type(layouts, module, function, DW_AT_type);
    const struct hs_layout_entry *entry = hs_layouts_entry(layouts, returned);
    if (!entry || entry->type.kind != HS_TYPE_POINTER
        || (entry->derived_flags & HS_LAYOUT_REFERENCE))
        return;
    const struct hs_layout_entry *element =
        hs_layouts_entry(layouts, entry->type.element);
    if (element)
        hs_site_suggest(layouts, site, entry->type.element,
                        certainty_of(language, element->type.kind));
}

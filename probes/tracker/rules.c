// SPDX-License-Identifier: MIT

/*
 * Filling the table of rules.
 *
 * A library that goes away takes its rules along: dlclose is hooked for that. Two ways of
 * unloading pass the hook by: libc's own of character set converters, whose code is
 * therefore left to libunwind, and a library that binds dlclose to libc itself
 * (RTLD_DEEPBIND, dlmopen), which glibc's counters tell (loads.h). A stale rule cannot make
 * a walk leave the stack, only be wrong.
 */

#include "probes/tracker/rules.h"

#include <string.h>

#include "probes/tracker/module_table.h"
#include "probes/tracker/object_cache.h"
#include "probes/tracker/raw.h"
#include "probes/tracker/segments.h"

uint64_t *hs_rules;
uint32_t hs_rules_generation;
uint32_t hs_rules_unloading;
uint64_t hs_rules_gone;

bool hs_rules_init(void)
{
#if defined(__x86_64__)
    if (!hs_rules)
        hs_rules = hs_raw_map(HS_RULES_COUNT * sizeof(*hs_rules));
#endif
    return hs_rules != NULL;
}

static __thread uint32_t unloading_here;

void hs_rules_unload_begin(void)
{
    unloading_here++;
    __atomic_fetch_add(&hs_rules_unloading, 1, __ATOMIC_SEQ_CST);
}

/* The generation in an entry has 8 bits: before they repeat, all entries go. */
void hs_rules_renew(void)
{
    uint32_t generation = __atomic_add_fetch(&hs_rules_generation, 1, __ATOMIC_SEQ_CST);
    if ((generation & HS_RULE_GENERATION_MAX) == 0 && hs_rules)
        for (size_t i = 0; i < HS_RULES_COUNT; i++)
            if (__atomic_load_n(&hs_rules[i], __ATOMIC_RELAXED))
                __atomic_store_n(&hs_rules[i], 0, __ATOMIC_RELAXED);
}

void hs_rules_note_gone(void)
{
    uint64_t told = __atomic_load_n(&hs_rules_gone, __ATOMIC_RELAXED),
             now = hs_loads_gone();
    if (told != now
        && __atomic_compare_exchange_n(&hs_rules_gone, &told, now, false,
                                       __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
        hs_rules_renew();
}

void hs_rules_unload_end(void)
{
    hs_rules_renew();
    __atomic_fetch_sub(&hs_rules_unloading, 1, __ATOMIC_SEQ_CST);
    unloading_here--;
}

bool hs_rules_unloading_is_own(uint32_t unloading)
{
    return unloading == unloading_here;
}

/* What another thread was unloading stays half unloaded. */
void hs_rules_fork_child(void)
{
    hs_rules_generation++;
    hs_rules_unloading = unloading_here;
}

static uint64_t pack_special(enum hs_rule_special special)
{
    return HS_RULE_WORD_SPECIAL | (uint64_t)special << HS_RULE_CFA_SHIFT;
}

bool hs_rules_have_room(const struct hs_rule *rule)
{
    if (rule->kind != HS_RULE_SP && rule->kind != HS_RULE_BP)
        return true;
    return rule->cfa_offset / 8 <= HS_RULE_CFA_MAX
           && rule->bp_offset / 8 <= HS_RULE_BP_MAX
           && (rule->kind != HS_RULE_SP || rule->bp_offset <= rule->cfa_offset);
}

static uint64_t pack(const struct hs_rule *rule)
{
    if (rule->kind == HS_RULE_FRAME)
        return pack_special(HS_SPECIAL_FRAME);
    if (rule->kind == HS_RULE_OUTERMOST)
        return pack_special(HS_SPECIAL_OUTERMOST);
    if ((rule->kind != HS_RULE_SP && rule->kind != HS_RULE_BP)
        || !hs_rules_have_room(rule))
        return pack_special(HS_SPECIAL_COMPLEX);
    uint64_t kind = rule->kind == HS_RULE_SP ? HS_RULE_WORD_SP : HS_RULE_WORD_BP;
    return kind | (uint64_t)(rule->cfa_offset / 8) << HS_RULE_CFA_SHIFT
           | (uint64_t)(rule->bp_offset / 8) << HS_RULE_BP_SHIFT;
}

/* The loadable segment around the unwind table; what else is inside the module's range
 * may be a hole. */
static bool read_span(const struct hs_module_unwind *module, struct hs_cfi_span *ret)
{
    struct hs_segments segments;
    if (!(module->is_executable ? hs_segments_of_executable(&segments)
                                : hs_segments_at(module->start, &segments)))
        return false;
    for (size_t i = 0; i < segments.count; i++) {
        const ElfW(Phdr) *segment = &segments.at[i];
        uint64_t start = module->bias + segment->p_vaddr, end;
        if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_R)
            || __builtin_add_overflow(start, segment->p_memsz, &end)
            || (!module->is_executable && (start < module->start || end > module->end)))
            continue;
        if (module->table >= start && module->table < end) {
            *ret = (struct hs_cfi_span){start, end};
            return true;
        }
    }
    return false;
}

static bool find_span(const struct hs_module_unwind *module, struct hs_cfi_span *ret)
{
    static struct hs_object_cache cache;
    struct hs_object_key key = {module->start, module->end, module->table};
    struct hs_object_value value;
    if (!hs_object_find(&cache, &key, &value)) {
        if (!read_span(module, ret))
            return false;
        value = (struct hs_object_value){ret->start, ret->end};
        hs_object_keep(&cache, &key, &value);
    }
    *ret = (struct hs_cfi_span){value.first, value.second};
    return true;
}

/* Its modules are unloaded by libc itself, without a call that we see. */
static bool is_converter(const char *path)
{
    return path && strstr(path, "/gconv/");
}

static void keep(uint64_t word, uint64_t key)
{
    uint64_t *place = hs_rules_place(key);
    unsigned chosen = (unsigned)(key >> HS_RULE_TAG_SHIFT) % HS_RULES_WAYS;
    for (unsigned way = 0; way < HS_RULES_WAYS; way++) {
        uint64_t old = __atomic_load_n(&place[way], __ATOMIC_RELAXED);
        bool is_stale = (old ^ key) >> HS_RULE_GENERATION_SHIFT & HS_RULE_GENERATION_MAX;
        if ((old & HS_RULE_WORD_KIND) == 0 || is_stale) {
            chosen = way;
            break;
        }
    }
    __atomic_store_n(&place[chosen], word, __ATOMIC_RELAXED);
}

/* And the module that it comes from; its end is 0 when there is none. */
static struct hs_rule compile(uint64_t address, struct hs_module_unwind *ret)
{
    const struct hs_rule unknown = {.kind = HS_RULE_COMPLEX, .reason = HS_REASON_TABLE};
    struct hs_cfi_span span;
    *ret = (struct hs_module_unwind){0};
    if (!hs_module_can_find())
        return unknown;
    if (!hs_module_find_unwind(address - 1, ret) || ret->table == 0)
        return (struct hs_rule){.kind = HS_RULE_FRAME};
    if (find_span(ret, &span))
        return hs_cfi_rule(&span, ret->table, address - 1);
    return unknown;
}

struct hs_rule hs_rules_compile(uint64_t address)
{
    struct hs_module_unwind module;
    return compile(address, &module);
}

struct hs_rule hs_rule_word_rule(uint64_t word)
{
    if ((word & HS_RULE_WORD_KIND) != HS_RULE_WORD_SPECIAL)
        return (struct hs_rule){
            .kind =
                (word & HS_RULE_WORD_KIND) == HS_RULE_WORD_SP ? HS_RULE_SP : HS_RULE_BP,
            .cfa_offset = (uint32_t)hs_rule_word_cfa(word),
            .bp_offset = (uint32_t)hs_rule_word_bp(word),
        };
    switch (hs_rule_word_special(word)) {
    case HS_SPECIAL_OUTERMOST:
        return (struct hs_rule){.kind = HS_RULE_OUTERMOST};
    case HS_SPECIAL_COMPLEX:
        return (struct hs_rule){.kind = HS_RULE_COMPLEX};
    case HS_SPECIAL_FRAME:
    case HS_SPECIAL_NO_MODULE:
        break;
    }
    return (struct hs_rule){.kind = HS_RULE_FRAME};
}

/* Addresses that were found to be in no module, 64 KiB a bit; far ones share bits. */
#define CODE_SHIFT 16
#define CODE_BITS ((uint64_t)1 << 15)
static uint8_t code[CODE_BITS / 8];

static void note_code(uint64_t address)
{
    uint64_t bit = (address - 1) >> CODE_SHIFT & (CODE_BITS - 1);
    __atomic_fetch_or(&code[bit / 8], (uint8_t)(1u << bit % 8), __ATOMIC_SEQ_CST);
}

static bool may_be_code(uint64_t start, uint64_t end)
{
    uint64_t first = start >> CODE_SHIFT, last = (end - 1) >> CODE_SHIFT;
    for (uint64_t i = first; i <= last && i < first + CODE_BITS; i++)
        if (__atomic_load_n(&code[(i & (CODE_BITS - 1)) / 8], __ATOMIC_RELAXED) >> i % 8
            & 1)
            return true;
    return false;
}

void hs_rules_unmap(uint64_t start, uint64_t size)
{
    if (size > 0 && hs_rules && may_be_code(start, start + size))
        hs_rules_renew();
}

static uint64_t make(uint64_t address, uint32_t generation)
{
    struct hs_module_unwind module;
    struct hs_rule rule = compile(address, &module);
    uint64_t word = pack(&rule);
    if (!hs_module_can_find())
        return word;
    if (module.end == 0) {
        note_code(address);
        word = pack_special(HS_SPECIAL_NO_MODULE);
    }
    uint64_t key = hs_rules_key(hs_rules_hash(address), generation);
    word |= key & HS_RULE_KEY;
    if (!is_converter(module.path))
        keep(word, key);
    return word;
}

uint64_t hs_rules_seek(uint64_t address, uint32_t generation)
{
    uint64_t hash = hs_rules_hash(address);
    const uint64_t *place = hs_rules_place(hash);
    for (unsigned way = 1; way < HS_RULES_WAYS; way++) {
        uint64_t word = __atomic_load_n(&place[way], __ATOMIC_RELAXED);
        if ((word & HS_RULE_WORD_KIND) != 0
            && hs_rules_is(word, hs_rules_key(hash, generation)))
            return word;
    }
    return make(address, generation);
}

bool hs_rules_has_no_module(uint64_t address, uint32_t generation)
{
    uint64_t word = hs_rules_find(address, hs_rules_hash(address), generation);
    return (word & HS_RULE_WORD_KIND) == HS_RULE_WORD_SPECIAL
           && hs_rule_word_special(word) == HS_SPECIAL_NO_MODULE;
}

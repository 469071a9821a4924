// SPDX-License-Identifier: MIT

/*
 * Unwind rules remembered by return address.
 *
 * A fixed table of single words: a rule, the exact rest of its address and the generation
 * share 64 bits, so an entry is never seen half-written and needs no lock. Unloading a
 * library begins a new generation; while one is being unloaded nothing is looked up.
 */

#ifndef HEAPSNAP_PROBES_TRACKER_RULES_H
#define HEAPSNAP_PROBES_TRACKER_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probes/tracker/cfi.h"
#include "probes/tracker/hidden.h"
#include "probes/tracker/loads.h"

/*
 * From bit 0: kind 2, nothing 1, frame pointer's place in words 6, generation 8, tag 34,
 * CFA offset in words 13. What does not fit is complex. Word 0 is an empty entry.
 */
enum {
    HS_RULE_WORD_SPECIAL = 1, /* the offset field holds enum hs_rule_special */
    HS_RULE_WORD_SP,
    HS_RULE_WORD_BP,
    HS_RULE_WORD_KIND = 3,
};
enum hs_rule_special {
    HS_SPECIAL_FRAME = 1,
    HS_SPECIAL_NO_MODULE, /* as FRAME, until hs_rules_unmap() */
    HS_SPECIAL_OUTERMOST,
    HS_SPECIAL_COMPLEX,
};

/* A rule is at the place its hash says, or at one of the next few. */
#define HS_RULES_WAYS 4u
#define HS_RULES_BITS 15
#define HS_RULES_COUNT (((size_t)1 << HS_RULES_BITS) + HS_RULES_WAYS - 1)
#define HS_RULE_BP_SHIFT 3
#define HS_RULE_BP_MAX 63u
#define HS_RULE_GENERATION_SHIFT 9
#define HS_RULE_GENERATION_MAX 255u
#define HS_RULE_TAG_SHIFT 17
#define HS_RULE_CFA_SHIFT 51
#define HS_RULE_CFA_MAX 8191u
#define HS_RULE_KEY                                                          \
    (((uint64_t)1 << HS_RULE_CFA_SHIFT) - ((uint64_t)1 << HS_RULE_TAG_SHIFT) \
     + (HS_RULE_GENERATION_MAX << HS_RULE_GENERATION_SHIFT))

extern HS_HIDDEN uint64_t *hs_rules; /* HS_RULES_COUNT words; NULL: not ready */
extern HS_HIDDEN uint32_t hs_rules_generation;
extern HS_HIDDEN uint32_t hs_rules_unloading;
extern HS_HIDDEN uint64_t hs_rules_gone; /* as hs_loads_gone() was told last */

bool hs_rules_init(void);

/* Around every dlclose. */
void hs_rules_unload_begin(void);
void hs_rules_unload_end(void);

/* Begin a new generation: nothing that was remembered holds any more. */
void hs_rules_renew(void);

/* Only the calling thread is left. */
void hs_rules_fork_child(void);

/* Look for the rule in the other ways of its bucket, or compile it and keep it where that
 * is safe. */
uint64_t hs_rules_seek(uint64_t address, uint32_t generation);

/* The rule for return address `address`, not remembered. */
struct hs_rule hs_rules_compile(uint64_t address);

/* What a word says; HS_RULE_COMPLEX: ask hs_rules_compile(). */
struct hs_rule hs_rule_word_rule(uint64_t word);

/* Can the rule be remembered? */
bool hs_rules_have_room(const struct hs_rule *rule);

/* Is there still no module at `address`? */
bool hs_rules_has_no_module(uint64_t address, uint32_t generation);

/*
 * The program unmaps [start, +size), or maps something else there. A library can be loaded
 * where generated code was only after that code went, so what is known of generated code
 * holds until then. (Not so when it goes by a bare system call.)
 */
void hs_rules_unmap(uint64_t start, uint64_t size);

/* Is the calling thread the only one of those that are unloading? Then nothing is gone yet
 * where it captures: in the destructors of what it unloads. */
bool hs_rules_unloading_is_own(uint32_t unloading);

/* A module went that no hook has told of. */
void hs_rules_note_gone(void);

/* Ask before the first look-up of a capture. False: not now. */
static inline bool hs_rules_begin(uint32_t *ret_generation)
{
    if (!hs_rules)
        return false;
    uint32_t unloading = __atomic_load_n(&hs_rules_unloading, __ATOMIC_ACQUIRE);
    if (__builtin_expect(unloading != 0, 0) && !hs_rules_unloading_is_own(unloading))
        return false;
    if (__builtin_expect(
            hs_loads_gone() != __atomic_load_n(&hs_rules_gone, __ATOMIC_RELAXED), 0))
        hs_rules_note_gone();
    *ret_generation = __atomic_load_n(&hs_rules_generation, __ATOMIC_RELAXED);
    return true;
}

/* A bijection from the 47 bits of an address to the upper 47 of the result: 15 of them
 * choose the place, the others are in the tag, and so are the last two of the place: they
 * tell the addresses apart that may be at one place. */
static inline uint64_t hs_rules_hash(uint64_t address)
{
    return address * (0x9e3779b97f4a7c15u << 17);
}

static inline uint64_t hs_rules_key(uint64_t hash, uint32_t generation)
{
    return hash
           | (uint64_t)(generation & HS_RULE_GENERATION_MAX) << HS_RULE_GENERATION_SHIFT;
}

static inline bool hs_rules_is(uint64_t word, uint64_t key)
{
    return ((word ^ key) & HS_RULE_KEY) == 0;
}

static inline uint64_t *hs_rules_place(uint64_t hash)
{
    return &hs_rules[hash >> (64 - HS_RULES_BITS)];
}

/*
 * The rule for return address `address`, which has that hash. Address 0 has none: the
 * word's kind may be 0. Where code without unwind information leads, an address may have
 * more than 47 bits; it would have to agree with one of code in the others to be mistaken.
 */
static inline uint64_t hs_rules_find(uint64_t address, uint64_t hash, uint32_t generation)
{
    uint64_t word = __atomic_load_n(hs_rules_place(hash), __ATOMIC_RELAXED);
    if (__builtin_expect(hs_rules_is(word, hs_rules_key(hash, generation)), 1))
        return word;
    return hs_rules_seek(address, generation);
}

static inline uint64_t hs_rule_word_cfa(uint64_t word)
{
    return (word >> HS_RULE_CFA_SHIFT) * 8;
}

/* Of a word whose kind is HS_RULE_WORD_SPECIAL. */
static inline enum hs_rule_special hs_rule_word_special(uint64_t word)
{
    return (enum hs_rule_special)(word >> HS_RULE_CFA_SHIFT);
}

/* How far below the CFA the caller's frame pointer is saved; 0: it is not. */
static inline uint64_t hs_rule_word_bp(uint64_t word)
{
    return word & HS_RULE_BP_MAX * 8;
}

#endif

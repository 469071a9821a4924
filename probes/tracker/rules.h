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

/* From bit 0: kind 2, CFA offset in words 14, frame pointer's place in words 6,
 * generation 8, tag 34. What does not fit is complex. Word 0 is an empty entry. */
enum {
    HS_RULE_WORD_SPECIAL = 1, /* the offset field holds enum hs_rule_special */
    HS_RULE_WORD_SP,
    HS_RULE_WORD_BP,
    HS_RULE_WORD_KIND = 3,
};
enum hs_rule_special {
    HS_SPECIAL_FRAME = 1,
    HS_SPECIAL_NO_MODULE, /* as FRAME, but only until something is loaded there */
    HS_SPECIAL_OUTERMOST,
    HS_SPECIAL_COMPLEX,
};

#define HS_RULES_WAYS 4u
#define HS_RULES_BUCKETS ((size_t)1 << 13)
#define HS_RULE_GENERATION_SHIFT 22
#define HS_RULE_TAG_SHIFT 30
#define HS_RULE_TAG_BITS 34
#define HS_RULE_ADDRESS_BITS 47

extern uint64_t *hs_rules; /* NULL: not ready */
extern uint32_t hs_rules_generation;
extern uint32_t hs_rules_unloading;

bool hs_rules_init(void);

/* Around every dlclose. */
void hs_rules_unload_begin(void);
void hs_rules_unload_end(void);

/* Only the calling thread is left. */
void hs_rules_fork_child(void);

/* Compile the rule for return address `address`, and keep it where that is safe. */
uint64_t hs_rules_make(uint64_t address, uint32_t generation);

/* Is there still no module at `address`? */
bool hs_rules_has_no_module(uint64_t address);

/* Ask before the first look-up of a capture. False: not now. */
static inline bool hs_rules_begin(uint32_t *ret_generation)
{
    if (!hs_rules || __atomic_load_n(&hs_rules_unloading, __ATOMIC_ACQUIRE))
        return false;
    *ret_generation = __atomic_load_n(&hs_rules_generation, __ATOMIC_RELAXED);
    return true;
}

/* A bijection of 47 bits: 13 of them choose the bucket, the others are the tag. */
static inline uint64_t hs_rules_hash(uint64_t address)
{
    return (address * 0x9e3779b97f4a7c15u) & (((uint64_t)1 << HS_RULE_ADDRESS_BITS) - 1);
}

static inline uint64_t hs_rules_key(uint64_t hash, uint32_t generation)
{
    return hash << HS_RULE_TAG_SHIFT
           | (uint64_t)(generation & 0xff) << HS_RULE_GENERATION_SHIFT;
}

static inline bool hs_rules_is(uint64_t word, uint64_t key)
{
    return (word ^ key) >> HS_RULE_GENERATION_SHIFT == 0 && (word & HS_RULE_WORD_KIND);
}

static inline uint64_t hs_rules_find(uint64_t address, uint32_t generation)
{
    if (__builtin_expect(address >> HS_RULE_ADDRESS_BITS != 0, 0))
        return HS_RULE_WORD_SPECIAL | HS_SPECIAL_COMPLEX << 2;
    uint64_t hash = hs_rules_hash(address);
    uint64_t key = hs_rules_key(hash, generation);
    const uint64_t *bucket = &hs_rules[(hash >> HS_RULE_TAG_BITS) * HS_RULES_WAYS];
    uint64_t word = __atomic_load_n(&bucket[0], __ATOMIC_RELAXED);
    if (__builtin_expect(hs_rules_is(word, key), 1))
        return word;
    for (unsigned way = 1; way < HS_RULES_WAYS; way++) {
        word = __atomic_load_n(&bucket[way], __ATOMIC_RELAXED);
        if (hs_rules_is(word, key))
            return word;
    }
    return hs_rules_make(address, generation);
}

static inline uint64_t hs_rule_word_cfa(uint64_t word)
{
    return (word >> 2 & 0x3fff) * 8;
}

/* How far below the CFA the caller's frame pointer is saved; 0: it is not. */
static inline uint64_t hs_rule_word_bp(uint64_t word)
{
    return (word >> 16 & 0x3f) * 8;
}

#endif

// SPDX-License-Identifier: MIT

/*
 * The walk without a memory: through signal frames, over stacks that are not the thread's
 * own, and while a library is being unloaded. Nothing is known beforehand, so each page is
 * asked about before the first look at it. A signal frame holds the registers of the code
 * that was interrupted (the kernel's struct rt_sigframe), and with them another stack maybe.
 */

#include "probes/tracker/walk.h"

#include <stddef.h>
#include <ucontext.h>

#include "probes/tracker/cfi_read.h"
#include "probes/tracker/guard.h"
#include "probes/tracker/rules.h"
#include "probes/tracker/stack.h"

#define PAGE ((uint64_t)4096)
/* Handlers inside handlers; a damaged stack may show any number. */
#define SIGNALS_MAX 16
/* Below the stack pointer of interrupted code: a function that is about to return may have
 * popped what its rule says it saved. */
#define RED_ZONE ((uint64_t)128)

enum step_result { STEP_ON, STEP_END, STEP_DECLINE };

struct walker {
    uint64_t ip, sp, bp;
    bool is_interrupted; /* ip is not a return address but where the code stood */
    uint32_t signals;
    uint32_t generation;
    bool has_table; /* rules may be remembered */
    uint64_t page;  /* the last one that was found readable */
};

static bool read_word(struct walker *walker, uint64_t address, uint64_t *ret)
{
    if (address % 8 != 0)
        return false;
    uint64_t page = address & ~(PAGE - 1);
    if (page != walker->page && !hs_memory_is_readable(address))
        return false;
    walker->page = page;
    *ret = *(const volatile uint64_t *)address;
    return true;
}

/* The frame whose callee has its CFA at `cfa`, and saved its bp at `bp_slot`, 0: nowhere. */
static enum step_result step_to(struct walker *walker, uint64_t cfa, uint64_t bp_slot)
{
    uint64_t ip, bp = walker->bp;
    uint64_t low = walker->sp - (walker->is_interrupted ? RED_ZONE : 0);
    if (cfa <= walker->sp || (bp_slot && (bp_slot < low || bp_slot >= cfa))
        || !read_word(walker, cfa - 8, &ip)
        || (bp_slot && !read_word(walker, bp_slot, &bp)))
        return STEP_DECLINE;
    walker->ip = ip;
    walker->sp = cfa;
    walker->bp = bp;
    walker->is_interrupted = false;
    return STEP_ON;
}

/* Code without unwind information: it may keep a frame pointer. */
static enum step_result step_frame(struct walker *walker)
{
    uint64_t slot = walker->bp, ip;
    if (slot < walker->sp || slot - walker->sp > HS_WALK_GUESS_MAX
        || !read_word(walker, slot + 8, &ip) || ip < PAGE)
        return STEP_END;
    return step_to(walker, slot + 16, slot);
}

static enum step_result step_signal(struct walker *walker)
{
#if defined(__x86_64__)
    uint64_t registers = walker->sp + offsetof(ucontext_t, uc_mcontext.gregs);
    if (++walker->signals > SIGNALS_MAX
        || !read_word(walker, registers + REG_RIP * 8, &walker->ip)
        || !read_word(walker, registers + REG_RBP * 8, &walker->bp)
        || !read_word(walker, registers + REG_RSP * 8, &walker->sp))
        return STEP_DECLINE;
    walker->is_interrupted = true;
    return STEP_ON;
#else
    (void)walker;
    return STEP_DECLINE;
#endif
}

/* A frame that was aligned beyond what the ABI gives: its CFA is kept in a slot. */
static enum step_result step_realigned(struct walker *walker, uint64_t below)
{
    uint64_t slot = walker->bp - below, cfa;
    if (walker->bp < below || slot < walker->sp || !read_word(walker, slot, &cfa)
        || cfa < walker->bp + 16)
        return STEP_DECLINE;
    return step_to(walker, cfa, walker->bp);
}

static enum step_result step_by_rule(struct walker *walker, const struct hs_rule *rule)
{
    switch (rule->kind) {
    case HS_RULE_FRAME:
        return step_frame(walker);
    case HS_RULE_SP:
    case HS_RULE_BP: {
        uint64_t base = rule->kind == HS_RULE_SP ? walker->sp : walker->bp;
        uint64_t cfa = base + rule->cfa_offset;
        return step_to(walker, cfa, rule->bp_offset ? cfa - rule->bp_offset : 0);
    }
    case HS_RULE_REALIGNED:
        return step_realigned(walker, rule->cfa_offset);
    case HS_RULE_OUTERMOST:
        return STEP_END;
    case HS_RULE_COMPLEX:
        break;
    }
    return rule->reason == HS_REASON_SIGNAL ? step_signal(walker) : STEP_DECLINE;
}

/* Rules, and whoever reads stacks, take an address for the byte behind the instruction
 * that is meant. */
static uint64_t return_address(const struct walker *walker)
{
    return walker->ip + walker->is_interrupted;
}

static struct hs_rule find_rule(const struct walker *walker)
{
    uint64_t address = return_address(walker);
    struct hs_rule rule = {.kind = HS_RULE_COMPLEX};
    if (walker->has_table) {
        uint64_t word =
            hs_rules_find(address, hs_rules_hash(address), walker->generation);
        rule = hs_rule_word_rule(word);
    }
    return rule.kind == HS_RULE_COMPLEX ? hs_rules_compile(address) : rule;
}

bool hs_walk_far(struct hs_thread *thread, void *hook_frame)
{
    const uint64_t *hook = hook_frame;
    struct walker walker = {.ip = hook[1], .sp = (uint64_t)hook + 16, .bp = hook[0]};
    thread->n_fresh = 0;
    if (!hs_rules)
        return false;
    walker.has_table = hs_rules_begin(&walker.generation);
    enum step_result result = STEP_ON;
    while (result == STEP_ON && walker.ip >= PAGE) {
        if (thread->n_fresh == HS_STACK_DEPTH_MAX) {
            hs_stack_count_truncated();
            break;
        }
        thread->fresh[thread->n_fresh++] =
            (struct hs_thread_frame){.ip = return_address(&walker)};
        struct hs_rule rule = find_rule(&walker);
        result = step_by_rule(&walker, &rule);
    }
    return result != STEP_DECLINE;
}

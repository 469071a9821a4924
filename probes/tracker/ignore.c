// SPDX-License-Identifier: MIT

/*
 * The second root of the trie, and putting stacks below it.
 *
 * While a thread ignores, the fast walk of its stack declines (walk.c), and what comes
 * after it asks for the ignored twin of the stack it has found (stack.c).
 */

#include "probes/tracker/ignore.h"

#include <stddef.h>

#include "probes/abi.h"
#include "probes/tracker/guard.h"
#include "probes/tracker/intern.h"
#include "probes/tracker/live.h"
#include "probes/tracker/live_table.h"
#include "probes/tracker/stack.h"

/* What sets the hash of an ignored stack apart from that of its twin. */
#define SALT 0x69676e6f72656421u

/* How far below a pointer a block may begin for the quick search; the slow one looks at
 * every block there is. */
#define QUICK_REACH ((uint64_t)64 << 10)

__thread uint32_t hs_ignore_depth;
static bool is_used; /* there may be ignored stacks */

/* ---- stacks ---- */

static uint32_t find_or_add(uint32_t parent, uint64_t address, uint64_t hash)
{
    uint32_t node = hs_intern_seek(hash);
    return node ? node : hs_intern_add(parent, address, hash);
}

uint32_t hs_ignore_stack(uint32_t stack)
{
    uint64_t addresses[HS_STACK_DEPTH_MAX], hash = SALT;
    uint32_t count, depth = 0;
    const struct hs_capture_frame *nodes = hs_stack_nodes(&count);
    if (hs_ignore_is(stack))
        return stack;
    for (uint32_t node = stack; node > HS_STACK_UNKNOWN && depth < HS_STACK_DEPTH_MAX;
         node = nodes[node].parent)
        addresses[depth++] = nodes[node].address;

    __atomic_store_n(&is_used, true, __ATOMIC_RELAXED);
    uint32_t twin = find_or_add(HS_STACK_NONE, HS_FRAME_IGNORED, hash);
    for (uint32_t i = 0; i < depth && twin != HS_STACK_UNKNOWN; i++) {
        uint64_t address = addresses[depth - 1 - i];
        hash += hs_intern_term(address, i);
        twin = find_or_add(twin, address, hash);
    }
    return twin;
}

bool hs_ignore_is(uint32_t stack)
{
    uint32_t count;
    const struct hs_capture_frame *nodes = hs_stack_nodes(&count);
    if (!__atomic_load_n(&is_used, __ATOMIC_RELAXED)) /* as in nearly every process */
        return false;
    while (stack > HS_STACK_UNKNOWN && nodes[stack].parent != HS_STACK_NONE)
        stack = nodes[stack].parent;
    return stack > HS_STACK_UNKNOWN && nodes[stack].address == HS_FRAME_IGNORED;
}

/* ---- threads ---- */

/* What is known of the stack's memory lets the fast walk begin. */
static void forget_stack(void)
{
    if (!hs_guard_try())
        return;
    struct hs_thread *thread = hs_thread_get();
    if (thread)
        thread->stack_low = thread->stack_high = 0;
    hs_guard_drop();
}

void hs_ignore_begin(void)
{
    if (hs_ignore_depth++ == 0)
        forget_stack();
}

bool hs_ignore_end(void)
{
    if (hs_ignore_depth == 0)
        return false;
    hs_ignore_depth--;
    return true;
}

/* ---- blocks ---- */

struct search {
    uint64_t address;
    struct hs_live_block found; /* address 0: none yet */
};

static bool holds(const struct hs_live_block *block, uint64_t address)
{
    return address >= block->address
           && address - block->address < (block->size ? block->size : 1);
}

static bool look(const struct hs_live_block *block, void *context)
{
    struct search *search = context;
    if (holds(block, search->address))
        search->found = *block;
    return block->address < search->address && !search->found.address;
}

/* Is there a block that begins at `start`? Then the search is over. */
static bool look_at(uint64_t start, struct search *search)
{
    const uint64_t *word = hs_live_word_find(start);
    uint64_t value = word ? __atomic_load_n(word, __ATOMIC_ACQUIRE) : 0;
    if (!hs_live_word_stack(value) || (value >> 38 & 3) != hs_live_low_bits(start))
        return false;
    struct hs_live_block block = {.address = start,
                                  .size = hs_live_word_size(value, start)};
    if (holds(&block, search->address))
        search->found = block;
    return true;
}

static bool find(struct search *search)
{
    uint64_t start = search->address & ~(uint64_t)7;
    for (uint64_t below = 0; below < QUICK_REACH && below < start; below += 8)
        if (look_at(start - below, search))
            return search->found.address != 0;
    hs_live_each(look, search);
    return search->found.address != 0;
}

void hs_ignore_block(uint64_t address)
{
    struct search search = {.address = address};
    struct hs_live_block block;
    if (!address || !hs_guard_try())
        return;
    if (find(&search) && hs_live_remove(search.found.address, &block)) {
        block.stack = hs_ignore_stack(block.stack);
        hs_live_restore(&block);
    }
    hs_guard_drop();
}

// SPDX-License-Identifier: MIT

/*
 * The trie of stacks: an array of nodes, and hash tables that find a node by (parent,
 * address).
 *
 * The array is one reservation of address space, so a node never moves and a snapshot
 * can copy it as it is. The hash starts small, because a sparse one costs a cache miss
 * a look-up; when half full, a table of twice the size is put in front of it. Nodes
 * found in an older table are copied to the front as they are used. Nothing is ever
 * removed, so look-ups take no lock; two threads that race for the same new node leave
 * one copy unused.
 */

#include "probes/tracker/stack.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>

#include "probes/tracker/guard.h"
#include "probes/tracker/intern.h"
#include "probes/tracker/modules.h"
#include "probes/tracker/raw.h"

#define NODES_WANTED ((uint32_t)1 << 23)
#define NODES_MODEST ((uint32_t)1 << 20) /* where address space is limited */
#define NODES_LEAST ((uint32_t)1 << 14)
#define PAGE_NODES (4096 / (uint32_t)sizeof(struct hs_capture_frame))
#define TABLE_FIRST ((uint32_t)1 << 13)

struct table {
    struct table *older;
    uint32_t mask;
    uint32_t slots[]; /* index of a node, 0 = empty */
};

static struct hs_capture_frame *nodes;
static uint32_t capacity;
static uint32_t used; /* may run past capacity */
static struct table *newest;
static uint64_t dropped; /* stacks that found no place */

static struct table *table_create(uint32_t slots, struct table *older)
{
    struct table *table = hs_raw_map_used(sizeof(*table) + slots * sizeof(uint32_t));
    if (!table)
        return NULL;
    table->older = older;
    table->mask = slots - 1;
    return table;
}

bool hs_intern_init(void)
{
    struct rlimit limit = {0, 0};
    hs_raw(SYS_prlimit64, 0, RLIMIT_AS, NULL, &limit);
    capacity = limit.rlim_cur == RLIM_INFINITY ? NODES_WANTED : NODES_MODEST;
    /* One more than may be used: see is_next. */
    while (!(nodes = hs_raw_map(((size_t)capacity + 1) * sizeof(*nodes)))
           && capacity > NODES_LEAST)
        capacity /= 4;
    newest = nodes ? table_create(TABLE_FIRST, NULL) : NULL;
    if (!newest)
        return false;
    nodes[HS_STACK_UNKNOWN].module = UINT32_MAX;
    used = HS_STACK_UNKNOWN + 1;
    return true;
}

void hs_intern_deinit(void)
{
    while (newest) {
        struct table *older = newest->older;
        hs_raw_unmap_used(newest, sizeof(*newest)
                                      + ((size_t)newest->mask + 1) * sizeof(uint32_t));
        newest = older;
    }
    if (nodes)
        hs_raw_unmap(nodes, ((size_t)capacity + 1) * sizeof(*nodes));
    nodes = NULL;
    hs_raw_unuse(used / PAGE_NODES * 4096);
    used = 0;
    dropped = 0;
}

static inline uint32_t hash(uint32_t parent, uint64_t address)
{
    uint64_t h = (address ^ (uint64_t)parent << 32) * 0x9e3779b97f4a7c15u;
    h ^= h >> 29;
    h *= 0xbf58476d1ce4e5b9u;
    return (uint32_t)(h >> 32);
}

static inline bool node_is(uint32_t index, uint32_t parent, uint64_t address)
{
    return nodes[index].address == address && nodes[index].parent == parent;
}

/* The node's index, or 0 with the empty slot where the search ended. */
static inline uint32_t table_find(struct table *table, uint32_t h, uint32_t parent,
                                  uint64_t address, uint32_t **ret_slot)
{
    for (uint32_t i = h & table->mask;; i = (i + 1) & table->mask) {
        uint32_t index = __atomic_load_n(&table->slots[i], __ATOMIC_ACQUIRE);
        if (index == 0) {
            *ret_slot = &table->slots[i];
            return 0;
        }
        if (node_is(index, parent, address))
            return index;
    }
}

/* Put `index` where the search ended or behind what others put there meanwhile. Returns
 * the node that stands for the pair from now on. */
static uint32_t table_insert(struct table *table, uint32_t *slot, uint32_t index)
{
    uint32_t parent = nodes[index].parent;
    uint64_t address = nodes[index].address;
    for (;;) {
        uint32_t other = 0;
        if (__atomic_compare_exchange_n(slot, &other, index, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE))
            return index;
        if (node_is(other, parent, address))
            return other;
        slot = &table->slots[(uint32_t)(slot - table->slots + 1) & table->mask];
    }
}

static uint32_t node_create(uint32_t parent, uint64_t address)
{
    uint32_t index = __atomic_load_n(&used, __ATOMIC_RELAXED);
    do {
        if (index >= capacity || (index % PAGE_NODES == 0 && !hs_raw_use(4096)))
            return 0;
    } while (!__atomic_compare_exchange_n(&used, &index, index + 1, true,
                                          __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    nodes[index].module = UINT32_MAX;
    nodes[index].address = address;
    __atomic_store_n(&nodes[index].parent, parent, __ATOMIC_RELEASE);
    return index;
}

/* Keep the front table at most half full. Without memory for a bigger one it may fill to
 * three quarters, then no new nodes are made. */
static bool table_has_room(struct table *table)
{
    uint32_t count = __atomic_load_n(&used, __ATOMIC_RELAXED);
    if (count <= table->mask / 2)
        return true;
    struct table *bigger = table_create((table->mask + 1) * 2, table);
    if (!bigger)
        return count <= table->mask / 4 * 3;
    if (!__atomic_compare_exchange_n(&newest, &table, bigger, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE))
        hs_raw_unmap_used(bigger, sizeof(*bigger)
                                      + ((size_t)bigger->mask + 1) * sizeof(uint32_t));
    return true;
}

static uint32_t find_in_older(const struct table *front, uint32_t h, uint32_t parent,
                              uint64_t address)
{
    uint32_t *slot;
    for (struct table *table = front->older; table; table = table->older) {
        uint32_t index = table_find(table, h, parent, address, &slot);
        if (index)
            return index;
    }
    return 0;
}

/* A new stack makes its nodes one after the other, so most have their first callee right
 * behind them. A node without a module is not taken: it may be a copy nobody uses. */
static inline bool is_next(uint32_t parent, uint64_t address)
{
    const struct hs_capture_frame *node = &nodes[parent + 1];
    return __atomic_load_n(&node->parent, __ATOMIC_ACQUIRE) == parent
           && __atomic_load_n(&node->address, __ATOMIC_RELAXED) == address
           && __atomic_load_n(&node->module, __ATOMIC_RELAXED) != UINT32_MAX;
}

static uint32_t drop(void)
{
    __atomic_fetch_add(&dropped, 1, __ATOMIC_RELAXED);
    return HS_STACK_UNKNOWN;
}

uint64_t hs_stack_dropped_count(void)
{
    return __atomic_load_n(&dropped, __ATOMIC_RELAXED);
}

uint32_t hs_stack_intern(uint32_t parent, uint64_t address)
{
    struct table *table = __atomic_load_n(&newest, __ATOMIC_ACQUIRE);
    if (HS_UNLIKELY(!table))
        return HS_STACK_UNKNOWN;
    if (HS_LIKELY(is_next(parent, address)))
        return parent + 1;
    uint32_t h = hash(parent, address);
    uint32_t *slot;
    uint32_t index = table_find(table, h, parent, address, &slot);
    if (HS_LIKELY(index))
        return index;

    if (!table_has_room(table))
        return drop();
    index = find_in_older(table, h, parent, address);
    if (index)
        return table_insert(table, slot, index);
    uint32_t module = hs_module_find(address);
    index = node_create(parent, address);
    if (!index)
        return drop();
    uint32_t winner = table_insert(table, slot, index);
    __atomic_store_n(&nodes[index].module, winner == index ? module : UINT32_MAX,
                     __ATOMIC_RELEASE);
    return winner;
}

const struct hs_capture_frame *hs_stack_nodes(uint32_t *ret_count)
{
    *ret_count = __atomic_load_n(&used, __ATOMIC_ACQUIRE);
    return nodes;
}

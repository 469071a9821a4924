// SPDX-License-Identifier: MIT

/*
 * The trie of stacks: an array of nodes, and hash tables that find the node of a stack.
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
#define TABLE_FIRST ((uint32_t)1 << 12)

static struct hs_capture_frame *nodes;
static uint32_t capacity;
static uint32_t used;    /* may run past capacity */
static uint64_t dropped; /* stacks that found no place */
struct hs_intern_table *hs_intern_newest;

static size_t table_bytes(uint64_t slots)
{
    return sizeof(struct hs_intern_table) + slots * sizeof(uint64_t);
}

static struct hs_intern_table *table_create(uint64_t slots, struct hs_intern_table *older)
{
    struct hs_intern_table *table = hs_raw_map_used(table_bytes(slots));
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
    while (!(nodes = hs_raw_map((size_t)capacity * sizeof(*nodes)))
           && capacity > NODES_LEAST)
        capacity /= 4;
    hs_intern_newest = nodes ? table_create(TABLE_FIRST, NULL) : NULL;
    if (!hs_intern_newest)
        return false;
    nodes[HS_STACK_UNKNOWN].module = UINT32_MAX;
    used = HS_STACK_UNKNOWN + 1;
    return true;
}

void hs_intern_deinit(void)
{
    while (hs_intern_newest) {
        struct hs_intern_table *older = hs_intern_newest->older;
        hs_raw_unmap_used(hs_intern_newest, table_bytes(hs_intern_newest->mask + 1));
        hs_intern_newest = older;
    }
    if (nodes)
        hs_raw_unmap(nodes, (size_t)capacity * sizeof(*nodes));
    nodes = NULL;
    hs_raw_unuse(used / PAGE_NODES * 4096);
    used = 0;
    dropped = 0;
}

static uint32_t slot_node(uint64_t slot)
{
    return (uint32_t)slot & (((uint32_t)1 << HS_INTERN_NODE_BITS) - 1);
}

/* The node, or 0 with the empty slot where the search ended. */
static uint32_t table_find(struct hs_intern_table *table, uint64_t hash,
                           uint64_t **ret_slot)
{
    for (uint64_t i = hash & table->mask;; i = (i + 1) & table->mask) {
        uint64_t slot = __atomic_load_n(&table->slots[i], __ATOMIC_ACQUIRE);
        *ret_slot = &table->slots[i];
        if (slot == 0)
            return 0;
        if ((slot ^ hash) >> HS_INTERN_NODE_BITS == 0)
            return slot_node(slot);
    }
}

/* Put `node` where the search ended or behind what others put there meanwhile. Returns
 * the node that stands for the hash from now on. */
static uint32_t table_insert(struct hs_intern_table *table, uint64_t *slot, uint64_t hash,
                             uint32_t node)
{
    uint64_t wanted = hash >> HS_INTERN_NODE_BITS << HS_INTERN_NODE_BITS | node;
    for (;;) {
        uint64_t other = 0;
        if (__atomic_compare_exchange_n(slot, &other, wanted, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE))
            return node;
        if ((other ^ hash) >> HS_INTERN_NODE_BITS == 0)
            return slot_node(other);
        slot = &table->slots[(uint64_t)(slot - table->slots + 1) & table->mask];
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
    nodes[index].address = address;
    nodes[index].parent = parent;
    nodes[index].module = hs_module_find(address);
    return index;
}

/* Keep the front table at most half full. Without memory for a bigger one it may fill to
 * three quarters, then no new nodes are made. */
static bool table_has_room(struct hs_intern_table *table)
{
    uint32_t count = __atomic_load_n(&used, __ATOMIC_RELAXED);
    if (count <= table->mask / 2)
        return true;
    uint64_t slots = (table->mask + 1) * 2;
    struct hs_intern_table *bigger = table_create(slots, table);
    if (!bigger)
        return count <= table->mask / 4 * 3;
    if (!__atomic_compare_exchange_n(&hs_intern_newest, &table, bigger, false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        hs_raw_unmap_used(bigger, table_bytes(slots));
    return true;
}

/* In `front`, or in an older table, from where it is taken over. */
static uint32_t seek_from(struct hs_intern_table *front, uint64_t hash)
{
    uint64_t *slot, *ignored;
    uint32_t node = table_find(front, hash, &slot);
    for (struct hs_intern_table *table = front->older; table && !node;
         table = table->older) {
        node = table_find(table, hash, &ignored);
        if (node)
            node = table_insert(front, slot, hash, node);
    }
    return node;
}

uint32_t hs_intern_seek(uint64_t hash)
{
    for (;;) {
        struct hs_intern_table *front =
            __atomic_load_n(&hs_intern_newest, __ATOMIC_ACQUIRE);
        uint32_t node = front ? seek_from(front, hash) : 0;
        if (hs_intern_is_newest(front))
            return node;
    }
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

uint32_t hs_intern_add(uint32_t parent, uint64_t address, uint64_t hash)
{
    struct hs_intern_table *table = __atomic_load_n(&hs_intern_newest, __ATOMIC_ACQUIRE);
    if (HS_UNLIKELY(!table) || !table_has_room(table))
        return drop();
    uint32_t node = node_create(parent, address);
    if (!node)
        return drop();
    uint64_t *slot;
    uint32_t other = table_find(table, hash, &slot);
    uint32_t winner = other ? other : table_insert(table, slot, hash, node);
    return hs_intern_is_newest(table) ? winner : hs_intern_seek(hash);
}

const struct hs_capture_frame *hs_stack_nodes(uint32_t *ret_count)
{
    *ret_count = __atomic_load_n(&used, __ATOMIC_ACQUIRE);
    return nodes;
}

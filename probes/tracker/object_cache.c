// SPDX-License-Identifier: MIT

/*
 * Sequence locks without waiting.
 */

#include "probes/tracker/object_cache.h"

#include "probes/tracker/rules.h"

static uint64_t load(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static void store(uint64_t *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

static uint32_t slot_of(const struct hs_object_key *key)
{
    return (uint32_t)((key->start * 0x9e3779b97f4a7c15u) >> 58) % HS_OBJECT_SLOTS;
}

static uint32_t generation_now(void)
{
    return __atomic_load_n(&hs_rules_generation, __ATOMIC_ACQUIRE);
}

bool hs_object_find(struct hs_object_cache *cache, const struct hs_object_key *key,
                    struct hs_object_value *ret)
{
    __typeof__(&cache->slots[0]) slot = &cache->slots[slot_of(key)];
    uint32_t before = __atomic_load_n(&slot->sequence, __ATOMIC_ACQUIRE);
    bool is_same =
        __atomic_load_n(&slot->generation, __ATOMIC_RELAXED) == generation_now()
        && load(&slot->key.start) == key->start && load(&slot->key.end) == key->end
        && load(&slot->key.table) == key->table;
    ret->first = load(&slot->value.first);
    ret->second = load(&slot->value.second);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return is_same && before % 2 == 0
           && __atomic_load_n(&slot->sequence, __ATOMIC_RELAXED) == before;
}

void hs_object_keep(struct hs_object_cache *cache, const struct hs_object_key *key,
                    const struct hs_object_value *value)
{
    __typeof__(&cache->slots[0]) slot = &cache->slots[slot_of(key)];
    uint32_t sequence = __atomic_load_n(&slot->sequence, __ATOMIC_RELAXED);
    if (sequence % 2 != 0
        || !__atomic_compare_exchange_n(&slot->sequence, &sequence, sequence + 1, false,
                                        __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return;
    __atomic_thread_fence(__ATOMIC_RELEASE);
    __atomic_store_n(&slot->generation, generation_now(), __ATOMIC_RELAXED);
    store(&slot->key.start, key->start);
    store(&slot->key.end, key->end);
    store(&slot->key.table, key->table);
    store(&slot->value.first, value->first);
    store(&slot->value.second, value->second);
    __atomic_store_n(&slot->sequence, sequence + 2, __ATOMIC_RELEASE);
}

// SPDX-License-Identifier: MIT

/*
 * Walks over the whole live table, for snapshots and when the epochs run out.
 */

#include "probes/tracker/live.h"

#include "probes/tracker/control.h"
#include "probes/tracker/handles.h"
#include "probes/tracker/live_table.h"
#include "probes/tracker/mappings.h"
#include "probes/tracker/sample.h"

/* Called with a word that is a block and the start of the granule it stands for. */
struct walk {
    bool (*visit)(uint64_t *word, uint64_t granule, void *context);
    void *context;
};

static bool walk_word(const struct walk *walk, uint64_t *word, uint64_t granule)
{
    return hs_live_word_stack(__atomic_load_n(word, __ATOMIC_ACQUIRE)) == 0
           || walk->visit(word, granule, walk->context);
}

static bool is_touched(const struct hs_live_leaf *leaf, size_t page)
{
    return __atomic_load_n(&leaf->touched[page], __ATOMIC_ACQUIRE);
}

static bool walk_leaf(const struct walk *walk, struct hs_live_leaf *leaf, uint64_t start)
{
    size_t second = hs_live_plane_words();
    for (size_t page = 0; page < hs_live_plane_words() / HS_LIVE_PAGE_WORDS; page++) {
        bool in_first = is_touched(leaf, page);
        bool in_second =
            hs_live.second_plane && is_touched(leaf, page + second / HS_LIVE_PAGE_WORDS);
        if (!in_first && !in_second)
            continue;
        for (size_t i = page * HS_LIVE_PAGE_WORDS; i < (page + 1) * HS_LIVE_PAGE_WORDS;
             i++) {
            uint64_t granule = start + ((uint64_t)i << hs_live.granule_shift);
            if ((in_first && !walk_word(walk, &leaf->words[i], granule))
                || (in_second && !walk_word(walk, &leaf->words[second + i], granule)))
                return false;
        }
    }
    return true;
}

static void walk_all(const struct walk *walk)
{
    for (size_t region = 0; hs_live.directory && region < HS_LIVE_REGIONS; region++) {
        if (region % HS_LIVE_PAGE_WORDS == 0
            && !__atomic_load_n(&hs_live.directory_touched[region / HS_LIVE_PAGE_WORDS],
                                __ATOMIC_ACQUIRE)) {
            region += HS_LIVE_PAGE_WORDS - 1;
            continue;
        }
        struct hs_live_leaf *leaf =
            __atomic_load_n(&hs_live.directory[region], __ATOMIC_ACQUIRE);
        if (leaf && !walk_leaf(walk, leaf, (uint64_t)region << HS_LIVE_REGION_SHIFT))
            return;
    }
}

struct each {
    bool (*visit)(const struct hs_live_block *block, void *context);
    void *context;
};

static bool visit_block(uint64_t *word, uint64_t granule, void *context)
{
    const struct each *each = context;
    uint64_t value = __atomic_load_n(word, __ATOMIC_ACQUIRE);
    if (hs_live_word_stack(value) == 0)
        return true;
    struct hs_live_block block = {
        .address = granule | (value >> 38 & 3) << 3,
        .stack = hs_live_word_stack(value),
        .birth_epoch = value >> 28 & HS_LIVE_EPOCH_MAX,
    };
    block.size = hs_live_word_size(value, block.address);
    return each->visit(&block, each->context);
}

void hs_live_each(bool (*visit)(const struct hs_live_block *block, void *context),
                  void *context)
{
    if (hs_sample_rate) {
        hs_sample_each(visit, context);
        return;
    }
    struct each each = {visit, context};
    walk_all(&(struct walk){visit_block, &each});
}

static bool forget_epoch(uint64_t *word, uint64_t granule, void *context)
{
    (void)granule;
    (void)context;
    *word &= ~((uint64_t)HS_LIVE_EPOCH_MAX << 28);
    return true;
}

uint32_t hs_live_advance_epoch(void)
{
    if (hs_live.epoch == HS_LIVE_EPOCH_MAX) {
        walk_all(&(struct walk){forget_epoch, NULL});
        hs_handle_forget_epochs();
        hs_mapping_forget_epochs();
        hs_sample_forget_epochs();
        hs_live.epoch = 0;
    }
    hs_live.epoch++;
    hs_control->epoch = hs_live.epoch;
    return hs_live.epoch;
}
